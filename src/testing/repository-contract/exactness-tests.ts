import { Decimal, decimalString, MAX_DECIMAL_LENGTH } from '../../domain/decimal.ts'
import { collect, type ContractTest } from './contract-world.ts'
import { candleAt, frameAt, MARKET, timeAt, tradeAt } from './sample-rows.ts'
import { plain } from './shelf.ts'

const nines = (count: number): string => '9'.repeat(count)
const half = MAX_DECIMAL_LENGTH / 2 - 1

/** None of them survives a float. */
const DECIMALS = [
  '0',
  '0.0',
  '0.000000000000000000',
  '1',
  '1.0',
  '1.50',
  '100',
  '42219.90',
  '0.000000000000000001',
  '1.000000000000000001',
  '123456789012.345678901234567890',
  '9007199254740993',
  '340282366920938463463374607431768211457',
  `0.${nines(MAX_DECIMAL_LENGTH - 2)}`,
  `${nines(half)}.${nines(half + 1)}`,
  nines(MAX_DECIMAL_LENGTH),
  `1${'0'.repeat(MAX_DECIMAL_LENGTH - 1)}`,
  `0.${'0'.repeat(MAX_DECIMAL_LENGTH - 3)}1`,
]

/** To the microsecond, which is what a database keeps of a time. */
const toMicroseconds = (milliseconds: number): number => Math.round(milliseconds * 1_000)

const FRACTIONS = [0, 0.001, 0.123, 0.25, 0.5, 0.999]

/** Milliseconds that a database could take for something else. */
const TIMES = [0, 1, 999, 2 ** 31, 2 ** 32, 999_999_999_999, 1_000_000_000_000, timeAt(0), Date.UTC(2100, 0), 4_102_444_800_001]

export const exactnessTests: readonly ContractTest[] = [
  {
    name: 'price and size of a trade come back digit by digit, with 18 decimals, 64 characters and trailing zeros',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const trades = DECIMALS.flatMap((text, index) => [
        tradeAt(2 * index, MARKET, { price: decimalString(text) }),
        tradeAt(2 * index + 1, MARKET, { size: decimalString(text) }),
      ])
      await rawTrades.saveTrades(trades)
      const found = await collect(rawTrades.trades(MARKET))
      expect(found).toEqual(trades)
      expect(found.map(({ data }) => typeof data.price)).toEqual(trades.map(() => 'string'))
      expect(await rawTrades.latestTrade(MARKET)).toEqual(trades.at(-1))
    },
  },
  {
    name: 'the numbers of a candle come back exactly, as Decimal',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      const fields = ['open', 'high', 'low', 'close', 'volume', 'quoteVolume', 'takerBuyVolume'] as const
      const candles = DECIMALS.flatMap((text, row) =>
        fields.map((field, column) => candleAt(row * fields.length + column, { [field]: new Decimal(text) })),
      )
      await marketData.saveCandles(candles)
      const found = await collect(marketData.candles({ ...MARKET, timeframe: '1m' }))
      expect(found.map(plain)).toEqual(candles.map(plain))
      // Its own arithmetic: a Decimal of another copy of decimal.js might round.
      const sum = new Decimal(nines(MAX_DECIMAL_LENGTH)).plus('0.000000000000000001')
      const last = found.find(({ volume }) => volume.eq(nines(MAX_DECIMAL_LENGTH)))
      expect(last?.volume.plus('0.000000000000000001').eq(sum)).toBe(true)
    },
  },
  {
    name: 'what is undefined in a trade comes back undefined, and 0 as 0',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const counts = [undefined, 0, 1, 2 ** 31, Number.MAX_SAFE_INTEGER]
      await rawTrades.saveTrades(counts.map((count, index) => tradeAt(index, MARKET, { count })))
      expect((await collect(rawTrades.trades(MARKET))).map(({ data }) => data.count)).toEqual(counts)
    },
  },
  {
    name: 'side and backfilled of a trade come back',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const trades = [
        tradeAt(0, MARKET, { side: 'buy', backfilled: false }),
        tradeAt(1, MARKET, { side: 'buy', backfilled: true }),
        tradeAt(2, MARKET, { side: 'sell', backfilled: false }),
        tradeAt(3, MARKET, { side: 'sell', backfilled: true }),
      ]
      await rawTrades.saveTrades(trades)
      expect(await collect(rawTrades.trades(MARKET))).toEqual(trades)
    },
  },
  {
    name: 'every optional field of a candle comes back, undefined or not',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      const zero = new Decimal(0)
      const candles = [
        candleAt(0, { quoteVolume: undefined, takerBuyVolume: undefined, tradesCount: undefined }),
        candleAt(1, { quoteVolume: zero, takerBuyVolume: zero, tradesCount: 0 }),
        candleAt(2, { complete: false, incompleteReason: 'rest-failed' }),
        candleAt(3, { complete: false, incompleteReason: undefined }),
        candleAt(4, { complete: false, incompleteReason: '' }),
        candleAt(5, { status: 'open', source: 'exchange' }),
        candleAt(6, { status: 'revised', source: 'trades' }),
        candleAt(7, { closeTime: timeAt(7) + 1 }),
      ]
      await marketData.saveCandles(candles)
      const found = await collect(marketData.candles({ ...MARKET, timeframe: '1m' }))
      expect(found.map(plain)).toEqual(candles.map(plain))
      // `toEqual` does not tell undefined from absent, but null from both.
      const { quoteVolume, takerBuyVolume, tradesCount, incompleteReason } = found[0] ?? {}
      expect([quoteVolume, takerBuyVolume, tradesCount, incompleteReason]).toEqual([undefined, undefined, undefined, undefined])
    },
  },
  {
    name: 'whole milliseconds come back exactly, whatever the year',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const trades = TIMES.map((timestamp, index) => ({ ...tradeAt(index), timestamp, receivedAt: timestamp + 1 }))
      await rawTrades.saveTrades(trades)
      const found = await collect(rawTrades.trades(MARKET))
      expect(found).toEqual(trades.toSorted((a, b) => a.timestamp - b.timestamp))
    },
  },
  {
    name: 'fractions of a millisecond come back to the microsecond, in order, and divide ranges',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const trades = FRACTIONS.map((fraction, index) => ({
        ...tradeAt(index),
        timestamp: timeAt(0) + fraction,
        receivedAt: timeAt(1) + fraction,
      }))
      await rawTrades.saveTrades(trades.toReversed())
      const found = await collect(rawTrades.trades(MARKET))
      const timesOf = (rows: typeof trades): readonly (readonly number[])[] =>
        rows.map(({ timestamp, receivedAt }) => [toMicroseconds(timestamp), toMicroseconds(receivedAt)])
      expect(timesOf(found)).toEqual(timesOf(trades))
      const middle = await collect(rawTrades.trades({ ...MARKET, from: timeAt(0) + 0.25, to: timeAt(0) + 0.5 }))
      expect(middle.map(({ data }) => data.id)).toEqual([trades[3]?.data.id])
    },
  },
  {
    name: 'a frame received between two milliseconds comes back to the microsecond',
    needs: ['frames'],
    run: async ({ expect, frames }) => {
      const rows = FRACTIONS.map((fraction, index) => frameAt(index, { receivedAt: timeAt(0) + fraction }))
      await frames.saveFrames(rows)
      const found = await collect(frames.frames(MARKET))
      expect(found.map(({ receivedAt }) => toMicroseconds(receivedAt))).toEqual(
        rows.map(({ receivedAt }) => toMicroseconds(receivedAt)),
      )
    },
  },
]
