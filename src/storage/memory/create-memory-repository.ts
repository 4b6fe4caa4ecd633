import { GapBook } from '../../domain/gap-book.ts'
import type { Gap } from '../../domain/gap.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import { DatabaseOperationError, type DatabaseOperation } from '../../errors/database-operation-error.ts'
import type { TapeCursor } from '../../ports/cursor-store.ts'
import { decideCandle } from '../decide-candle.ts'
import { checkRange, compareFrames, compareTrades, type CheckedRange } from '../range-query.ts'
import {
  STORED_KINDS,
  type CandleQuery,
  type CandleSeries,
  type FrameQuery,
  type Market,
  type MarketDataRepository,
  type RawTradeRepository,
  type RepositoryCapabilities,
  type RepositoryHealth,
  type RepositoryStatistics,
  type SaveCandlesOptions,
  type StoredCursor,
  type StoredFrame,
  type TradeQuery,
  type WriteResult,
} from '../repository.ts'
import { BoundedShelf } from './bounded-shelf.ts'
import { KnownIds } from './known-ids.ts'
import {
  parseMemoryRepositoryOptions,
  type MemoryRepositoryOptions,
  type ResolvedMemoryOptions,
} from './memory-repository-options.ts'

/** One object that keeps everything there is to store. */
export type MemoryRepository = MarketDataRepository & Required<RawTradeRepository>

/**
 * Keeps candles, trades, frames, cursors and gaps as long as the process lives, up to a bound. Beyond it the market (of candles: the series)
 * that has most rows loses its oldest, so that a busy market does not push out a quiet one; `statistics().evicted` counts them. Rows are
 * kept as they are given, not copied. An evicted row that is written again is new.
 *
 * @throws TapekeeperError `CONFIG_INVALID` when an option is wrong.
 * @example
 * ```ts
 * import { createMemoryRepository } from 'tapekeeper'
 * const repository = createMemoryRepository({ maxTrades: 50_000 })
 * for await (const { data } of repository.trades({ exchange: 'okx', symbol: 'BTC-USDT', order: 'desc', limit: 10 }))
 *   console.log(data.price)
 * ```
 */
export function createMemoryRepository(options: MemoryRepositoryOptions = {}): MemoryRepository {
  return new BoundedMemoryRepository(parseMemoryRepositoryOptions(options))
}

class BoundedMemoryRepository implements MemoryRepository {
  readonly name = 'memory'
  readonly capabilities: RepositoryCapabilities = { stores: STORED_KINDS, isPersistent: false, isShared: false }
  readonly #candles: BoundedShelf<OhlcvData>
  readonly #trades: BoundedShelf<PointOf<'trade'>>
  readonly #tradeIds = new KnownIds()
  readonly #frames: BoundedShelf<StoredFrame>
  readonly #frameIds = new KnownIds()
  readonly #cursors = new Map<string, TapeCursor>()
  readonly #gaps: GapBook
  #isClosed = false

  constructor({ maxTrades, maxCandles, maxFrames, maxGaps }: ResolvedMemoryOptions) {
    this.#gaps = new GapBook(maxGaps)
    this.#candles = new BoundedShelf({
      max: maxCandles,
      compare: (a, b) => a.openTime - b.openTime,
      timeOf: ({ openTime }) => openTime,
    })
    this.#trades = new BoundedShelf({
      max: maxTrades,
      compare: compareTrades,
      timeOf: ({ timestamp }) => timestamp,
      onDropped: (series, { data }) => this.#tradeIds.delete(series, data.id),
    })
    this.#frames = new BoundedShelf({
      max: maxFrames,
      compare: compareFrames,
      timeOf: ({ receivedAt }) => receivedAt,
      onDropped: (_series, { id }) => this.#frameIds.delete(EVERYWHERE, id),
    })
  }

  saveCandles(candles: readonly OhlcvData[], { forceUpdateCandles = false }: SaveCandlesOptions = {}): Promise<WriteResult> {
    return this.#run({ operation: 'saveCandles', table: 'candles' }, (where) => {
      this.#checkTimes(candles, ({ openTime }) => openTime, where)
      const count = { insert: 0, keep: 0, overwrite: 0 }
      for (const candle of candles) {
        const series = seriesOf(candle, candle.timeframe)
        const decision = decideCandle(this.#candles.find(series, candle), candle, forceUpdateCandles)
        if (decision !== 'keep') this.#candles.set(series, candle)
        count[decision]++
      }
      this.#candles.trim()
      return { inserted: count.insert, kept: count.keep, overwritten: count.overwrite }
    })
  }

  saveTrades(trades: readonly PointOf<'trade'>[]): Promise<WriteResult> {
    return this.#run({ operation: 'saveTrades', table: 'trades' }, (where) => {
      this.#checkTimes(trades, ({ timestamp }) => timestamp, where)
      let inserted = 0
      for (const trade of trades) {
        const series = seriesOf(trade)
        if (!this.#tradeIds.add(series, trade.data.id)) continue
        this.#trades.set(series, trade)
        inserted++
      }
      this.#trades.trim()
      return { inserted, kept: trades.length - inserted, overwritten: 0 }
    })
  }

  saveFrames(frames: readonly StoredFrame[]): Promise<WriteResult> {
    return this.#run({ operation: 'saveFrames', table: 'frames' }, (where) => {
      this.#checkTimes(frames, ({ receivedAt }) => receivedAt, where)
      let inserted = 0
      for (const frame of frames) {
        if (!this.#frameIds.add(EVERYWHERE, frame.id)) continue
        this.#frames.set(seriesOf(frame), frame)
        inserted++
      }
      this.#frames.trim()
      return { inserted, kept: frames.length - inserted, overwritten: 0 }
    })
  }

  candles(query: CandleQuery): AsyncIterable<OhlcvData> {
    return this.#read({ operation: 'candles', table: 'candles' }, query, (range) =>
      this.#candles.read(seriesOf(query, query.timeframe), range),
    )
  }

  trades(query: TradeQuery): AsyncIterable<PointOf<'trade'>> {
    return this.#read({ operation: 'trades', table: 'trades' }, query, (range) => this.#trades.read(seriesOf(query), range))
  }

  frames(query: FrameQuery): AsyncIterable<StoredFrame> {
    const { topic } = query
    return this.#read({ operation: 'frames', table: 'frames' }, query, (range) =>
      this.#frames.read(seriesOf(query), range, (frame) => topic === undefined || frame.topic === topic),
    )
  }

  latestCandle(series: CandleSeries): Promise<OhlcvData | undefined> {
    return this.#run({ operation: 'latestCandle', table: 'candles' }, () =>
      this.#candles.last(seriesOf(series, series.timeframe)),
    )
  }

  latestTrade(market: Market): Promise<PointOf<'trade'> | undefined> {
    return this.#run({ operation: 'latestTrade', table: 'trades' }, () => this.#trades.last(seriesOf(market)))
  }

  cursor(stream: string): StoredCursor {
    return {
      load: () => this.#run({ operation: 'cursor.load', table: 'cursors' }, () => this.#cursors.get(stream)),
      save: (cursor) => this.#run({ operation: 'cursor.save', table: 'cursors' }, () => void this.#cursors.set(stream, cursor)),
    }
  }

  saveGaps(gaps: readonly Gap[]): Promise<WriteResult> {
    return this.#run({ operation: 'saveGaps', table: 'gaps' }, () => {
      const count = { insert: 0, keep: 0, overwrite: 0 }
      for (const gap of gaps) count[this.#gaps.save(gap)]++
      return { inserted: count.insert, kept: count.keep, overwritten: count.overwrite }
    })
  }

  openGaps(stream: string): Promise<readonly Gap[]> {
    return this.#run({ operation: 'openGaps', table: 'gaps' }, () => this.#gaps.open(stream))
  }

  healthCheck(): Promise<RepositoryHealth> {
    return Promise.resolve({ isHealthy: !this.#isClosed, latencyMs: 0, issue: this.#isClosed ? CLOSED : undefined })
  }

  statistics(): Promise<RepositoryStatistics> {
    return this.#run({ operation: 'statistics', table: 'all' }, () => ({
      rows: {
        candles: this.#candles.size,
        trades: this.#trades.size,
        frames: this.#frames.size,
        cursors: this.#cursors.size,
        gaps: this.#gaps.size,
      },
      isEstimate: false,
      bytes: undefined,
      evicted: this.#candles.evicted + this.#trades.evicted + this.#frames.evicted + this.#gaps.evicted,
    }))
  }

  close(): Promise<void> {
    this.#isClosed = true
    const all = [this.#candles, this.#trades, this.#tradeIds, this.#frames, this.#frameIds, this.#cursors, this.#gaps]
    for (const kept of all) kept.clear()
    return Promise.resolve()
  }

  // A promise of everything, so that nothing is thrown where a rejection is expected.
  async #run<Result>(where: DatabaseOperation, action: (where: DatabaseOperation) => Result): Promise<Result> {
    this.#checkOpen(where)
    return Promise.resolve(action(where))
  }

  async *#read<Row>(
    where: DatabaseOperation,
    query: CandleQuery | TradeQuery | FrameQuery,
    rows: (range: CheckedRange) => Iterable<Row>,
  ): AsyncGenerator<Row, void, undefined> {
    for (const row of await this.#run(where, () => rows(checkRange(query)))) {
      yield row
      this.#checkOpen(where)
    }
  }

  #checkOpen(where: DatabaseOperation): void {
    if (this.#isClosed) throw new DatabaseOperationError(CLOSED, { ...where, fault: 'closed' })
  }

  /** A row without a time has no place in the order. */
  #checkTimes<Row>(rows: readonly Row[], timeOf: (row: Row) => number, where: DatabaseOperation): void {
    for (const row of rows) {
      const time = timeOf(row)
      if (!Number.isFinite(time)) throw new DatabaseOperationError(`a row has the time ${time}`, { ...where, fault: 'row' })
    }
  }
}

const CLOSED = 'the repository is closed'

/** An id of a frame is unique among all frames. */
const EVERYWHERE = ''

/** A key that no two different series share, whatever their names hold. */
const seriesOf = ({ exchange, symbol }: Market, timeframe = ''): string =>
  `${exchange.length}:${symbol.length}:${exchange}${symbol}${timeframe}`
