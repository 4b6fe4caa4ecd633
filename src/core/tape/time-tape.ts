import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CompletenessLedger } from './completeness.ts'
import type { TradePoint } from './continuity.ts'
import type { Gap } from './gap.ts'

/** Trades of a span of exchange time, both ends included, in any order. Rejects when they cannot be had. */
type TradesBetween = (fromTime: number, toTime: number, signal: AbortSignal) => Promise<readonly TradePoint[]>

export interface TimeTapeHooks {
  readonly exchange: string
  readonly symbol: string
  readonly stream: string
  /** Where its books are kept; it outlives the tape. */
  readonly ledger: CompletenessLedger
  readonly clock: Clock
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
  /** Live trades that wait for the span before them to be read; undefined while nothing is being read. */
  #held: TradePoint[] | undefined
  #ending = new AbortController()

  constructor(hooks: TimeTapeHooks) {
    this.#hooks = hooks
    this.#ledger = hooks.ledger
  }

  open(): Promise<void> {
    this.#ending = new AbortController()
    return Promise.resolve()
  }

  /** The connection was lost: what follows may have a hole before it. */
  interrupted(): void {
    this.#isSuspect = this.#lastTimestamp !== undefined
  }

  accept(point: TradePoint): void {
    if (this.#held !== undefined) {
      this.#held.push(point)
    } else if (this.#isSuspect && this.#lastTimestamp !== undefined && !this.#seen.has(point.data.id)) {
      this.#isSuspect = false
      this.#held = [point]
      void this.#readAgain(this.#lastTimestamp, point)
    } else {
      this.#take(point)
    }
  }

  async close(_forGood: boolean): Promise<void> {
    this.#ending.abort()
    this.#releaseHeld()
    await Promise.resolve()
  }

  async #readAgain(fromTime: number, first: TradePoint): Promise<void> {
    const { tradesBetween } = this.#hooks
    const { signal } = this.#ending
    try {
      if (tradesBetween === undefined)
        throw new TapekeeperError('REST_FAILED', 'this exchange cannot be asked for a span of time')
      const found = await tradesBetween(fromTime - OVERLAP_MS, first.timestamp, signal)
      if (signal.aborted) return
      for (const point of found.toSorted(byTime)) this.#take(point)
    } catch (error) {
      if (signal.aborted) return
      if (tradesBetween !== undefined) this.#hooks.onError(TapekeeperError.from(error, 'REST_FAILED'))
      this.#announceUnknown(fromTime, first.timestamp)
    }
    this.#releaseHeld()
  }

  #releaseHeld(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const point of held) this.#take(point)
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

  #announceUnknown(fromTime: number, toTime: number): void {
    const { exchange, symbol, stream, clock, tradesBetween } = this.#hooks
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
      reason: tradesBetween === undefined ? 'unprovable' : 'rest-failed',
      filled: false,
      trades: undefined,
      at: clock.now(),
    })
  }
}

const byTime = (a: TradePoint, b: TradePoint): number =>
  a.timestamp - b.timestamp || a.data.id.length - b.data.id.length || (a.data.id < b.data.id ? -1 : 1)
