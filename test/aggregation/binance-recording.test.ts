import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { aggregateTrades } from '../../src/aggregation/aggregate-trades.ts'
import type { PlainTrade } from '../../src/aggregation/trade-row.ts'
import type { OhlcvData } from '../../src/domain/market-data.ts'
import { TIMEFRAMES, type Timeframe } from '../../src/domain/timeframe.ts'

const folder = process.env['TAPEKEEPER_RECORDINGS'] ?? fileURLToPath(new URL('../../../shared/recordings', import.meta.url))
const recording = `${folder}/binance-xrpeth-2019-10`

interface Expected {
  readonly count: number
  readonly buckets_in_range: number
  /** openTime, open, high, low, close, volume, quoteVolume, trades; below 1m the first 200. */
  readonly rows: readonly (readonly [number, string, string, string, string, string, string, number])[]
}

/** 12,477 real trades; the candles were computed by others, with exact decimals. */
describe.skipIf(!existsSync(`${recording}.trades.ndjson`))(
  `Binance XRP-ETH, 2019-10 (else: no recording at ${folder}, set TAPEKEEPER_RECORDINGS)`,
  () => {
    async function aggregate(completeSeries: boolean) {
      const lines = readFileSync(`${recording}.trades.ndjson`, 'utf8').trim().split('\n').slice(1)
      const trades = lines.map((line) => JSON.parse(line) as PlainTrade)
      const options = { exchange: 'binance', symbol: 'XRP-ETH', timeframes: TIMEFRAMES, completeSeries }
      const candles = new Map<Timeframe, OhlcvData[]>(TIMEFRAMES.map((timeframe) => [timeframe, []]))
      for await (const candle of aggregateTrades(trades, options)) candles.get(candle.timeframe as Timeframe)!.push(candle)
      const { timeframes } = JSON.parse(readFileSync(`${recording}.candles.json`, 'utf8')) as {
        timeframes: Record<Timeframe, Expected>
      }
      return { trades, candles, expected: timeframes }
    }

    const rowOf = ({ openTime, open, high, low, close, volume, quoteVolume, tradesCount }: OhlcvData) =>
      [openTime, ...[open, high, low, close, volume, quoteVolume].map(String), tradesCount] as const
    // Their prices keep the zeros of the exchange.
    const trimmed = (row: Expected['rows'][number]) =>
      row.map((value) => (typeof value === 'string' && value.includes('.') ? value.replace(/\.?0+$/, '') : value))

    test('exactly these candles in all eleven timeframes', async () => {
      const { trades, candles, expected } = await aggregate(false)
      expect(trades).toHaveLength(12_477)
      for (const timeframe of TIMEFRAMES) {
        const ours = candles.get(timeframe)!
        expect([timeframe, ours.length]).toEqual([timeframe, expected[timeframe].count])
        expect(ours.slice(0, expected[timeframe].rows.length).map(rowOf)).toEqual(expected[timeframe].rows.map(trimmed))
        expect(ours.every(({ status, complete }) => status === 'closed' && complete)).toBe(true)
      }
    })

    test('as a complete series, one for each bucket in range', async () => {
      const { candles, expected } = await aggregate(true)
      for (const timeframe of TIMEFRAMES) {
        const ours = candles.get(timeframe)!
        expect([timeframe, ours.length]).toEqual([timeframe, expected[timeframe].buckets_in_range])
        expect(ours.every(({ openTime }, i) => i === 0 || openTime === ours[i - 1]!.closeTime)).toBe(true)
        const traded = ours.filter(({ tradesCount }) => tradesCount !== 0).slice(0, expected[timeframe].rows.length)
        expect(traded.map(rowOf)).toEqual(expected[timeframe].rows.map(trimmed))
      }
    })
  },
)
