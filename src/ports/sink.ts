import type { Gap } from '../domain/gap.ts'
import type { MarketDataPoint } from '../domain/market-data.ts'
import type { RawFrame } from '../domain/raw-frame.ts'
import type { CursorStore } from './cursor-store.ts'

/**
 * - `working`: what is taken arrives
 * - `away`: the other side cannot be reached; what is taken waits
 * - `draining`: it is back, and gets what waited in the spool first
 * - `closed`: takes nothing more
 */
export type SinkState = 'working' | 'away' | 'draining' | 'closed'

/** How one way out of the library is doing. Counts are rows or messages since it was made; plain data. */
export interface SinkStatus {
  /** Whose it is and where it leads, for example `okx_BTC-USDT > sqlite`. */
  readonly name: string
  readonly state: SinkState
  /** Waiting in memory, and the bound of that. */
  readonly queued: number
  readonly maxQueued: number
  /** Waiting in the spool; 0 without one. */
  readonly spooled: number
  readonly spooledBytes: number
  /** Arrived, be it that they were there already. */
  readonly delivered: number
  /** Refused alone, and left out. */
  readonly rejected: number
  /** Left out because there was no room to wait. */
  readonly lost: number
  /** Attempts that failed. */
  readonly failures: number
  /** Since when it is away, epoch milliseconds. */
  readonly awaySince: number | undefined
  readonly lastError: string | undefined
}

/**
 * Takes everything a collector delivers on its way to a database or a bus. It stands in the data path: it queues and returns, and
 * never throws. Its own failures go where its maker said.
 */
export interface Sink {
  point(point: MarketDataPoint): void
  gap(gap: Gap): void
  frame(frame: RawFrame): void
  /**
   * Resolves when everything taken so far is where it belongs, or in safety. Never rejects. When the signal aborts, what is left is
   * given up, reported and counted.
   */
  flush(signal?: AbortSignal): Promise<void>
  /** What is wrong just now, in words; empty when nothing. */
  issues(): readonly string[]
  /** One for each place it leads to. */
  status(): readonly SinkStatus[]
  /** Where the tape's cursors are kept behind the trades they speak of; undefined when it keeps none. */
  readonly cursorStore: CursorStore | undefined
}
