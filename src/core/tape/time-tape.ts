import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CompletenessLedger } from './completeness.ts'
import type { TradePoint } from './continuity.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'

/** Trades of a span of exchange time, both ends included, in any order. Rejects when they cannot be had. */
type TradesBetween = (fromTime: number, toTime: number, signal: AbortSignal) => Promise<readonly TradePoint[]>

export interface TimeTapeHooks {
  readonly exchange: string
  readonly symbol: string
  readonly stream: string
  /** Where its books are kept; it outlives the tape. */
  readonly ledger: CompletenessLedger
  readonly clock: Clock
  /** Trades held back while a span is read; one more, and the span becomes a gap. */
  readonly maxHeldTrades: number
  /** Reads a span over REST; absent where that cannot be done. */
  readonly tradesBetween: TradesBetween | undefined
  readonly deliver: (point: TradePoint) => void
  readonly onGap: (gap: Gap) => void
  readonly onError: (error: TapekeeperError) => void
}

/** Ids remembered to recognise copies. */
const REMEMBERED = 20_000
/** Clocks and matching engines are not exact: the span read again begins this much before the last trade. Milliseconds. */
const OVERLAP_MS = 1_000

const INTERRUPTION = Symbol('interruption')

/**
 * The tape where ids prove nothing: copies are recognised by id, and after each reconnect the time in question is read again over
 * REST and merged. What happened without a reconnect cannot be seen here, and nothing here claims otherwise.
 */
export class TimeTape {
  readonly #hooks: TimeTapeHooks
  readonly #ledger: CompletenessLedger
  readonly #seen = new Set<string>()
  #lastTimestamp: number | undefined
  #isSuspect = false
  /** Live trades that wait for the span before them to be read, and where they were interrupted; undefined while nothing is read. */
  #held: (TradePoint | typeof INTERRUPTION)[] | undefined
  #ending = new AbortController()

  constructor(hooks: TimeTapeHooks) {
    this.#hooks = hooks
    this.#ledger = hooks.ledger
  }

  get isWhole(): boolean {
    return this.#held === undefined && !this.#isSuspect
  }

  open(): Promise<void> {
    this.#ending = new AbortController()
    // After a restart: nobody listened meanwhile.
    this.interrupted()
    this.#readAgain()
    return Promise.resolve()
  }

  /** The connection was lost: what follows may have a hole before it. */
  interrupted(): void {
    if (this.#held === undefined) this.#isSuspect = this.#lastTimestamp !== undefined
    else if (this.#held.at(-1) !== INTERRUPTION) this.#held.push(INTERRUPTION)
  }

  accept(point: TradePoint): void {
    if (this.#held !== undefined) {
      this.#held.push(point)
      if (this.#held.length > this.#hooks.maxHeldTrades) this.#giveUp('buffer-full')
    } else if (this.#isSuspect && !this.#seen.has(point.data.id)) {
      this.#isSuspect = false
      this.#held = [point]
      this.#readAgain()
    } else {
      this.#take(point)
    }
  }

  /** `forGood: false` (a restart) keeps everything as it is; otherwise what was not read in time is declared. */
  close(forGood: boolean): Promise<void> {
    this.#ending.abort()
    while (forGood && this.#held !== undefined) this.#giveUp('stopped')
    return Promise.resolve()
  }

  #readAgain(): void {
    if (this.#ending.signal.aborted) return
    const span = this.#span()
    if (span !== undefined) void this.#read(span.from, span.to, this.#ending.signal)
  }

  /** From the last trade delivered to the first that waits. */
  #span(): { readonly from: number; readonly to: number } | undefined {
    const first = this.#held?.[0]
    return typeof first !== 'object' || this.#lastTimestamp === undefined
      ? undefined
      : { from: this.#lastTimestamp, to: first.timestamp }
  }

  async #read(from: number, to: number, signal: AbortSignal): Promise<void> {
    const { tradesBetween } = this.#hooks
    try {
      if (tradesBetween === undefined)
        throw new TapekeeperError('REST_FAILED', 'this exchange cannot be asked for a span of time')
      const found = await tradesBetween(from - OVERLAP_MS, to, signal)
      if (signal.aborted) return
      for (const point of found.toSorted(byTime)) this.#take(point)
      this.#releaseHeld()
    } catch (error) {
      if (signal.aborted) return
      if (tradesBetween !== undefined) this.#hooks.onError(TapekeeperError.from(error, 'REST_FAILED'))
      this.#giveUp(tradesBetween === undefined ? 'unprovable' : 'rest-failed')
    }
  }

  /** What is being read is declared missing; an answer that comes later is not heard. */
  #giveUp(reason: GapReason): void {
    const span = this.#span()
    if (span === undefined) return
    const { aborted } = this.#ending.signal
    this.#ending.abort()
    if (!aborted) this.#ending = new AbortController()
    this.#announceUnknown(span.from, span.to, reason)
    this.#releaseHeld()
  }

  /** Until the next interruption; behind that one it begins anew. */
  #releaseHeld(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const item of held) {
      if (item === INTERRUPTION) this.interrupted()
      else this.accept(item)
    }
  }

  #take(point: TradePoint): void {
    const fills = point.data.count ?? 1
    if (this.#seen.has(point.data.id)) {
      this.#ledger.count('duplicates', fills, point.timestamp)
      return
    }
    this.#remember(point.data.id)
    this.#lastTimestamp = Math.max(this.#lastTimestamp ?? 0, point.timestamp)
    this.#ledger.count('delivered', fills, point.timestamp)
    if (point.data.backfilled) this.#ledger.count('backfilled', fills, point.timestamp)
    this.#hooks.deliver(point)
  }

  #remember(id: string): void {
    this.#seen.add(id)
    if (this.#seen.size <= REMEMBERED) return
    const [oldest] = this.#seen
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

const byTime = (a: TradePoint, b: TradePoint): number =>
  a.timestamp - b.timestamp || a.data.id.length - b.data.id.length || (a.data.id < b.data.id ? -1 : 1)
