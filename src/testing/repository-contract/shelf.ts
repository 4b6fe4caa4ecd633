import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { Market, RangeQuery, StoredFrame, StoredKind, WriteResult } from '../../storage/repository.ts'
import type { ContractRepositories } from './contract-types.ts'
import { framesOf, marketDataOf, rawTradesOf } from './repositories-of.ts'
import { candleAt, frameAt, MARKET, tradeAt } from './sample-rows.ts'

export type Row = OhlcvData | PointOf<'trade'> | StoredFrame
export type RowKind = Exclude<StoredKind, 'cursors' | 'gaps'>
export const ROW_KINDS: readonly RowKind[] = ['candles', 'trades', 'frames']

/** One kind of rows in one database: what candles, trades and frames have in common. */
export interface Shelf {
  /** The row with this number, one a minute. */
  rowAt(index: number, market?: Market): Row
  save(rows: readonly Row[]): Promise<WriteResult>
  read(range?: RangeQuery, market?: Market): AsyncIterable<Row>
  timeOf(row: Row): number
}

export function shelfOf(kind: RowKind, repositories: ContractRepositories): Shelf {
  switch (kind) {
    case 'candles': {
      const repository = marketDataOf(repositories)
      return {
        rowAt: (index, market = MARKET) => candleAt(index, market),
        save: (rows) => repository.saveCandles(rows as readonly OhlcvData[]),
        read: (range = {}, market = MARKET) => repository.candles({ ...market, timeframe: '1m', ...range }),
        timeOf: (row) => (row as OhlcvData).openTime,
      }
    }
    case 'trades': {
      const repository = rawTradesOf(repositories)
      return {
        rowAt: (index, market = MARKET) => tradeAt(index, market),
        save: (rows) => repository.saveTrades(rows as readonly PointOf<'trade'>[]),
        read: (range = {}, market = MARKET) => repository.trades({ ...market, ...range }),
        timeOf: (row) => (row as PointOf<'trade'>).timestamp,
      }
    }
    case 'frames': {
      const repository = framesOf(rawTradesOf(repositories))
      return {
        rowAt: (index, market = MARKET) => frameAt(index, market),
        save: (rows) => repository.saveFrames(rows as readonly StoredFrame[]),
        read: (range = {}, market = MARKET) => repository.frames({ ...market, ...range }),
        timeOf: (row) => (row as StoredFrame).receivedAt,
      }
    }
    default:
      return kind satisfies never
  }
}

/** What `toEqual` can compare: decimals as text, in which no digit is lost. */
export const plain = (row: Row | undefined): unknown => (row !== undefined && 'openTime' in row ? plainCandle(row) : row)

function plainCandle(candle: OhlcvData): Readonly<Record<string, unknown>> {
  const { open, high, low, close, volume, quoteVolume, takerBuyVolume } = candle
  const decimals = { open, high, low, close, volume, quoteVolume, takerBuyVolume }
  const texts = Object.entries(decimals).map(([field, value]) => [field, value?.toFixed()] as const)
  return { ...candle, ...Object.fromEntries(texts) }
}
