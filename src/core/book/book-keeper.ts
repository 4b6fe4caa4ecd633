import type { PointOf } from '../../domain/market-data.ts'
import type { Cancel, Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { AWAITING, FRESH, isNumbered, stepBookSync, stepRestSnapshot, type BookSync, type BookSyncStep } from './book-sync.ts'
import { MAX_BOOK_LEVELS, MaintainedBook, type BookSideName, type LocalBook } from './local-book.ts'
import { ResyncPolicy } from './resync-policy.ts'

/**
 * Why a book became valid (`snapshot`: the exchange sent one, `rest-snapshot`: it was fetched) or invalid:
 *
 * - `gap`: an update is missing
 * - `crossed`: an update left a bid at or above the ask, so an earlier change must have been lost
 * - `connection-lost`: changes are being missed until the next snapshot
 * - `bad-frame`: a frame that may have been an update could not be read
 * - `too-shallow`: of a book too deep to keep whole, most of what was kept has gone
 * - `stopped`: nobody keeps it any more
 */
export type BookReason =
  'snapshot' | 'rest-snapshot' | 'gap' | 'crossed' | 'connection-lost' | 'bad-frame' | 'too-shallow' | 'stopped'

/** A local book became valid, or stopped being so. Consumers of updates drop what they have and wait for the next snapshot. */
export interface BookStateChange {
  readonly symbol: string
  readonly state: 'valid' | 'invalid'
  readonly reason: BookReason
  /** Epoch milliseconds. */
  readonly at: number
}

export interface BookKeeperOptions {
  readonly symbol: string
  readonly clock: Clock
  readonly random: Random
  /** Emit each applied update. */
  readonly updates: boolean
  /**
   * Levels per side of emitted snapshots. Default: all. Without effect when updates are emitted: they amend every level, and whoever
   * puts them on top of a trimmed snapshot has a wrong book.
   */
  readonly depth?: number | undefined
  /** Emit a snapshot with the first update after so many milliseconds; 0: with each. Default: only after a (re)synchronisation. */
  readonly snapshotIntervalMs?: number | undefined
  /** Levels kept per side. Default 5,000. */
  readonly maxLevels?: number | undefined
}

export interface BookKeeperHooks {
  readonly emit: (point: PointOf<'orderbook'>) => void
  readonly onState: (change: BookStateChange) => void
  /** Unsubscribes this topic and subscribes again. */
  readonly resubscribe: () => void
  /** Replaces the connection; asked for after several failures in a row. */
  readonly reconnect: () => void
  /** The book over REST, as a snapshot with its sequence number. */
  readonly fetchSnapshot: (signal: AbortSignal) => Promise<PointOf<'orderbook'>>
}

/** A snapshot that has not come so long after subscribing is not coming. Milliseconds. */
const SNAPSHOT_TIMEOUT_MS = 10_000
/** Without snapshots the first sign of life is an update, and quiet books send one per minute. Milliseconds. */
const QUIET_TIMEOUT_MS = 75_000
const MOST_MISSING_SNAPSHOTS = 2
/** Updates held for a snapshot that is being fetched: more than a minute and a half of them. */
const MOST_HELD = 1_000
/** A snapshot still too old after so many attempts: the number waited for is not coming. */
const MOST_STALE_ANSWERS = 10

/**
 * Keeps the book of one symbol: frames in, points and news about its validity out. Runs the rules of `book-sync.ts` and does what
 * they cannot: fetches, resubscribes, waits. What is emitted depends on frames alone, never on a timer, so a replay of the same
 * frames emits the same points. Needs nothing of other books and touches none.
 */
export class BookKeeper {
  readonly #options: BookKeeperOptions
  readonly #hooks: BookKeeperHooks
  readonly #book: MaintainedBook
  readonly #policy: ResyncPolicy
  readonly #maxLevels: number
  #sync: BookSync = FRESH
  /** Some frame of this book had a number. From then on one without cannot be told from a loss, in whatever subscription. */
  #isChained = false
  #held: PointOf<'orderbook'>[] = []
  /** In an auction bids and asks cross. True from a crossed snapshot until the book is first uncrossed. */
  #mayCross = false
  /** The last time the stream began with an update. */
  #isSnapshotless = false
  /** Updates were ignored since the subscription was confirmed. */
  #ignoredUpdates = false
  /** When one was delivered last, elapsed milliseconds. */
  #lastSnapshot = -Infinity
  #resyncs = 0
  #cancelTimer: Cancel = noCancel
  #isBackingOff = false
  #fetching: AbortController | undefined
  #isStopped = false

  constructor(options: BookKeeperOptions, hooks: BookKeeperHooks) {
    this.#options = options
    this.#hooks = hooks
    this.#maxLevels = options.maxLevels ?? MAX_BOOK_LEVELS
    this.#book = new MaintainedBook(options.symbol, this.#maxLevels)
    this.#policy = new ResyncPolicy(options.random)
  }

  get book(): LocalBook {
    return this.#book
  }

  /** Resubscriptions and reconnections this book has asked for. */
  get resyncs(): number {
    return this.#resyncs
  }

  /** The subscription was confirmed: from now on a snapshot is due. */
  onConfirmed(): void {
    if (this.#isStopped || this.#book.isValid || this.#isBackingOff) return
    this.#ignoredUpdates = false
    const { status } = this.#sync
    if (status === 'awaiting' || status === 'fresh') this.#awaitFrames()
  }

  /** The connection was lost; the link subscribes again by itself. */
  onLost(): void {
    if (this.#isStopped) return
    this.#invalidate('connection-lost', this.#options.clock.now())
    this.#begin(FRESH)
  }

  /** A frame that may have been this book's could not be read. */
  onBadFrame(receivedAt: number): void {
    if (this.#book.isValid) this.#lose('bad-frame', receivedAt)
  }

  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#begin(FRESH)
    this.#invalidate('stopped', this.#options.clock.now())
  }

  onFrame(point: PointOf<'orderbook'>): void {
    if (this.#isStopped) return
    const [sync, verdict] = this.#step(point)
    this.#sync = sync
    switch (verdict) {
      case 'replace':
        this.#isSnapshotless = false
        this.#begin(sync)
        this.#replace(point)
        this.#becomeValid('snapshot', point)
        break
      case 'apply':
        if (this.#apply(point)) this.#emitUpdate(point)
        break
      case 'gap':
        this.#lose('gap', point.receivedAt)
        break
      case 'ignore':
        this.#ignored(point)
        break
      case 'hold':
        this.#hold(point)
        break
      case 'fetch-snapshot':
        this.#begin(sync)
        this.#hold(point)
        this.#fetch(0)
    }
  }

  #step({ data }: PointOf<'orderbook'>): BookSyncStep {
    this.#isChained ||= isNumbered(data)
    return stepBookSync(this.#sync, data, this.#isChained)
  }

  #ignored({ timestamp, receivedAt }: PointOf<'orderbook'>): void {
    this.#ignoredUpdates = true
    if (this.#sync.status === 'first-seen') {
      this.#isSnapshotless = true
      this.#begin(this.#sync)
      this.#awaitFrames()
    } else if (this.#sync.status === 'joining' && timestamp > (this.#book.timestamp ?? 0)) {
      // Numbered before our snapshot, yet later than it: the numbering has begun again since.
      this.#lose('gap', receivedAt)
    }
  }

  #replace({ data, timestamp }: PointOf<'orderbook'>): void {
    this.#book.replace(data, timestamp)
    this.#mayCross = this.#book.isCrossed
  }

  /** 7.1, step 3 and 5. Says whether the book may still be believed. */
  #apply({ data, timestamp, receivedAt }: PointOf<'orderbook'>): boolean {
    this.#book.apply(data, timestamp)
    if (!this.#book.isCrossed) this.#mayCross = false
    else if (!this.#mayCross) {
      this.#lose('crossed', receivedAt)
      return false
    }
    if (this.#isTooShallow('bids') || this.#isTooShallow('asks')) {
      this.#lose('too-shallow', receivedAt)
      return false
    }
    return true
  }

  /** Levels were given up, and of those that were kept less than half are left: a new snapshot shows what is behind them. */
  #isTooShallow(side: BookSideName): boolean {
    return !this.#book.isWhole(side) && this.#book.depth(side) < this.#maxLevels / 2
  }

  #emitUpdate(point: PointOf<'orderbook'>): void {
    const { updates, snapshotIntervalMs = Infinity } = this.#options
    if (updates) this.#hooks.emit(point)
    const isDue = snapshotIntervalMs < Infinity && this.#options.clock.elapsed() - this.#lastSnapshot >= snapshotIntervalMs
    // A listener may have ended it all.
    if (isDue && this.#book.isValid) this.#emitSnapshot(point)
  }

  #emitSnapshot({ exchange, timestamp, receivedAt }: PointOf<'orderbook'>): void {
    const { symbol, updates, depth } = this.#options
    this.#lastSnapshot = this.#options.clock.elapsed()
    const data = this.#book.snapshot(updates ? undefined : depth)
    this.#hooks.emit({ exchange, symbol, dataType: 'orderbook', timestamp, receivedAt, data })
  }

  #becomeValid(reason: BookReason, point: PointOf<'orderbook'>): void {
    const { symbol } = this.#options
    this.#policy.becameValid(this.#options.clock.elapsed())
    if (!this.#book.isValid) {
      this.#book.isValid = true
      this.#hooks.onState({ symbol, state: 'valid', reason, at: point.receivedAt })
    }
    // Unless a listener has ended it all.
    if (!this.#isStopped) this.#emitSnapshot(point)
  }

  #invalidate(reason: BookReason, at: number): void {
    this.#policy.becameInvalid(this.#options.clock.elapsed())
    if (!this.#book.isValid) return
    this.#book.isValid = false
    this.#hooks.onState({ symbol: this.#options.symbol, state: 'invalid', reason, at })
  }

  /** Enters a state with nothing under way. */
  #begin(sync: BookSync): void {
    this.#sync = sync
    this.#held = []
    this.#ignoredUpdates = false
    this.#isBackingOff = false
    this.#cancelTimer()
    this.#cancelTimer = noCancel
    this.#fetching?.abort()
    this.#fetching = undefined
  }

  #after(delayMs: number, act: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#options.clock.after(delayMs, act)
  }

  /** 7.1, step 4. */
  #lose(reason: BookReason, at: number): void {
    this.#begin(AWAITING)
    this.#invalidate(reason, at)
    this.#resync()
  }

  #resync(): void {
    if (this.#isStopped) return
    const { action, delayMs } = this.#policy.next()
    const act = (): void => {
      this.#resyncs++
      this.#begin(this.#insistsOnSnapshot ? AWAITING : FRESH)
      this.#awaitFrames()
      this.#hooks[action]()
    }
    this.#begin(AWAITING)
    if (delayMs === 0) act()
    else {
      this.#isBackingOff = true
      this.#after(delayMs, act)
    }
  }

  /** Gives the exchange time to send something that helps. */
  #awaitFrames(): void {
    this.#after(this.#insistsOnSnapshot ? SNAPSHOT_TIMEOUT_MS : QUIET_TIMEOUT_MS, () => this.#nothingHelped())
  }

  /** When asking twice brought none, an exchange without snapshots and with a quiet market is the better guess. */
  get #insistsOnSnapshot(): boolean {
    return !this.#isSnapshotless && this.#policy.failures <= MOST_MISSING_SNAPSHOTS
  }

  #nothingHelped(): void {
    if (this.#sync.status === 'awaiting' && this.#ignoredUpdates) {
      // Subscribed, and yet no snapshot: the exchange does not send them any more.
      this.#isSnapshotless = true
      this.#begin(FRESH)
      this.#awaitFrames()
    } else {
      this.#resync()
    }
  }

  #hold(point: PointOf<'orderbook'>): void {
    this.#held.push(point)
    // The oldest gives way: if the snapshot turns out not to cover it, the next one shows the gap.
    if (this.#held.length > MOST_HELD) this.#held.shift()
  }

  /** 7.2, step 2. */
  #fetch(attempt: number): void {
    const fetching = new AbortController()
    this.#fetching = fetching
    const isCurrent = (): boolean => this.#fetching === fetching
    this.#hooks.fetchSnapshot(fetching.signal).then(
      (point) => {
        if (isCurrent()) this.#fetched(point, attempt)
      },
      () => {
        // REST's trouble is not the stream's: subscribing again would not help.
        if (isCurrent()) this.#after(this.#policy.refetchDelay(attempt), () => this.#fetch(attempt + 1))
      },
    )
  }

  #fetched(point: PointOf<'orderbook'>, attempt: number): void {
    const [sync, verdict] = stepRestSnapshot(this.#sync, point.data.sequence ?? -1)
    if (verdict === 'replace') this.#join(sync, point)
    else if (attempt < MOST_STALE_ANSWERS) this.#after(this.#policy.refetchDelay(attempt), () => this.#fetch(attempt + 1))
    else {
      this.#begin(FRESH)
      this.#awaitFrames()
    }
  }

  /** 7.2, step 3: the snapshot, and what was held. One snapshot tells the result. */
  #join(sync: BookSync, snapshot: PointOf<'orderbook'>): void {
    const held = this.#held
    this.#begin(sync)
    this.#replace(snapshot)
    for (const update of held) {
      const [next, verdict] = this.#step(update)
      this.#sync = next
      if (verdict === 'gap') this.#lose('gap', update.receivedAt)
      else if (verdict === 'ignore') this.#ignored(update)
      else if (verdict === 'apply') this.#apply(update)
      // Any of the three may have found the book wrong.
      if (this.#sync.status !== 'joining' && this.#sync.status !== 'synced') return
    }
    this.#becomeValid('rest-snapshot', { ...snapshot, timestamp: this.#book.timestamp ?? snapshot.timestamp })
  }
}

const noCancel: Cancel = () => undefined
