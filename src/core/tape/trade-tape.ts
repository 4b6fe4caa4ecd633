/* eslint-disable max-lines */
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { sleep, type Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { unlessAborted } from '../../ports/on-abort.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import type { CompletenessLedger } from './completeness.ts'
import { Continuity, idsOf, type TradePoint } from './continuity.ts'
import type { CursorStore, TapeCursor } from '../../ports/cursor-store.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'
import { gapKey } from '../../domain/stored-gaps.ts'
import { countIds, idPlus, idValue, type IdRange, type IdValue } from '../../domain/trade-id.ts'
import { fillHole, firstNotOlder, type PageBefore } from './hole-filler.ts'
import { CursorKeeper } from './cursor-keeper.ts'
import { findable, LARGEST_GAP, LateFiller } from './late-filler.ts'
import { LiveTime } from './live-time.ts'
import { MOST_PIECES, piecesOf } from './pieces.ts'
import { RecentTrades } from './recent-trades.ts'
import { RestartDoubt, type Newcomer } from './restart-doubt.ts'
import { ReachedTime } from './witnesses.ts'

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
/** A larger hole behind which nothing else has come may be the claim of a damaged id. */
const IMPLAUSIBLE = 1_000
/** What is to be found later is announced in pieces: each is found as a whole, in memory. */
const LATE_PIECE = 5_000
/** REST may lag behind the socket: an answer without the trades is not believed the first times. */
const MIN_READINGS = 3
/** A request of a hole that is failing already gets this long when the hole's time is up. */
const LAST_REQUEST_MS = 5_000
/** REST may fail and answer in turns: a trade that has waited for `repairTimeoutMs` and this much more waits no longer. */
const MORE_IN_TURNS_MS = 8_000
/** Exchange times of neighbouring trades may be this much out of order. */
const CLOCK_SKEW_MS = 2_000
/** Copies of an id that does not count come soon. */
const MOST_UNCOUNTED = 100

/** Reasons that may pass. */
const LOOKED_FOR: readonly GapReason[] = ['rest-failed', 'rest-short', 'buffer-full', 'cursor-late']

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

/** What has been tried for the hole that ends here, in vain. */
interface Trouble {
  readonly last: IdValue
  /** Elapsed time since when it fails; undefined while it does not. */
  readonly since: number | undefined
  /** How long it has failed before. */
  readonly spentMs: number
  readonly times: number
}

interface ReadingTask {
  readonly range: IdRange
  readonly hole: IdRange
  readonly oldest: number
  readonly trouble: Trouble | undefined
}

/** When a trade was received: elapsed time, and the exchange's. */
interface Receipt {
  readonly elapsed: number
  readonly time: number
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
  /** When those that wait were received. */
  readonly #receipts = new WeakMap<TradePoint, Receipt>()
  /** Ids that do not count, and are in a gap. */
  #uncounted: string[] = []
  /** The first trade that was delivered. */
  #began: { readonly id: IdValue; readonly timestamp: number } | undefined
  #lastTimestamp: number | undefined
  #ending = new AbortController()
  #repair: Promise<void> | undefined
  /** The last hole was given up because REST did not answer, or not with what it should know by now. */
  #isRestDown: boolean
  /** Elapsed time at which REST has last failed us. */
  #failedAt = -Infinity
  /** Elapsed time at which a range was last read, to its end. */
  #readAt = -Infinity
  /** Ids before and after a restart have nothing to do with each other. */
  #era = 0
  /** Exchange time before which the ids meant other trades. */
  #eraBegan = -Infinity
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
    this.#isRestDown = hooks.pageBefore === undefined
    this.#time = new LiveTime(hooks.clock)
    const { clock, random, pageBefore, latePageBefore = pageBefore } = hooks
    const ofEra = (page: PageBefore | undefined): PageBefore | undefined =>
      page && ((beforeId, signal) => this.#pageOfEra(page, beforeId, signal))
    this.#pageBefore = ofEra(pageBefore)
    this.#late = new LateFiller(
      { clock, random, pageBefore: ofEra(latePageBefore), isRepairing: () => this.#repair !== undefined },
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
    this.#restart = new RestartDoubt(
      {
        clock: hooks.clock,
        pageBefore: pageBefore && ((beforeId, signal) => unlessAborted(pageBefore(beforeId, signal), signal)),
        timeoutMs: settings.repairTimeoutMs,
        maxWaiting: settings.maxHeldTrades,
        cursor: () => this.#order.cursor,
        highest: () => this.#order.highest,
        isRecent: (id) => this.#recent.timeOf(id) !== undefined,
        reached: () => this.#reached().value,
        receivedTime: (point) => this.#time.receivedAt(point.timestamp),
        onRestart: (newcomers) => this.#beginAnew(newcomers),
        onDamaged: (newcomers) => newcomers.forEach(({ point, ids }) => this.#countCopy(point, ids)),
        onUnproven: (newcomers) => this.#announce(undefined, 'ids-restarted', newcomers.at(-1)?.point.timestamp),
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
      this.#uncountable(point)
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
        this.#receipts.set(point, this.#receiptOf(point))
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
    this.#tell({ fromId: id, toId: id, missing: fills, reason: 'unprovable', fromTime: point.timestamp, toTime: point.timestamp })
  }

  // Whose ids are known already.

  #known(point: TradePoint, ids: IdRange): void {
    const isNew = this.#isBehind(ids) && this.#isNewer(point, ids) && this.#restart.add({ point, ids })
    if (!isNew) this.#countCopy(point, ids)
  }

  #isBehind({ last }: IdRange): boolean {
    const { cursor } = this.#order
    return cursor !== undefined && last <= cursor
  }

  /** A copy has the time of what it is a copy of, or at least that of something that was delivered. */
  #isNewer({ timestamp }: TradePoint, { last }: IdRange): boolean {
    if (this.#recent.timeOf(last) === timestamp) return false
    const { value } = this.#reached()
    return timestamp > (Number.isFinite(value) ? value : (this.#lastTimestamp ?? Infinity))
  }

  #countCopy(point: TradePoint, { first, last }: IdRange): void {
    this.#ledger.count('duplicates', countIds(first, last), point.timestamp)
  }

  /** The exchange counts anew. What is missing of the old ids will not be found under them. */
  #beginAnew(newcomers: readonly Newcomer[]): void {
    this.#giveUp(Infinity, 'ids-restarted')
    const lowest = newcomers.reduce<IdValue>((least, { ids }) => (ids.first < least ? ids.first : least), Infinity)
    this.#announce(undefined, 'ids-restarted', newcomers[0]?.point.timestamp)
    this.#era++
    const earliest = Math.min(...newcomers.map(({ point }) => point.timestamp))
    this.#eraBegan = Math.max(this.#eraBegan, ...this.#recent.times().filter((time) => time < earliest))
    this.#late.forgetAll()
    this.#keeper.allGivenUp()
    this.#recent.clear()
    this.#order.begin(idPlus(lowest, -1))
    for (const { point } of newcomers) this.accept(point)
  }

  // Who is right when two do not agree.

  /** Exchange time that several trades of the tape have reached. */
  #reached(): ReachedTime {
    return new ReachedTime(this.#time.latest(), this.#recent.times())
  }

  #receiptOf({ timestamp }: TradePoint): Receipt {
    return { elapsed: this.#hooks.clock.elapsed(), time: this.#time.receivedAt(timestamp) }
  }

  /**
   * Ids grow with time: when several trades with lower ids were made clearly after one had been received, that one's id was damaged. To
   * believe it would drop every real trade up to that id. The trade itself is not lost: it is one of those before the others.
   */
  #disbelieve(): void {
    const reached = this.#reached()
    const refuted = new Set<TradePoint>()
    let claimed = 0
    let expected = this.#order.cursor
    for (const { first, last, point } of this.#order.held()) {
      const receipt = this.#receipts.get(point)
      if (receipt !== undefined && reached.value > receipt.time + CLOCK_SKEW_MS) {
        refuted.add(point)
        claimed += countIds(expected ?? first, first) - 2
      } else {
        reached.add(point.timestamp)
      }
      expected = last
    }
    if (refuted.size === 0) return
    this.#order.forget((point) => refuted.has(point))
    const message = `a trade id claims ${claimed} trades that do not exist`
    this.#hooks.onError(new TapekeeperError('FRAME_INVALID', message, { stream: this.#hooks.stream, dropped: refuted.size }))
  }

  /** A single trade claims a large hole: nothing has come behind it, and REST has not shown it. */
  #isDoubtful(hole: IdRange): boolean {
    if (countIds(hole.first, hole.last) <= IMPLAUSIBLE) return false
    const [behind, next] = this.#order.held()
    if (behind === undefined || behind.first < hole.last || behind.point.data.backfilled) return false
    return next === undefined || countIds(behind.last, next.first) > IMPLAUSIBLE
  }

  /** How long the one that waits longest has waited. */
  #longestWaitMs(): number {
    let oldest = this.#hooks.clock.elapsed()
    const now = oldest
    for (const { point } of this.#order.held()) oldest = Math.min(oldest, this.#receipts.get(point)?.elapsed ?? oldest)
    return now - oldest
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
    const { clock, random } = this.#hooks
    await sleep(clock, this.#settings.reorderGraceMs, signal)
    // Of one moment: a limit that moved on would be chased by a long repair for ever.
    const oldest = this.#time.now() - this.#settings.maxBackfillMs
    let trouble: Trouble | undefined
    for (;;) {
      this.#disbelieve()
      const hole = this.#order.firstHole
      if (hole === undefined) return
      if (trouble?.last !== hole.last) trouble = undefined
      const range = this.#rangeToRead(hole)
      const reading = await this.#readInTime({ range, hole, oldest, trouble }, signal)
      const isDone = reading === 'certain' || this.#isSettled(range)
      if (isDone) this.#readAt = clock.elapsed()
      else this.#failedAt = clock.elapsed()
      this.#disbelieve()
      const open = this.#order.firstHole
      if (isDone || open?.last !== hole.last) {
        trouble = trouble && calm(trouble, clock.elapsed())
        continue
      }
      // Only what fails counts against a hole, not its time in the queue behind other streams' repairs.
      trouble = failed(trouble, hole.last, reading.failedSince ?? this.#failedAt)
      if (this.#isHopeless(open, reading.reason, trouble)) {
        this.#isRestDown = true
        this.#giveUp(this.#hopelessTo(open, range, reading), reading.reason)
        // Every other hole would wait as long for the same nothing; and the next ones get one try each until REST is back.
        if (reading.reason === 'rest-failed') this.#giveUpBelieved('rest-failed')
      } else {
        const leftMs = this.#settings.repairTimeoutMs - failedForMs(trouble, this.#failedAt)
        const delayMs = backoffDelay(trouble.times - 1, RETRY, random)
        await sleep(clock, leftMs > 0 ? Math.min(delayMs, leftMs) : delayMs, signal)
      }
    }
  }

  #isSettled({ last }: IdRange): boolean {
    const { cursor } = this.#order
    return cursor !== undefined && cursor >= last
  }

  /** Whether what could not be read now is given up. */
  #isHopeless(hole: IdRange, reason: GapReason, trouble: Trouble): boolean {
    const { repairTimeoutMs } = this.#settings
    if (this.#longestWaitMs() >= repairTimeoutMs + MORE_IN_TURNS_MS) return true
    if (failedForMs(trouble, this.#hooks.clock.elapsed()) < repairTimeoutMs) return this.#isRestDown && !this.#isDoubtful(hole)
    return this.#isRestDown || reason === 'rest-failed' || trouble.times >= MIN_READINGS
  }

  /**
   * How far a hole is given up. What is blank at its lower end after so long will not look better further up; and of what one trade
   * alone claims, nothing or all: its lower part may be what is traded next.
   */
  #hopelessTo(hole: IdRange, range: IdRange, { found }: Reading): IdValue {
    const isWhole = found === 0 || this.#isDoubtful(hole)
    return isWhole && hole.last > range.last ? hole.last : range.last
  }

  /** The first hole, up to a chunk of it, and those that follow so closely that one page may serve them all. */
  #rangeToRead(first: IdRange): IdRange {
    const end = idPlus(first.first, CHUNK - 1)
    let last = first.last < end ? first.last : end
    for (const hole of this.#order.holes()) {
      if (countIds(last, hole.first) - 1 > BRIDGE || hole.last > end) break
      if (hole.last > last) last = hole.last
    }
    return { first: first.first, last }
  }

  /** A REST that fails is not waited for longer than a hole may take; one that has not failed may have others to serve first. */
  async #readInTime(task: ReadingTask, signal: AbortSignal): Promise<Outcome> {
    const { clock } = this.#hooks
    const { repairTimeoutMs } = this.#settings
    const now = clock.elapsed()
    const waitMs = this.#longestWaitMs()
    const hasFailed = now - this.#failedAt <= 2 * repairTimeoutMs
    // A repair that was broken off, and begins again, has not failed.
    const isLate = waitMs > repairTimeoutMs && this.#readAt < now - waitMs
    if (!hasFailed && !isLate) return this.#read(task, signal)
    const leftMs = Math.min(
      repairTimeoutMs - (task.trouble === undefined ? 0 : failedForMs(task.trouble, now)),
      repairTimeoutMs + MORE_IN_TURNS_MS - waitMs,
    )
    const control = new AbortController()
    const stop = clock.after(Math.max(0, leftMs) + LAST_REQUEST_MS, () => control.abort(new Error('its time is up')))
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
    const era = this.#era
    const limit = this.#isOld(oldest) ? oldest : -Infinity
    if (hole.last > range.last && limit === oldest && this.#cutAt !== hole.first) {
      const start = await firstNotOlder(hole, oldest, pageBefore, signal)
      if (era !== this.#era) return 'certain'
      if (start === undefined) return { reason: 'rest-short', found: 0 }
      this.#cutAt = start
      if (start > hole.first) {
        this.#giveUp(idPlus(start, -1), 'too-old')
        return 'certain'
      }
    }
    const { found, reason, tooOldTo, isCaughtUp, failedSince } = await fillHole(range, pageBefore, limit, signal)
    // What the exchange had under the old ids has no place among the new ones.
    if (era !== this.#era) return 'certain'
    if (found.length > 0 || isCaughtUp) {
      this.#isRestDown = false
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
    return (this.#lastTimestamp ?? Infinity) < oldest && this.#reached().value < oldest
  }

  /** Whoever is asked may not heed the signal, and is not waited for either. What an era before had under the same ids is left out. */
  async #pageOfEra(pageBefore: PageBefore, beforeId: string, signal: AbortSignal): Promise<readonly TradePoint[]> {
    const page = await unlessAborted(pageBefore(beforeId, signal), signal)
    return page.filter(({ timestamp }) => timestamp > this.#eraBegan)
  }

  // Giving up.

  #makeRoom(): void {
    this.#giveUpBelieved('buffer-full')
    if (this.#order.heldCount > this.#settings.maxHeldTrades) this.#giveUp(Infinity, 'buffer-full')
  }

  /** All holes up to one that a single trade claims: that has its own time. */
  #giveUpBelieved(reason: GapReason): void {
    for (let hole = this.#order.firstHole; hole !== undefined && !this.#isDoubtful(hole); hole = this.#order.firstHole)
      this.#giveUp(hole.last, reason)
  }

  /** Everything missing up to and with `last` becomes gaps, one per hole, each in its place in the order. */
  #giveUp(last: IdValue, reason: GapReason): void {
    for (;;) {
      const hole = this.#order.firstHole
      if (hole === undefined || hole.first > last) return
      const range = { first: hole.first, last: hole.last < last ? hole.last : last }
      this.#order.skipTo(range.last)
      const toTime = this.#order.nextHeld?.timestamp
      for (const piece of this.#pieces(range, reason)) this.#announce(piece, reason, toTime)
      this.#release()
    }
  }

  /** What is looked for later is found as a whole, in memory. What is too large for that was claimed by a damaged id, and is nowhere. */
  #pieces(range: IdRange, reason: GapReason): Iterable<IdRange> {
    const isFindable = LOOKED_FOR.includes(reason) && countIds(range.first, range.last) <= LARGEST_GAP * MOST_PIECES
    return isFindable ? piecesOf(range, LARGEST_GAP) : [range]
  }

  /** Without a range nobody knows which ids are missing, nor how many. */
  #announce(range: IdRange | undefined, reason: GapReason, toTime: number | undefined, fromTime = this.#lastTimestamp): void {
    const count = range === undefined ? NaN : countIds(range.first, range.last)
    this.#tell({
      fromId: range === undefined ? undefined : String(range.first),
      toId: range === undefined ? undefined : String(range.last),
      missing: Number.isSafeInteger(count) ? count : undefined,
      reason,
      fromTime,
      toTime,
    })
  }

  #tell(what: Pick<Gap, 'fromId' | 'toId' | 'missing' | 'reason' | 'fromTime' | 'toTime'>): void {
    const { exchange, symbol, stream, clock } = this.#hooks
    const at = clock.now()
    const gap: Gap = { exchange, symbol, stream, ...what, filled: false, trades: undefined, at }
    if (gap.missing === undefined) this.#ledger.countUnknownGap()
    else this.#ledger.missed(gapKey(gap), gap.missing, hourTime(gap))
    this.#keeper.declared(gap, LOOKED_FOR.includes(gap.reason) && this.#late.add(gap))
    this.#hooks.onGap(gap)
  }

  #filled(gap: Gap, trades: readonly TradePoint[]): void {
    this.#ledger.found(gapKey(gap), gap.missing ?? 0, hourTime(gap))
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

/** A gap counts in the hour in which it ended. */
const hourTime = ({ toTime, fromTime, at }: Gap): number => toTime ?? fromTime ?? at

const failed = (before: Trouble | undefined, last: IdValue, since: number): Trouble => ({
  last,
  since: before?.since ?? since,
  spentMs: before?.spentMs ?? 0,
  times: (before?.times ?? 0) + 1,
})

/** It does not fail any more; what it has cost so far is not forgotten. */
const calm = (trouble: Trouble, now: number): Trouble => ({
  ...trouble,
  since: undefined,
  spentMs: failedForMs(trouble, now),
  times: 0,
})

const failedForMs = ({ since, spentMs }: Trouble, now: number): number => spentMs + (since === undefined ? 0 : now - since)
