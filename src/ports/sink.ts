import type { Gap } from '../domain/gap.ts'
import type { MarketDataPoint } from '../domain/market-data.ts'
import type { RawFrame } from '../domain/raw-frame.ts'
import type { CursorStore } from './cursor-store.ts'

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
  /** Where the tape's cursors are kept behind the trades they speak of; undefined when it keeps none. */
  readonly cursorStore: CursorStore | undefined
}
