import { TIMEFRAMES, timeframeMs, type Timeframe } from '../../../src/domain/timeframe.ts'
import type { OhlcvData } from '../../../src/domain/market-data.ts'

export interface TestTrade {
  readonly id: string
  readonly price: string
  readonly size: string
  readonly side: 'buy' | 'sell'
  readonly timestamp: number
  readonly count?: number
}

/** Enough for every number that is used; all arithmetic is BigInt at these scales, written independently of src. */
const SCALE = 40

const scaled = (text: string): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(SCALE, '0'))
}

function plain(digits: bigint, scale: number): string {
  const text = digits.toString().padStart(scale + 1, '0')
  const fraction = text.slice(-scale).replace(/0+$/, '')
  return text.slice(0, -scale) + (fraction === '' ? '' : `.${fraction}`)
}

/** Numbers before other ids, numbers by value. */
function before(a: TestTrade, b: TestTrade): number {
  if (a.timestamp !== b.timestamp) return a.timestamp - b.timestamp
  const [x, y] = [/^\d+$/.test(a.id), /^\d+$/.test(b.id)]
  if (x && y) return BigInt(a.id) < BigInt(b.id) ? -1 : 1
  if (x !== y) return x ? -1 : 1
  return a.id < b.id ? -1 : 1
}

export type NaiveCandles = Record<string, Record<string, unknown>>

interface NaiveOptions {
  readonly timeframes?: readonly Timeframe[]
  /** Empty candles up to (not including) this time; undefined: up to the last trade. */
  readonly series?: boolean
  readonly seriesEnd?: number
  /** Spans in which trades are missing. */
  readonly gaps?: readonly { readonly from: number; readonly to: number; readonly reason: string }[]
}

/** Sorts all trades, and adds up each bucket of each timeframe from them: slow, and easily seen to be right. */
export function naiveCandles(trades: readonly TestTrade[], options: NaiveOptions = {}): NaiveCandles {
  const { timeframes = TIMEFRAMES, series = false, gaps = [] } = options
  const sorted = [...new Map(trades.map((trade) => [trade.id, trade])).values()].sort(before)
  const result: NaiveCandles = {}
  for (const timeframe of timeframes) {
    const length = timeframeMs(timeframe)!
    const buckets = new Map<number, TestTrade[]>()
    for (const trade of sorted) {
      const openTime = trade.timestamp - (trade.timestamp % length)
      buckets.set(openTime, [...(buckets.get(openTime) ?? []), trade])
    }
    const first = Math.min(...buckets.keys())
    const last = Math.max(...buckets.keys())
    const end = options.seriesEnd ?? last + length
    if (series)
      for (let at = first; at + length <= Math.max(end, last + length); at += length) if (!buckets.has(at)) buckets.set(at, [])
    let close = 0n
    for (const [openTime, inside] of [...buckets].sort(([a], [b]) => a - b)) {
      const prices = inside.length === 0 ? [close] : inside.map(({ price }) => scaled(price))
      close = prices.at(-1)!
      const sum = (of: (trade: TestTrade) => bigint): bigint => inside.reduce((total, trade) => total + of(trade), 0n)
      const reason = gaps.find(({ from, to }) => openTime <= to && openTime + length > from)?.reason
      result[`${timeframe} ${openTime}`] = {
        open: plain(prices[0]!, SCALE),
        high: plain(
          prices.reduce((a, b) => (a > b ? a : b)),
          SCALE,
        ),
        low: plain(
          prices.reduce((a, b) => (a < b ? a : b)),
          SCALE,
        ),
        close: plain(close, SCALE),
        volume: plain(
          sum(({ size }) => scaled(size)),
          SCALE,
        ),
        quoteVolume: plain(
          sum(({ price, size }) => scaled(price) * scaled(size)),
          SCALE * 2,
        ),
        takerBuyVolume: plain(
          sum(({ side, size }) => (side === 'buy' ? scaled(size) : 0n)),
          SCALE,
        ),
        tradesCount: inside.reduce((total, { count = 1 }) => total + count, 0),
        complete: reason === undefined,
        incompleteReason: reason,
      }
    }
  }
  return result
}

/** What a reader who keeps the last candle of each bucket has in the end. */
export function lastOf(candles: Iterable<OhlcvData>): NaiveCandles {
  const result: NaiveCandles = {}
  for (const candle of candles) {
    const { timeframe, openTime, open, high, low, close, volume, quoteVolume, takerBuyVolume, tradesCount } = candle
    result[`${timeframe} ${openTime}`] = {
      open: open.toString(),
      high: high.toString(),
      low: low.toString(),
      close: close.toString(),
      volume: volume.toString(),
      quoteVolume: quoteVolume?.toString(),
      takerBuyVolume: takerBuyVolume?.toString(),
      tradesCount,
      complete: candle.complete,
      incompleteReason: candle.incompleteReason,
    }
  }
  return result
}

const textOf = (candles: NaiveCandles, key: string): string => `${key} ${JSON.stringify(candles[key])}`

/** The first candle, as text, in which the two differ; undefined when all are the same to the byte. */
export function firstDifference(got: NaiveCandles, expected: NaiveCandles): string | undefined {
  for (const key of new Set([...Object.keys(expected), ...Object.keys(got)])) {
    if (textOf(got, key) !== textOf(expected, key)) return `${textOf(got, key)} instead of ${textOf(expected, key)}`
  }
  return undefined
}
