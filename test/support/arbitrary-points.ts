import { DATA_TYPES } from '../../src/domain/data-type.ts'
import { decimal, Decimal, type DecimalString } from '../../src/domain/decimal.ts'
import { GAP_REASONS, type Gap } from '../../src/domain/gap.ts'
import type { MarketDataPoint, OhlcvData, PointOf } from '../../src/domain/market-data.ts'
import { CANDLE_TIMEFRAMES } from '../../src/domain/timeframe.ts'
import type { StoredFrame } from '../../src/storage/repository.ts'
import { asDecimal } from './decimals.ts'
import fc from './fast-check.ts'

/** Any text a field may hold: NUL, quotes, line breaks, emoji; no half of a surrogate pair. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('BTC-USDT', "x'; DROP TABLE trades; --", '"\u0000\n\r\\', '比特币🚀', ' '),
)

const time: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 4_102_444_800_000 }),
  fc.integer({ min: 0, max: 2_000_000_000_000 }).map((ms) => ms + 0.125),
)

/** Up to 20 digits before the point and up to 30 behind it, zeros at both ends included. */
const unsigned: fc.Arbitrary<DecimalString> = fc
  .tuple(fc.stringMatching(/^\d{1,20}$/), fc.option(fc.stringMatching(/^\d{1,30}$/), { nil: undefined }))
  .map(([whole, fraction]) => asDecimal(fraction === undefined ? whole : `${whole}.${fraction}`))
const signed = fc.tuple(fc.boolean(), unsigned).map(([isNegative, text]) => asDecimal(isNegative ? `-${text}` : text))
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined })
const exact = unsigned.map((text) => decimal(text))

const point = <T extends MarketDataPoint['dataType']>(
  dataType: T,
  data: fc.Arbitrary<PointOf<T>['data']>,
): fc.Arbitrary<PointOf<T>> =>
  fc.record({ exchange: anyText, symbol: anyText, dataType: fc.constant(dataType), timestamp: time, receivedAt: time, data })

export const anyTrade: fc.Arbitrary<PointOf<'trade'>> = point(
  'trade',
  fc.record({
    id: anyText,
    price: unsigned,
    size: unsigned,
    side: fc.constantFrom('buy', 'sell'),
    count: maybe(fc.integer({ min: 1 })),
    backfilled: fc.boolean(),
  }),
)

export const anyCandle: fc.Arbitrary<OhlcvData> = fc.record({
  exchange: anyText,
  symbol: anyText,
  timeframe: fc.constantFrom(...CANDLE_TIMEFRAMES),
  openTime: time,
  closeTime: time,
  open: exact,
  high: exact,
  low: exact,
  close: exact,
  volume: exact,
  quoteVolume: maybe(exact),
  takerBuyVolume: maybe(exact),
  tradesCount: maybe(fc.nat()),
  status: fc.constantFrom('open', 'closed', 'revised'),
  complete: fc.boolean(),
  incompleteReason: maybe(anyText),
  source: fc.constantFrom('trades', 'exchange'),
})

const levels = fc.array(fc.tuple(unsigned, unsigned), { maxLength: 4 })
const maybeUnsigned = maybe(unsigned)

export const anyPoint: fc.Arbitrary<MarketDataPoint> = fc.oneof(
  anyTrade,
  point('candle', anyCandle),
  point(
    'ticker',
    fc.record({
      last: maybeUnsigned,
      bid: maybeUnsigned,
      bidSize: maybeUnsigned,
      ask: maybeUnsigned,
      askSize: maybeUnsigned,
      open24h: maybeUnsigned,
      high24h: maybeUnsigned,
      low24h: maybeUnsigned,
      volume24h: maybeUnsigned,
      quoteVolume24h: maybeUnsigned,
    }),
  ),
  point(
    'orderbook',
    fc.record({
      kind: fc.constantFrom('snapshot', 'update'),
      bids: levels,
      asks: levels,
      sequence: maybe(fc.maxSafeInteger()),
      previousSequence: maybe(fc.maxSafeInteger()),
    }),
  ),
  point('balance', fc.record({ asset: anyText, free: maybe(signed), locked: maybe(signed), total: maybe(signed) })),
)

export const anyGap: fc.Arbitrary<Gap> = fc.record({
  exchange: anyText,
  symbol: anyText,
  stream: anyText,
  fromId: maybe(anyText),
  toId: maybe(anyText),
  fromTime: maybe(time),
  toTime: maybe(time),
  missing: maybe(fc.nat()),
  reason: fc.constantFrom(...GAP_REASONS),
  filled: fc.boolean(),
  trades: maybe(fc.array(anyTrade, { maxLength: 3 })),
  at: time,
})

export const anyFrame: fc.Arbitrary<StoredFrame> = fc.record({
  id: anyText,
  exchange: anyText,
  symbol: anyText,
  dataType: fc.constantFrom(...DATA_TYPES),
  topic: anyText,
  receivedAt: time,
  text: anyText,
})

/** Decimals as text: what two equal ones look like inside is decimal.js's own business. */
export const plain = (value: unknown): unknown => {
  if (value instanceof Decimal) return value.toFixed()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
