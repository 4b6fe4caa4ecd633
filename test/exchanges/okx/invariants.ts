import { compareDecimals } from '../../../src/domain/compare-decimals.ts'
import { Decimal, isDecimal, isUnsignedDecimal, isZero } from '../../../src/domain/decimal.ts'
import type { MarketDataPoint } from '../../../src/domain/market-data.ts'
import { CANDLE_TIMEFRAMES } from '../../../src/domain/timeframe.ts'
import { isPlausibleTime } from '../../../src/domain/timestamp.ts'

const POINT = 'exchange,symbol,dataType,timestamp,receivedAt,data'
const SHAPES: Readonly<Record<MarketDataPoint['dataType'], string>> = {
  trade: 'id,price,size,side,count,backfilled',
  ticker: 'last,bid,bidSize,ask,askSize,open24h,high24h,low24h,volume24h,quoteVolume24h',
  orderbook: 'kind,bids,asks,sequence,previousSequence',
  candle:
    'exchange,symbol,timeframe,openTime,closeTime,open,high,low,close,volume,quoteVolume,takerBuyVolume,tradesCount,status,complete,incompleteReason,source',
  balance: 'asset,free,locked,total',
}

/**
 * Everything that must hold of a delivered point, whatever the frame was: the first broken rule, or undefined.
 * The order of keys is part of it (one hidden class per kind of point).
 */
export function brokenRule(point: MarketDataPoint, receivedAt: number): string | undefined {
  if (Object.keys(point).join() !== POINT) return `keys of the point: ${Object.keys(point).join()}`
  if (Object.keys(point.data).join() !== SHAPES[point.dataType]) return `keys of the data: ${Object.keys(point.data).join()}`
  if (point.exchange !== 'okx') return 'exchange'
  if (typeof point.symbol !== 'string' || point.symbol === '') return 'symbol'
  if (!isPlausibleTime(point.timestamp)) return `timestamp ${point.timestamp}`
  if (point.receivedAt !== receivedAt) return 'receivedAt'
  switch (point.dataType) {
    case 'trade': {
      const { id, price, size, side, count, backfilled } = point.data
      if (!/^\d{1,32}$/.test(id)) return `id ${id}`
      if (!isUnsignedDecimal(price) || !isUnsignedDecimal(size)) return `price or size ${price} ${size}`
      if (!['buy', 'sell'].includes(side)) return 'side'
      if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1)) return `count ${count}`
      return backfilled ? 'backfilled' : undefined
    }
    case 'ticker':
      return Object.entries(point.data).find(([, value]) => value !== undefined && !isUnsignedDecimal(value))?.[0]
    case 'orderbook': {
      const { kind, bids, asks, sequence, previousSequence } = point.data
      if (!['snapshot', 'update'].includes(kind)) return 'kind'
      for (const level of [...bids, ...asks]) {
        if (level.slice().length !== 2 || !isUnsignedDecimal(level[0]) || !isUnsignedDecimal(level[1]))
          return `level ${level.join()}`
        if (isZero(level[0]) && !isZero(level[1])) return `level ${level.join()}`
      }
      if (kind === 'snapshot') {
        if ([...bids, ...asks].some(([, size]) => isZero(size))) return 'a level without size'
        if (bids.some(([price], at) => at > 0 && compareDecimals(bids[at - 1]![0], price) <= 0)) return 'order of bids'
        if (asks.some(([price], at) => at > 0 && compareDecimals(asks[at - 1]![0], price) >= 0)) return 'order of asks'
        if (previousSequence !== undefined) return 'a snapshot that follows something'
      }
      const isNumber = (value: number | undefined): boolean => value === undefined || (Number.isSafeInteger(value) && value >= 0)
      if (!isNumber(sequence)) return 'sequence'
      return isNumber(previousSequence) ? undefined : 'previousSequence'
    }
    case 'candle': {
      const { openTime, closeTime, timeframe, open, high, low, close, volume, quoteVolume, status } = point.data
      if (!CANDLE_TIMEFRAMES.includes(timeframe)) return 'timeframe'
      if (!isPlausibleTime(openTime) || !Number.isSafeInteger(closeTime) || closeTime <= openTime) return 'times'
      const figures = [open, high, low, close, volume, ...(quoteVolume === undefined ? [] : [quoteVolume])]
      if (!figures.every((figure) => figure instanceof Decimal && figure.isFinite() && !figure.isNegative())) return 'figures'
      return ['open', 'closed'].includes(status) ? undefined : 'status'
    }
    case 'balance': {
      const { asset, free, locked, total } = point.data
      if (asset === '' || asset !== point.symbol) return 'asset'
      return [free, locked, total].every((figure) => figure === undefined || isDecimal(figure)) ? undefined : 'figures'
    }
  }
}
