import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { sleep, type Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import type { CompletenessLedger } from './completeness.ts'
import { Continuity, idsOf, type IdRange, type TradePoint } from './continuity.ts'
import { idPlus } from '../../domain/trade-id.ts'
import { gapKey } from '../../domain/stored-gaps.ts'
import type { CursorStore, TapeCursor } from '../../ports/cursor-store.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'
import { fillHole, firstNotOlder, type PageBefore } from './hole-filler.ts'
import { CursorKeeper } from './cursor-keeper.ts'
import { findable, LARGEST_GAP, LateFiller } from './late-filler.ts'
import { piecesOf } from './pieces.ts'

/** Bounds of a tape. Milliseconds. */
export interface TapeSettings {
  /** A hole may be a message that was overtaken: it gets this long to arrive by itself. */
  readonly reorderGraceMs: number
  /** A hole that cannot be filled within this time becomes a gap. */
  readonly repairTimeoutMs: number
  /** Trades held back behind holes; one more, and the holes become gaps. */
  readonly maxHeldTrades: number
  /** What happened longer ago is not read again. */
  readonly maxBackfillMs: number
}

export interface TapeHooks {
  readonly exchange: string
  readonly symbol: string
  /** For example `okx trades:BTC-USDT`. */
  readonly stream: string
  /** Where its books are kept; it outlives the tape. */
  readonly ledger: CompletenessLedger
  readonly clock: Clock
  readonly random: Random
  /** Reads single fills over REST; absent where that cannot be done. */
  readonly pageBefore: PageBefore | undefined
  /** The same for gaps, which can wait. Default: `pageBefore`. */
  readonly latePageBefore?: PageBefore | undefined
  readonly cursorStore: CursorStore | undefined
  /** What else belongs to the cursor of this moment. */
  readonly state?: (() => string | undefined) | undefined
  readonly deliver: (point: TradePoint) => void
  readonly onGap: (gap: Gap) => void
  readonly onError: (error: TapekeeperError) => void
}

const RETRY: BackoffPolicy = { baseMs: 500, capMs: 5_000 }
/** Fills read before they are released: bounds memory, and lets a long repair show progress. */
const CHUNK = 1_000
/** Holes with no more than this many fills between them are read together. */
const BRIDGE = 100
/** A hole larger than this is checked with REST before it is believed. */
const IMPLAUSIBLE = 1_000
/** An id below the cursor on a trade this much newer means that the exchange counts anew. */
const ID_RESET_MS = 60_000
/** Exchange times of neighbouring trades may be this much out of order. */
const CLOCK_SKEW_MS = 2_000
/** What is to be found later is announced in pieces: each is found as a whole, in memory. */
const LATE_PIECE = 5_000
/** REST may lag behind the socket: an answer without the trades is not believed the first times. */
const MIN_READINGS = 3

/** Reasons that may pass. */
const LOOKED_FOR: readonly GapReason[] = ['rest-failed', 'rest-short', 'buffer-full', 'cursor-late']

interface Reading {
  readonly reading: GapReason | 'certain'
  /** When the request that failed was sent. */
  readonly failedSince?: number | undefined
}

/**
 * Keeps one trade stream complete: delivers in order and once, holds back what lies behind a hole, fills the hole over REST, and
 * declares what cannot be had. The undisturbed path is one comparison.
 */
export class TradeTape {
  readonly #settings: TapeSettings
  readonly #hooks: TapeHooks
  readonly #order = new Continuity()
  readonly #ledger: CompletenessLedger
  readonly #late: LateFiller
  readonly #keeper: CursorKeeper
  /** The first trade that was delivered. */
  #began: { readonly id: number; readonly timestamp: number } | undefined
  #lastTimestamp: number | undefined
  #ending = new AbortController()
  #repair: Promise<void> | undefined
  /** The last hole was given up because REST did not answer, or not with what it should know by now. */
  #isRestDown = false
  /** REST has been asked about ids up to here. */
  #believedTo = -Infinity
  /** Where a hole begins after what is too old has been cut off: that need not be searched for again. */
  #cutAt: number | undefined
  /** Held trades that are about to be delivered. */
  #releasing = 0
  /** It goes on behind a stored cursor. */
  #isContinued = false
  /** Trades that arrived while the stored cursor was being read. */
  #early: TradePoint[] | undefined

  constructor(settings: TapeSettings, hooks: TapeHooks) {
    this.#settings = settings
    this.#hooks = hooks
    this.#ledger = hooks.ledger
    const { clock, random, pageBefore, latePageBefore = pageBefore } = hooks
    this.#late = new LateFiller(
      { clock, random, pageBefore: latePageBefore, isRepairing: () => this.#repair !== undefined },
      {
        onFilled: (gap, trades) => this.#filled(gap, trades),
        onGivenUp: (gap) => this.#keeper.givenUp(gap),
      },
    )
    this.#keeper = new CursorKeeper({
      ...hooks,
      position: () => this.#position(),
      state: () => hooks.state?.(),
      onLateCursor: (cursor) => {
        this.#beginAt(cursor)
        void this.#keeper.save()
      },
      onOpenGaps: (gaps) => findable(gaps).forEach((gap) => this.#late.add(gap)),
    })
  }

  get isWhole(): boolean {
    return !this.#order.hasHole && this.#early === undefined && this.#releasing === 0
  }

  /** Takes up where the stored cursor stands. Trades may be accepted meanwhile; they wait. */
  async open(): Promise<void> {
    this.#ending = new AbortController()
    this.#late.resume()
    this.#repairSoon()
    this.#keeper.resume()
    if (this.#hooks.cursorStore === undefined || this.#order.cursor !== undefined || this.#keeper.isPending) return
    this.#early = []
    this.#beginAt(await this.#keeper.load())
    const early = this.#early
    this.#early = undefined
    for (const point of early) this.accept(point)
  }

  #beginAt(cursor: TapeCursor | undefined): void {
    const id = Number(cursor?.id)
    if (cursor === undefined || !Number.isSafeInteger(id)) return
    this.#isContinued = true
    if (this.#order.cursor !== undefined) {
      this.#missedBefore(id, cursor.timestamp)
      return
    }
    this.#order.begin(id)
    this.#lastTimestamp = cursor.timestamp
  }

  /** The tape began before its cursor came: what lies between becomes gaps, and is looked for. */
  #missedBefore(id: number, fromTime: number): void {
    const end = this.#began
    if (end === undefined || id >= end.id - 1) return
    const missed = { first: id + 1, last: end.id - 1 }
    const isTooOld = this.#hooks.clock.now() - fromTime > this.#settings.maxBackfillMs
    if (isTooOld) this.#announce(missed, 'too-old', end.timestamp, fromTime)
    else for (const piece of piecesOf(missed, LATE_PIECE)) this.#announce(piece, 'cursor-late', end.timestamp, fromTime)
  }

  accept(point: TradePoint): void {
    if (this.#early !== undefined) {
      this.#early.push(point)
      return
    }
    const ids = idsOf(point)
    if (ids === undefined) {
      const message = `trade id ${point.data.id} is not a number, so nothing can be proved of it`
      this.#hooks.onError(new TapekeeperError('FRAME_INVALID', message, { stream: this.#hooks.stream }))
      return
    }
    switch (this.#order.accept(point, ids)) {
      case 'next':
        this.#deliver(point, ids)
        return
      case 'duplicate':
        this.#duplicate(point, ids)
        break
      case 'held':
        this.#release()
        if (this.#order.heldCount > this.#settings.maxHeldTrades) this.#giveUpAll('buffer-full')
    }
    this.#repairSoon()
  }

  /** Nothing to do: the next trade's id tells what was lost. */
  interrupted(): void {
    return
  }

  /**
   * Ends the tape. With a cursor store what is held back is left to the next start, which finds the same hole; without one the
   * holes are declared and the rest is delivered. `forGood: false` (a restart) keeps everything as it is.
   */
  async close(forGood: boolean): Promise<void> {
    this.#ending.abort(new TapekeeperError('ABORTED', 'the tape was closed'))
    this.#late.stop()
    this.#keeper.pause()
    // At once, while there is still somebody to deliver to: a forced stop does not wait for what follows.
    if (forGood && this.#hooks.cursorStore === undefined) this.#giveUpAll('stopped')
    await this.#repair
    if (!forGood) return
    this.#late.forgetAll()
    const isKept = this.#hooks.cursorStore !== undefined && (await this.#keeper.save())
    // Nobody will find these holes again.
    if (!isKept) this.#giveUpAll('stopped')
    this.#keeper.end()
  }

  #deliver(point: TradePoint, ids: IdRange): void {
    const fills = ids.last - ids.first + 1
    this.#ledger.count('delivered', fills, point.timestamp)
    if (point.data.backfilled) this.#ledger.count('backfilled', fills, point.timestamp)
    this.#lastTimestamp = point.timestamp
    if (this.#began === undefined) this.#begin(ids, point.timestamp)
    this.#hooks.deliver(point)
    this.#keeper.moved()
  }

  #begin({ first }: IdRange, timestamp: number): void {
    this.#began = { id: first, timestamp }
    if (!this.#isContinued) this.#keeper.begin({ id: String(idPlus(first, -1)), timestamp })
  }

  #release(): void {
    const ready = this.#order.takeReady()
    this.#releasing = ready.length
    for (const point of ready) {
      this.#releasing--
      const ids = idsOf(point)
      if (ids !== undefined) this.#deliver(point, ids)
    }
  }

  #duplicate(point: TradePoint, ids: IdRange): void {
    const isReset = this.#lastTimestamp !== undefined && point.timestamp > this.#lastTimestamp + ID_RESET_MS
    if (!isReset || this.#order.hasHole) {
      this.#ledger.count('duplicates', ids.last - ids.first + 1, point.timestamp)
      return
    }
    this.#announce({ first: NaN, last: NaN }, 'ids-restarted', point.timestamp)
    // What REST has under the old ids from now on is something else.
    this.#late.forgetAll()
    this.#keeper.allGivenUp()
    this.#order.begin(ids.first - 1)
    this.accept(point)
  }

  #repairSoon(): void {
    if (this.#repair !== undefined || !this.#order.hasHole || this.#ending.signal.aborted) return
    const { signal } = this.#ending
    this.#repair = this.#repairAll(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#hooks.onError(TapekeeperError.from(error, 'REST_FAILED'))
      })
      .finally(() => {
        this.#repair = undefined
        this.#repairSoon()
      })
  }

  async #repairAll(signal: AbortSignal): Promise<void> {
    const { clock, random, pageBefore } = this.#hooks
    await sleep(clock, this.#settings.reorderGraceMs, signal)
    // Of one moment: a limit that moved on would be chased by a long repair for ever.
    const oldest = clock.now() - this.#settings.maxBackfillMs
    let failing: { since: number; times: number } | undefined
    for (;;) {
      const hole = this.#order.firstHole
      if (hole === undefined) return
      if (pageBefore === undefined) {
        this.#giveUp(hole.last, 'unprovable')
        continue
      }
      const range = this.#rangeToRead(hole)
      const { reading, failedSince } = await this.#read(range, hole, oldest, pageBefore, signal)
      if ((this.#order.cursor ?? 0) >= range.last) {
        failing = undefined
        continue
      }
      // Only what fails counts against a hole, not its time in the queue behind other streams' repairs.
      failing = { since: failing?.since ?? failedSince ?? clock.elapsed(), times: (failing?.times ?? 0) + 1 }
      const hasTimedOut = clock.elapsed() - failing.since >= this.#settings.repairTimeoutMs
      if (hasTimedOut && this.#isImpossible()) {
        this.#disbelieve(this.#order.firstHole ?? hole)
        failing = undefined
      } else if (reading === 'certain') {
        failing = undefined
      } else if (reading === 'rest-failed' && (this.#isRestDown || hasTimedOut)) {
        // Every other hole would wait as long for the same nothing; and the next ones get one try each until REST is back.
        this.#isRestDown = true
        this.#giveUpAll('rest-failed')
        failing = undefined
      } else if (reading !== 'rest-failed' && (this.#isRestDown || (hasTimedOut && failing.times >= MIN_READINGS))) {
        this.#isRestDown = true
        // What is blank at its lower end after so long will not look better further up.
        const isBlank = this.#order.firstHole?.first === hole.first && this.#order.firstHole.last === hole.last
        this.#giveUp(isBlank ? Math.max(hole.last, range.last) : range.last, reading)
        failing = undefined
      } else {
        await sleep(clock, backoffDelay(failing.times - 1, RETRY, random), signal)
      }
    }
  }

  /** The first hole, up to a chunk of it, and those that follow so closely that one page may serve them all. */
  #rangeToRead(first: IdRange): IdRange {
    const end = first.first + CHUNK - 1
    let last = Math.min(first.last, end)
    for (const hole of this.#order.holes()) {
      if (hole.first - last > BRIDGE || hole.last > end) break
      last = Math.max(last, hole.last)
    }
    return { first: first.first, last }
  }

  /**
   * Reads a range and takes in what was found. Says why the rest is missing; `certain` when that has been settled already: what
   * is too old, or what REST lacks although it knows what came after, has become a gap.
   */
  async #read(range: IdRange, hole: IdRange, oldest: number, pageBefore: PageBefore, signal: AbortSignal): Promise<Reading> {
    const certain = { reading: 'certain' } as const
    if (
      hole.last - hole.first > IMPLAUSIBLE &&
      hole.last > this.#believedTo &&
      (await this.#isInvented(hole, pageBefore, signal))
    )
      return certain
    if (hole.last > range.last && (this.#lastTimestamp ?? Infinity) < oldest && this.#cutAt !== hole.first) {
      const start = await firstNotOlder(hole, oldest, pageBefore, signal)
      if (start === undefined) return { reading: 'rest-short' }
      this.#cutAt = start
      if (start > hole.first) {
        this.#giveUp(start - 1, 'too-old')
        return certain
      }
    }
    const { found, reason, isCaughtUp, failedSince } = await fillHole(range, pageBefore, oldest, signal)
    if (found.length > 0 || isCaughtUp) {
      this.#isRestDown = false
      this.#late.hurry()
    }
    for (const point of found) {
      const ids = idsOf(point)
      if (ids !== undefined) this.#order.accept(point, ids)
    }
    this.#release()
    if (reason !== 'too-old' && !(reason === 'rest-short' && isCaughtUp)) return { reading: reason, failedSince }
    this.#giveUp(range.last, reason)
    return certain
  }

  /** A damaged id can claim a million trades. When REST knows of none near it, the claim is dropped and not believed. */
  async #isInvented(hole: IdRange, pageBefore: PageBefore, signal: AbortSignal): Promise<boolean> {
    const { found } = await fillHole({ first: hole.last, last: hole.last }, pageBefore, 0, signal)
    const exists = found.length > 0
    const page = exists ? [] : await pageBefore(String(hole.last + 1), signal).catch(() => [])
    const newest = Math.max(-Infinity, ...page.flatMap((point) => idsOf(point)?.last ?? []))
    // A REST that lags is near the end. Should this judge a real trade, the next one shows the same hole again.
    if (exists || page.length === 0 || newest > (hole.first + hole.last) / 2) {
      if (exists) this.#believedTo = hole.last
      return false
    }
    this.#disbelieve(hole)
    return true
  }

  /**
   * Ids grow with time: when trades before a hole are newer than the one behind it, that one's id was damaged. To believe it would
   * drop every real trade up to that id.
   */
  #isImpossible(): boolean {
    const behind = this.#order.nextHeld
    return behind !== undefined && this.#lastTimestamp !== undefined && this.#lastTimestamp > behind.timestamp + CLOCK_SKEW_MS
  }

  #disbelieve(hole: IdRange): void {
    const dropped = this.#order.forget(({ first }) => first > hole.last)
    const message = `a trade id claims ${hole.last - hole.first + 1} trades that do not exist`
    this.#hooks.onError(new TapekeeperError('FRAME_INVALID', message, { stream: this.#hooks.stream, dropped }))
  }

  #giveUpAll(reason: GapReason): void {
    this.#giveUp(Infinity, reason)
  }

  /** Everything missing up to and with `last` becomes gaps, one per hole, each in its place in the order. */
  #giveUp(last: number, reason: GapReason): void {
    for (;;) {
      const hole = this.#order.firstHole
      if (hole === undefined || hole.first > last) return
      const range = { first: hole.first, last: Math.min(hole.last, last) }
      this.#order.skipTo(range.last)
      const toTime = this.#order.nextHeld?.timestamp
      // What is looked for later is found as a whole, in memory.
      const pieces = LOOKED_FOR.includes(reason) ? piecesOf(range, LARGEST_GAP) : [range]
      for (const piece of pieces) this.#announce(piece, reason, toTime)
      this.#release()
    }
  }

  #announce({ first, last }: IdRange, reason: GapReason, toTime: number | undefined, fromTime = this.#lastTimestamp): void {
    const { exchange, symbol, stream, clock } = this.#hooks
    const isKnown = Number.isFinite(first)
    const missing = isKnown ? last - first + 1 : undefined
    const at = clock.now()
    const gap: Gap = {
      exchange,
      symbol,
      stream,
      fromId: isKnown ? String(first) : undefined,
      toId: isKnown ? String(last) : undefined,
      fromTime,
      toTime,
      missing,
      reason,
      filled: false,
      trades: undefined,
      at,
    }
    if (missing === undefined) this.#ledger.countUnknownGap()
    else this.#ledger.missed(gapKey(gap), missing, toTime ?? fromTime ?? at)
    this.#keeper.declared(gap, LOOKED_FOR.includes(reason) && this.#late.add(gap))
    this.#hooks.onGap(gap)
  }

  #filled(gap: Gap, trades: readonly TradePoint[]): void {
    this.#ledger.found(gapKey(gap), gap.missing ?? 0, gap.toTime ?? gap.fromTime ?? gap.at)
    const filled = { ...gap, filled: true, trades, at: this.#hooks.clock.now() }
    this.#hooks.onGap(filled)
    this.#keeper.filled(filled)
  }

  #position(): TapeCursor | undefined {
    const { cursor } = this.#order
    return cursor === undefined || this.#lastTimestamp === undefined
      ? undefined
      : { id: String(cursor), timestamp: this.#lastTimestamp }
  }
}
