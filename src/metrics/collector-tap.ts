import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import { DATA_TYPES, type DataType } from '../domain/data-type.ts'
import type { PointOf, Trade } from '../domain/market-data.ts'
import type { Clock } from '../ports/clock.ts'
import type { LatencyHistogram } from './latency-histogram.ts'
import { WallTime } from './wall-time.ts'

/** What was heard of one symbol of one data type. */
export interface Tally {
  readonly symbol: string
  count: number
  /** By elapsed time, milliseconds. */
  lastAt: number
}

/** The points of one data type on their way to the consumers. All that metrics cost while data flows is `hear`. */
class TypeTap {
  readonly tallies = new Map<string, Tally>()
  readonly hear: (point: PointOf<DataType>) => void
  #latest: Tally = { symbol: '', count: 0, lastAt: 0 }

  constructor(dataType: DataType, exchange: string, clock: Clock, histogram: LatencyHistogram) {
    const note = (symbol: string, elapsed: number): void => {
      // Nearly always the symbol of the point before.
      if (symbol !== this.#latest.symbol) this.#latest = this.#tallyOf(symbol)
      this.#latest.count++
      this.#latest.lastAt = elapsed
    }
    if (dataType === 'candle') {
      // A candle is stamped with its opening time: no latency can be told from that.
      this.hear = ({ symbol }) => note(symbol, clock.elapsed())
      return
    }
    const cell = histogram.cell(exchange, dataType)
    const wall = new WallTime(clock)
    this.hear = (point) => {
      const elapsed = clock.elapsed()
      note(point.symbol, elapsed)
      if (dataType !== 'trade' || !(point.data as Trade).backfilled) cell.observe(wall.since(point.timestamp, elapsed))
    }
  }

  #tallyOf(symbol: string): Tally {
    const tally = this.tallies.get(symbol) ?? { symbol, count: 0, lastAt: 0 }
    this.tallies.set(symbol, tally)
    return tally
  }
}

/** Listens in on one collector, for what its statistics do not tell: latency, and which symbol a point is of. */
export class CollectorTap {
  readonly #collector: BaseDataCollector
  readonly #taps: ReadonlyMap<DataType, TypeTap>
  readonly #clock: Clock
  #isOpen = false
  #openedAt = 0

  constructor(collector: BaseDataCollector, clock: Clock, histogram: LatencyHistogram) {
    this.#collector = collector
    this.#clock = clock
    const types = DATA_TYPES.filter((dataType) => collector.dataTypes.includes(dataType))
    this.#taps = new Map(types.map((dataType) => [dataType, new TypeTap(dataType, collector.exchangeName, clock, histogram)]))
  }

  /** Points heard of one type, by symbol. */
  tallies(dataType: DataType): readonly Tally[] {
    return [...(this.#taps.get(dataType)?.tallies.values() ?? [])]
  }

  /** When a point of this symbol was last heard; before the first, since when we listen. By elapsed time. */
  lastHeardAt(symbol: string): number {
    return Math.max(this.#openedAt, ...[...this.#taps.values()].map(({ tallies }) => tallies.get(symbol)?.lastAt ?? 0))
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#openedAt = this.#clock.elapsed()
    for (const [dataType, { hear }] of this.#taps) this.#collector.addDataCallback(dataType, hear)
  }

  close(): void {
    this.#isOpen = false
    for (const [dataType, { hear }] of this.#taps) this.#collector.removeDataCallback(dataType, hear)
  }
}
