import { Decimal, decimalString } from '../../domain/decimal.ts'
import type { OhlcvData, PointOf, Trade } from '../../domain/market-data.ts'
import type { Market, StoredFrame } from '../../storage/repository.ts'

export const MARKET: Market = { exchange: 'acme', symbol: 'BTC-USDT' }
export const MINUTE = 60_000
const START = Date.UTC(2026, 10, 22)

/** The time of the row with this number, epoch milliseconds. */
export const timeAt = (index: number): number => START + index * MINUTE

/** One trade a minute. */
export const tradeAt = (index: number, market = MARKET, data: Partial<Trade> = {}): PointOf<'trade'> => ({
  ...market,
  dataType: 'trade',
  timestamp: timeAt(index),
  receivedAt: timeAt(index) + 35,
  data: {
    id: String(1_000 + index),
    price: decimalString(`${60_000 + index}.50`),
    size: decimalString('0.00012300'),
    side: index % 2 === 0 ? 'buy' : 'sell',
    count: index % 3 === 0 ? undefined : index % 3,
    backfilled: index % 5 === 0,
    ...data,
  },
})

/** One candle of a minute each. */
export const candleAt = (index: number, changes: Partial<OhlcvData> = {}): OhlcvData => ({
  ...MARKET,
  timeframe: '1m',
  openTime: timeAt(index),
  closeTime: timeAt(index + 1),
  open: new Decimal(60_000 + index),
  high: new Decimal(60_010 + index),
  low: new Decimal('59990.5').plus(index),
  close: new Decimal('60001.25').plus(index),
  volume: new Decimal('12.345'),
  quoteVolume: new Decimal('740712.3450625'),
  takerBuyVolume: new Decimal('6.1'),
  tradesCount: 17,
  status: 'closed',
  complete: true,
  incompleteReason: undefined,
  source: 'trades',
  ...changes,
})

/** One frame a minute. */
export const frameAt = (index: number, changes: Partial<StoredFrame> = {}): StoredFrame => {
  const { exchange, symbol } = { ...MARKET, ...changes }
  return {
    id: JSON.stringify([exchange, symbol, 1_000 + index]),
    exchange,
    symbol,
    dataType: 'trade',
    topic: 'trades',
    receivedAt: timeAt(index),
    text: `{"arg":{"channel":"trades"},"data":[{"px":"${60_000 + index}.50"}]}`,
    ...changes,
  }
}

/** `count` rows, numbered from 0. */
export const many = <Row>(count: number, rowAt: (index: number) => Row): Row[] =>
  Array.from({ length: count }, (_, index) => rowAt(index))
