import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { sleep, type Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { unlessAborted } from '../../ports/on-abort.ts'
import type { CompletenessLedger } from './completeness.ts'
import { Continuity, idsOf, type TradePoint } from './continuity.ts'
import type { CursorStore, TapeCursor } from '../../ports/cursor-store.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'
import { countIds, idPlus, idValue, type IdRange, type IdValue } from '../../domain/trade-id.ts'
import { fillHole, firstNotOlder, rangeToRead, type PageBefore } from './hole-filler.ts'
import { CursorKeeper } from './cursor-keeper.ts'
import { Eras } from './eras.ts'
import { GapTeller } from './gap-teller.ts'
import { HeldClaims } from './held-claims.ts'
import { findable, LateFiller } from './late-filler.ts'
import { LiveTime } from './live-time.ts'
import { piecesOf } from './pieces.ts'
import { RecentTrades } from './recent-trades.ts'
import { RestartDoubt, type Newcomer } from './restart-doubt.ts'
import { RestPatience } from './rest-patience.ts'
import type { TapeSettings } from './tape-settings.ts'

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

/** What is to be found later is announced in pieces: each is found as a whole, in memory. */
const LATE_PIECE = 5_000
/** Copies of an id that does not count come soon. */
const MOST_UNCOUNTED = 100

/** What came of reading a range; `certain` when there is nothing to wait for. */
type Outcome = Reading | 'certain'

interface Reading {
  /** Why the rest is missing. */
  readonly reason: GapReason
  /** How many fills came. */
  readonly found: number
  /** Elapsed time at which the request that failed was sent. */
  readonly failedSince?: number | undefined
}

interface ReadingTask {
  readonly range: IdRange
  readonly hole: IdRange
  readonly oldest: number
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
  readonly #time: LiveTime
  readonly #recent = new RecentTrades()
  readonly #restart: RestartDoubt
  readonly #claims: HeldClaims
  readonly #patience: RestPatience
  readonly #gaps: GapTeller
  /** Ids that do not count, and are in a gap. */
  #uncounted: string[] = []
  /** The first trade that was delivered. */
  #began: { readonly id: IdValue; readonly timestamp: number } | undefined
  #lastTimestamp: number | undefined
  #ending = new AbortController()
  #repair: Promise<void> | undefined
  readonly #eras = new Eras(this.#recent)
  /** Reads single fills over REST, those of this era alone. */
  readonly #pageBefore: PageBefore | undefined
  /** Where a hole begins after what is too old has been cut off: that need not be searched for again. */
  #cutAt: IdValue | undefined
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
    this.#time = new LiveTime(clock)
    this.#claims = new HeldClaims(this.#order, this.#recent, this.#time, clock)
    this.#patience = new RestPatience(clock, random, settings.repairTimeoutMs, pageBefore !== undefined)
    this.#pageBefore = pageBefore && this.#eras.only(pageBefore)
    this.#late = new LateFiller(
      {
        clock,
        random,
        pageBefore: latePageBefore && this.#eras.only(latePageBefore),
        isRepairing: () => this.#repair !== undefined,
      },
      {
        onFilled: (gap, trades) => this.#gaps.filled(gap, trades),
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
    this.#gaps = new GapTeller(hooks, this.#keeper, this.#late)
    this.#restart = new RestartDoubt(
      {
        clock,
        pageBefore: pageBefore && ((beforeId, signal) => unlessAborted(pageBefore(beforeId, signal), signal)),
        timeoutMs: settings.repairTimeoutMs,
        maxWaiting: settings.maxHeldTrades,
        cursor: () => this.#order.cursor,
        highest: () => this.#order.highest,
        isRecent: (id) => this.#recent.timeOf(id) !== undefined,
        reached: () => this.#claims.reached().value,
        receivedTime: (point) => this.#time.receivedAt(point.timestamp),
        isOfNow: (point) => this.#time.isNow(point.timestamp),
        onRestart: (newcomers) => this.#beginAnew(newcomers),
        onDamaged: (newcomers) => newcomers.forEach(({ point, ids }) => this.#countCopy(point, ids)),
        onUnproven: (newcomers) => this.#restarted(newcomers.at(-1)),
      },
      this.#ending.signal,
    )
  }

  /** False while anything waits: behind a hole, for the stored cursor, or because its ids may have begun anew. */
  get isWhole(): boolean {
    return !this.#order.hasHole && this.#early === undefined && this.#releasing === 0 && !this.#restart.isOpen
  }

  /** Takes up where the stored cursor stands. Trades may be accepted meanwhile; they wait. */
  async open(): Promise<void> {
    this.#ending = new AbortController()
    this.#late.resume()
    this.#repairSoon()
    this.#restart.resume(this.#ending.signal)
    this.#keeper.resume()
    if (this.#hooks.cursorStore === undefined || this.#order.cursor !== undefined || this.#keeper.isPending) return
    this.#early = []
    this.#beginAt(await this.#keeper.load())
    const early = this.#early
    this.#early = undefined
    for (const point of early) this.accept(point)
  }

  #beginAt(cursor: TapeCursor | undefined): void {
    const id = typeof cursor?.id === 'string' ? idValue(cursor.id) : undefined
    if (cursor === undefined || id === undefined) return
    this.#isContinued = true
    if (this.#order.cursor !== undefined) {
      this.#missedBefore(id, cursor.timestamp)
      return
    }
    this.#order.begin(id)
    this.#lastTimestamp = cursor.timestamp
  }

  /** The tape began before its cursor came: what lies between becomes gaps, and is looked for. */
  #missedBefore(id: IdValue, fromTime: number): void {
    const end = this.#began
    if (end === undefined || idPlus(id, 1) >= end.id) return
    const missed = { first: idPlus(id, 1), last: idPlus(end.id, -1) }
    const isTooOld = this.#time.now() - fromTime > this.#settings.maxBackfillMs
    const pieces = isTooOld ? [missed] : piecesOf(missed, LATE_PIECE)
    for (const piece of pieces) this.#gaps.announce(piece, isTooOld ? 'too-old' : 'cursor-late', fromTime, end.timestamp)
  }

  accept(point: TradePoint): void {
    if (this.#early !== undefined) {
      this.#early.push(point)
      return
    }
    const ids = idsOf(point)
    if (ids === undefined) {
      this.#uncountable(point)
      return
    }
    if (this.#eras.hasEnded(ids.last, point.timestamp)) {
      this.#countCopy(point, ids)
      return
    }
    switch (this.#order.accept(point, ids)) {
      case 'next':
        this.#time.observe(point.timestamp)
        this.#deliver(point, ids)
        return
      case 'duplicate':
        this.#known(point, ids)
        break
      case 'held':
        this.#time.observe(point.timestamp)
        this.#claims.received(point)
        this.#release()
        if (this.#order.heldCount > this.#settings.maxHeldTrades) this.#makeRoom()
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
    if (forGood && this.#hooks.cursorStore === undefined) this.#giveUp(Infinity, 'stopped')
    if (forGood) this.#restart.end()
    await this.#repair
    if (!forGood) return
    this.#late.forgetAll()
    const isKept = this.#hooks.cursorStore !== undefined && (await this.#keeper.save())
    // Nobody will find these holes again.
    if (!isKept) this.#giveUp(Infinity, 'stopped')
    this.#keeper.end()
  }

  #deliver(point: TradePoint, ids: IdRange): void {
    const fills = countIds(ids.first, ids.last)
    this.#ledger.count('delivered', fills, point.timestamp)
    if (point.data.backfilled) this.#ledger.count('backfilled', fills, point.timestamp)
    this.#lastTimestamp = point.timestamp
    this.#recent.add(ids.last, point.timestamp)
    if (this.#began === undefined) this.#begin(ids, point.timestamp)
    this.#hooks.deliver(point)
    this.#keeper.moved()
  }

  #begin({ first }: IdRange, timestamp: number): void {
    this.#began = { id: first, timestamp }
    this.#eras.begun(first)
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

  /** No place in the order, and nothing to tell a copy by but the text: such a trade is a gap of its own. */
  #uncountable(point: TradePoint): void {
    const { id, count: fills = 1 } = point.data
    if (this.#uncounted.includes(id)) {
      this.#ledger.count('duplicates', fills, point.timestamp)
      return
    }
    this.#uncounted = [...this.#uncounted, id].slice(-MOST_UNCOUNTED)
    const message = `trade id ${JSON.stringify(id.slice(0, 100))} is not a whole number, so nothing can be proved of it`
    this.#hooks.onError(new TapekeeperError('FRAME_INVALID', message, { stream: this.#hooks.stream }))
    const time = point.timestamp
    this.#gaps.tell({ fromId: id, toId: id, missing: fills, reason: 'unprovable', fromTime: time, toTime: time })
  }

  // Whose ids are known already.

  #known(point: TradePoint, ids: IdRange): void {
    const isNew = this.#isNewer(point, ids) && this.#restart.add({ point, ids })
    if (isNew) this.#claims.received(point)
    else this.#countCopy(point, ids)
    this.#claims.repeated(point, ids)
  }

  /** A copy has the time of what it is a copy of, or at least that of something that was delivered. */
  #isNewer({ timestamp }: TradePoint, { last }: IdRange): boolean {
    const { cursor } = this.#order
    if (cursor === undefined || last > cursor || this.#recent.has(last, timestamp)) return false
    const { value } = this.#claims.reached()
    return timestamp > (Number.isFinite(value) ? value : (this.#lastTimestamp ?? Infinity))
  }

  #countCopy(point: TradePoint, { first, last }: IdRange): void {
    this.#ledger.count('duplicates', countIds(first, last), point.timestamp)
  }

  /** The exchange counts anew. What is missing of the old ids will not be found under them. */
  #beginAnew(newcomers: readonly Newcomer[]): void {
    this.#giveUp(Infinity, 'ids-restarted')
    const lowest = newcomers.reduce<IdValue>((least, { ids }) => (ids.first < least ? ids.first : least), Infinity)
    this.#restarted(newcomers[0])
    this.#eras.begin(this.#order.cursor ?? lowest, lowest, Math.min(...newcomers.map(({ point }) => point.timestamp)))
    this.#late.forgetAll()
    this.#keeper.allGivenUp()
    this.#order.begin(idPlus(lowest, -1))
    for (const { point } of newcomers) this.accept(point)
  }

  /** Nobody knows how many lie between. */
  #restarted(newcomer: Newcomer | undefined): void {
    this.#gaps.announce(undefined, 'ids-restarted', this.#lastTimestamp, newcomer?.point.timestamp)
  }

  #disbelieve(): void {
    const { points, claimed } = this.#claims.refuted()
    if (points.size === 0) return
    const dropped = this.#order.forget((point) => points.has(point))
    const message = `a trade id claims ${claimed} trades that do not exist`
    this.#hooks.onError(new TapekeeperError('FRAME_INVALID', message, { stream: this.#hooks.stream, dropped }))
    for (const point of this.#claims.takeRivals()) this.accept(point)
  }

  // Filling holes.

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
    const { clock } = this.#hooks
    const patience = this.#patience
    await sleep(clock, this.#settings.reorderGraceMs, signal)
    // Of one moment: a limit that moved on would be chased by a long repair for ever.
    const oldest = this.#time.now() - this.#settings.maxBackfillMs
    for (;;) {
      this.#disbelieve()
      const hole = this.#order.firstHole
      if (hole === undefined) return
      patience.turnTo(hole.last)
      const range = rangeToRead(hole, this.#order.holes())
      const outcome = await this.#readInTime({ range, hole, oldest }, signal)
      if (outcome === 'certain' || this.#isSettled(range)) {
        patience.done()
        continue
      }
      patience.failed(outcome.failedSince)
      this.#disbelieve()
      const open = this.#order.firstHole
      if (open?.last !== hole.last) continue
      const isDoubtful = this.#claims.isDoubtful(open)
      if (patience.isOver(this.#claims.longestWaitMs(), outcome.reason !== 'rest-failed', isDoubtful)) {
        patience.isRestDown = true
        // What is blank at its lower end after so long will not look better further up; and of what one trade alone claims, nothing
        // or all: its lower part may be what is traded next.
        const isWhole = outcome.found === 0 || isDoubtful
        this.#giveUp(isWhole && hole.last > range.last ? hole.last : range.last, outcome.reason)
        // Every other hole would wait as long for the same nothing; and the next ones get one try each until REST is back.
        if (outcome.reason === 'rest-failed') this.#giveUpBelieved('rest-failed')
      } else {
        await sleep(clock, patience.pauseMs(), signal)
      }
    }
  }

  #isSettled({ last }: IdRange): boolean {
    const { cursor } = this.#order
    return cursor !== undefined && cursor >= last
  }

  /** A REST that fails is not waited for longer than a hole may take. */
  async #readInTime(task: ReadingTask, signal: AbortSignal): Promise<Outcome> {
    const limitMs = this.#patience.readingMs(this.#claims.longestWaitMs())
    if (limitMs === undefined) return this.#read(task, signal)
    const control = new AbortController()
    const stop = this.#hooks.clock.after(limitMs, () => control.abort(new Error('its time is up')))
    try {
      return await this.#read(task, AbortSignal.any([signal, control.signal]))
    } catch (error) {
      if (signal.aborted || !control.signal.aborted) throw error
      return { reason: 'rest-failed', found: 0 }
    } finally {
      stop()
    }
  }

  /**
   * Reads a range and takes in what was found. Says why the rest is missing; `certain` when that has been settled already: what
   * is too old, or what REST lacks although it knows what came after, has become a gap.
   */
  async #read({ range, hole, oldest }: ReadingTask, signal: AbortSignal): Promise<Outcome> {
    const pageBefore = this.#pageBefore
    if (pageBefore === undefined) return { reason: 'unprovable', found: 0 }
    const era = this.#eras.number
    const limit = this.#isOld(oldest) ? oldest : -Infinity
    if (hole.last > range.last && limit === oldest && this.#cutAt !== hole.first) {
      const start = await firstNotOlder(hole, oldest, pageBefore, signal)
      if (era !== this.#eras.number) return 'certain'
      if (start === undefined) return { reason: 'rest-short', found: 0 }
      this.#cutAt = start
      this.#giveUp(idPlus(start, -1), 'too-old')
      return 'certain'
    }
    const { found, reason, tooOldTo, isCaughtUp, failedSince } = await fillHole(range, pageBefore, limit, signal)
    // What the exchange had under the old ids has no place among the new ones.
    if (era !== this.#eras.number) return 'certain'
    if (found.length > 0 || isCaughtUp) {
      this.#patience.isRestDown = false
      this.#late.hurry()
    }
    for (const point of found) {
      const ids = idsOf(point)
      if (ids !== undefined) this.#order.accept(point, ids)
    }
    if (tooOldTo !== undefined) this.#giveUp(tooOldTo, 'too-old')
    this.#release()
    if (isCaughtUp && reason === 'rest-short') {
      this.#giveUp(range.last, 'rest-short')
      return 'certain'
    }
    return { reason, found: found.length, failedSince }
  }

  /** Ids grow with time: only behind an old trade can anything be old. One damaged time is not enough to say so. */
  #isOld(oldest: number): boolean {
    return (this.#lastTimestamp ?? Infinity) < oldest && this.#claims.reached().value < oldest
  }

  // Giving up.

  #makeRoom(): void {
    this.#giveUpBelieved('buffer-full')
    if (this.#order.heldCount > this.#settings.maxHeldTrades) this.#giveUp(Infinity, 'buffer-full')
  }

  /** All holes up to one that a single trade claims: that has its own time. */
  #giveUpBelieved(reason: GapReason): void {
    for (let hole = this.#order.firstHole; hole !== undefined && !this.#claims.isDoubtful(hole); hole = this.#order.firstHole)
      this.#giveUp(hole.last, reason)
  }

  /** Everything missing up to and with `last` becomes gaps, one per hole, each in its place in the order. */
  #giveUp(last: IdValue, reason: GapReason): void {
    for (;;) {
      const hole = this.#order.firstHole
      if (hole === undefined || hole.first > last) return
      const range = { first: hole.first, last: hole.last < last ? hole.last : last }
      this.#order.skipTo(range.last)
      this.#gaps.announceAll(range, reason, this.#lastTimestamp, this.#order.nextHeld?.timestamp)
      this.#release()
    }
  }

  #position(): TapeCursor | undefined {
    const { cursor } = this.#order
    return cursor === undefined || this.#lastTimestamp === undefined
      ? undefined
      : { id: String(cursor), timestamp: this.#time.believed(this.#lastTimestamp) }
  }
}
