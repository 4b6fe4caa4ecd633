import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { compareTradeIds } from '../../domain/trade-id.ts'
import { sleep, type Clock } from '../../ports/clock.ts'
import { unlessAborted } from '../../ports/on-abort.ts'
import type { Random } from '../../ports/random.ts'
import type { CompletenessLedger } from './completeness.ts'
import type { TradePoint } from './continuity.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'
import { RestPatience } from './rest-patience.ts'
import type { TapeSettings } from './tape-settings.ts'
import { WITNESSES } from './witnesses.ts'

/** Trades of a span of exchange time, both ends included, in any order. Rejects when they cannot be had. */
type TradesBetween = (fromTime: number, toTime: number, signal: AbortSignal) => Promise<readonly TradePoint[]>

export interface TimeTapeHooks {
  readonly exchange: string
  readonly symbol: string
  readonly stream: string
  /** Where its books are kept; it outlives the tape. */
  readonly ledger: CompletenessLedger
  readonly clock: Clock
  readonly random: Random
  readonly settings: Pick<TapeSettings, 'maxHeldTrades' | 'repairTimeoutMs'>
  /** Reads a span over REST; absent where that cannot be done. */
  readonly tradesBetween: TradesBetween | undefined
  readonly deliver: (point: TradePoint) => void
  readonly onGap: (gap: Gap) => void
  readonly onError: (error: TapekeeperError) => void
}

/** Ids remembered to recognise copies. */
const REMEMBERED = 20_000
/** Clocks and matching engines are not exact: the span read again begins this much before the last trades. Milliseconds. */
const OVERLAP_MS = 1_000
/** A copy bears the time of what it is a copy of, or nearly. Milliseconds. */
const CLEARLY_MS = 2_000

const INTERRUPTION = Symbol('interruption')

interface Waiting {
  readonly point: TradePoint
  /** Elapsed time at which it came. */
  readonly at: number
}

/** What lies between the last trades delivered and the first that waits. */
interface Span {
  readonly from: number
  readonly first: Waiting
}

interface Answer {
  /** In order. */
  readonly rows: readonly TradePoint[]
  /** Why it does not prove that nothing else is missing; undefined when it does. */
  readonly flaw: GapReason | undefined
  readonly error?: unknown
}

/**
 * The tape where ids prove nothing: copies are recognised by id and time, and after each reconnect the time in question is read again over
 * REST and merged. An answer counts when it reaches from what was delivered to the trade that waits; one that lags, or was cut short, is
 * asked for again. What happened without a reconnect cannot be seen here, and nothing here claims otherwise.
 */
export class TimeTape {
  readonly #hooks: TimeTapeHooks
  readonly #ledger: CompletenessLedger
  readonly #patience: RestPatience
  /** Exchange times by id. */
  readonly #seen = new Map<string, number>()
  /** Exchange times of the last trades, as they came: any one of them may be damaged. */
  #lastTimes: readonly number[] = []
  /** Elapsed time of the last one. */
  #lastAt = 0
  #isSuspect = false
  /** Live trades that wait for the span before them to be read, and where they were interrupted; undefined while nothing is read. */
  #held: (Waiting | typeof INTERRUPTION)[] | undefined
  /** How many times trades were held: each has its own patience. */
  #holds = 0
  #isOpen = false
  #reading: AbortController | undefined
  /** Of the last reading. */
  #ended: Promise<void> | undefined
  /** Trades in a row whose ids had been seen with an earlier time. */
  #reused = 0

  constructor(hooks: TimeTapeHooks) {
    this.#hooks = hooks
    this.#ledger = hooks.ledger
    const { clock, random, settings, tradesBetween } = hooks
    this.#patience = new RestPatience(clock, random, settings.repairTimeoutMs, tradesBetween !== undefined)
  }

  get isWhole(): boolean {
    return this.#held === undefined && !this.#isSuspect
  }

  open(): Promise<void> {
    this.#isOpen = true
    // After a restart: nobody listened meanwhile.
    this.interrupted()
    this.#readSoon()
    return Promise.resolve()
  }

  /** The connection was lost: what follows may have a hole before it. */
  interrupted(): void {
    if (this.#held === undefined) this.#isSuspect = this.#lastTimes.length > 0
    else if (this.#held.at(-1) !== INTERRUPTION) this.#held.push(INTERRUPTION)
  }

  accept(point: TradePoint): void {
    this.#accept({ point, at: this.#hooks.clock.elapsed() })
  }

  /** `forGood: false` (a restart) keeps everything as it is; otherwise what was not read in time is declared. */
  async close(forGood: boolean): Promise<void> {
    this.#isOpen = false
    this.#stopReading()
    while (forGood && this.#held !== undefined) this.#giveUp('stopped')
    await this.#ended
  }

  #accept(waiting: Waiting): void {
    const { point } = waiting
    if (this.#held !== undefined) {
      this.#held.push(waiting)
      if (this.#held.length > this.#hooks.settings.maxHeldTrades) this.#giveUp('buffer-full')
    } else if (this.#isKnown(point)) {
      this.#known(waiting)
    } else {
      this.#reused = 0
      this.#takeOrRead(waiting)
    }
  }

  #takeOrRead(waiting: Waiting): void {
    if (!this.#isSuspect) {
      this.#take(waiting.point)
      return
    }
    this.#isSuspect = false
    this.#held = [waiting]
    this.#holds++
    this.#readSoon()
  }

  #isKnown({ data }: TradePoint): boolean {
    return this.#seen.has(data.id)
  }

  /**
   * A copy; or the exchange gives its ids out anew. One or two such trades may be copies with a damaged time: nobody knows, and so says a
   * gap. Several in a row are trades.
   */
  #known(waiting: Waiting): void {
    const { point } = waiting
    if (!this.#isNewer(point)) {
      this.#countCopy(point)
      return
    }
    if (++this.#reused >= WITNESSES) {
      this.#takeOrRead(waiting)
      return
    }
    this.#remember(point)
    this.#announceUnknown(this.#lastTime ?? point.timestamp, point.timestamp, 'ids-restarted')
  }

  #isNewer({ data, timestamp }: TradePoint): boolean {
    return timestamp > (this.#seen.get(data.id) ?? Infinity) + CLEARLY_MS
  }

  #countCopy({ data, timestamp }: TradePoint): void {
    this.#ledger.count('duplicates', data.count ?? 1, timestamp)
  }

  /** What the last trades say of the time, all but the one that is furthest off. */
  get #lastTime(): number | undefined {
    const ascending = this.#lastTimes.toSorted((a, b) => a - b)
    return ascending.length === WITNESSES ? ascending[1] : ascending[0]
  }

  get #span(): Span | undefined {
    const [first] = this.#held ?? []
    const from = this.#lastTime
    return typeof first !== 'object' || from === undefined ? undefined : { from, first }
  }

  // Reading the span.

  #readSoon(): void {
    if (!this.#isOpen || this.#held === undefined || this.#reading !== undefined) return
    this.#reading = new AbortController()
    // It rejects only when it was stopped.
    this.#ended = this.#readAll(this.#reading.signal).catch(() => undefined)
  }

  #stopReading(): void {
    this.#reading?.abort(new TapekeeperError('ABORTED', 'the span is not read any more'))
    this.#reading = undefined
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    const { clock, onError } = this.#hooks
    const patience = this.#patience
    patience.turnTo(this.#holds)
    for (let span = this.#span; span !== undefined; span = this.#span) {
      const waitMs = (): number => clock.elapsed() - first.at
      const { first } = span
      if (patience.isHopeless(waitMs())) {
        this.#giveUp('rest-failed')
        return
      }
      const { rows, flaw, error } = await this.#read(span, patience.mostMs(waitMs()), signal)
      if (flaw === undefined) {
        patience.done()
        patience.isRestDown = false
        this.#settle(rows)
        return
      }
      patience.failed()
      if (flaw === 'unprovable' || patience.isOver(waitMs(), flaw !== 'rest-failed', false)) {
        patience.isRestDown = true
        if (error !== undefined) onError(TapekeeperError.from(error, 'REST_FAILED'))
        this.#giveUp(flaw, rows)
        return
      }
      await sleep(clock, patience.pauseMs(), signal)
    }
  }

  async #read({ from, first }: Span, limitMs: number, signal: AbortSignal): Promise<Answer> {
    const { tradesBetween, clock } = this.#hooks
    if (tradesBetween === undefined) return { rows: [], flaw: 'unprovable' }
    const control = new AbortController()
    const late = `no answer for a span of time within ${limitMs} ms`
    const cancel = clock.after(limitMs, () => control.abort(new TapekeeperError('REST_FAILED', late)))
    const both = AbortSignal.any([signal, control.signal])
    // The time of the trade that waits may be damaged: a later one costs nothing, an earlier one is corrected by what has elapsed.
    const to = Math.max(first.point.timestamp, from + first.at - this.#lastAt + OVERLAP_MS)
    try {
      const found = await unlessAborted(tradesBetween(from - OVERLAP_MS, to, both), both)
      const rows = found.filter(({ timestamp }) => timestamp >= from - OVERLAP_MS).toSorted(byTime)
      const reaches = rows.some(({ data }) => data.id === first.point.data.id) && rows.some((row) => this.#isKnown(row))
      return { rows, flaw: reaches ? undefined : 'rest-short' }
    } catch (error) {
      if (signal.aborted) throw error
      return { rows: [], flaw: 'rest-failed', error }
    } finally {
      cancel()
    }
  }

  /** What is being read is declared missing; an answer that comes later is not heard. */
  #giveUp(reason: GapReason, rows: readonly TradePoint[] = []): void {
    const span = this.#span
    if (span !== undefined) this.#announceUnknown(span.from, span.first.point.timestamp, reason)
    this.#settle(rows)
  }

  /** Delivers what was found and what waits, until the next interruption; behind that one it begins anew. */
  #settle(rows: readonly TradePoint[]): void {
    this.#stopReading()
    const held = this.#held ?? []
    this.#held = undefined
    for (const row of rows) {
      if (this.#isKnown(row) && !(this.#reused >= WITNESSES && this.#isNewer(row))) this.#countCopy(row)
      else this.#take(row)
    }
    for (const item of held) {
      if (item === INTERRUPTION) this.interrupted()
      else this.#accept(item)
    }
  }

  #take(point: TradePoint): void {
    this.#remember(point)
    this.#lastTimes = [...this.#lastTimes, point.timestamp].slice(-WITNESSES)
    this.#lastAt = this.#hooks.clock.elapsed()
    const fills = point.data.count ?? 1
    this.#ledger.count('delivered', fills, point.timestamp)
    if (point.data.backfilled) this.#ledger.count('backfilled', fills, point.timestamp)
    this.#hooks.deliver(point)
  }

  #remember({ data, timestamp }: TradePoint): void {
    // The newest last.
    this.#seen.delete(data.id)
    this.#seen.set(data.id, timestamp)
    if (this.#seen.size <= REMEMBERED) return
    const [oldest] = this.#seen.keys()
    if (oldest !== undefined) this.#seen.delete(oldest)
  }

  #announceUnknown(fromTime: number, toTime: number, reason: GapReason): void {
    const { exchange, symbol, stream, clock } = this.#hooks
    this.#ledger.countUnknownGap()
    this.#hooks.onGap({
      exchange,
      symbol,
      stream,
      fromId: undefined,
      toId: undefined,
      fromTime,
      toTime,
      missing: undefined,
      reason,
      filled: false,
      trades: undefined,
      at: clock.now(),
    })
  }
}

const byTime = (a: TradePoint, b: TradePoint): number => a.timestamp - b.timestamp || compareTradeIds(a.data.id, b.data.id)
