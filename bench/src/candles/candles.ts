import type * as Tapekeeper from 'tapekeeper'
import { loadTapekeeper, type Built } from '../built.ts'
import { spread, type Spread } from '../measure.ts'
import { DecimalFold } from './decimal-fold.ts'
import { generatedTrades, type BenchTrade } from './generated-trades.ts'
import { NumberCascade } from './number-cascade.ts'

export interface CandlePlan {
  readonly trades: number
  readonly rounds: number
}

export interface CandleRow {
  readonly name: string
  readonly what: string
  /** Nanoseconds of processor time per trade. */
  readonly perTrade: Spread
  /** Our time by theirs, in the same round. */
  readonly oursByTheirs: Spread
}

export interface CandleResult {
  readonly trades: number
  readonly candles: number
  readonly rows: readonly CandleRow[]
  /** What an aggregator holds on the heap after so many trades, bytes. */
  readonly heap: readonly { readonly trades: number; readonly bytes: number }[]
}

type Api = Pick<typeof Tapekeeper, 'CandleAggregator' | 'Decimal' | 'TIMEFRAMES' | 'timeframeMs'>

/** The straightforward fold is measured on this share of the trades, and fewer times: it would take minutes. */
const DECIMAL_SHARE = 1 / 20
const DECIMAL_EVERY = 4
const CHECKED_TRADES = 20_000

/** All eleven timeframes from the same trades, three ways; in each round every way once, ours first and last in turn. */
export async function measureCandles(built: Built, plan: CandlePlan, random: () => number): Promise<CandleResult> {
  const api = await loadTapekeeper(built)
  const trades = generatedTrades(plan.trades, random)
  const few = trades.slice(0, Math.ceil(plan.trades * DECIMAL_SHARE))
  assertSame(api, trades.slice(0, CHECKED_TRADES))
  const candles = ours(api, trades)
  if (numbers(api, trades) !== candles) throw new Error('the cascade of numbers gave another number of candles')
  decimals(api, few)

  const times = { ours: [] as number[], numbers: [] as number[], decimals: [] as number[] }
  const byNumbers: number[] = []
  const byDecimals: number[] = []
  for (let round = 0; round < plan.rounds; round++) {
    const run = { ours: () => time(trades, () => ours(api, trades)), numbers: () => time(trades, () => numbers(api, trades)) }
    let [oursNs, numbersNs] = [0, 0]
    if (round % 2 === 0) {
      oursNs = run.ours()
      numbersNs = run.numbers()
    } else {
      numbersNs = run.numbers()
      oursNs = run.ours()
    }
    times.ours.push(oursNs)
    times.numbers.push(numbersNs)
    byNumbers.push(oursNs / numbersNs)
    if (round % DECIMAL_EVERY !== 0) continue
    const decimalsNs = time(few, () => decimals(api, few))
    times.decimals.push(decimalsNs)
    byDecimals.push(oursNs / decimalsNs)
  }
  const none = [1]
  return {
    trades: plan.trades,
    candles,
    rows: [
      {
        name: 'tapekeeper',
        what: '`CandleAggregator`, defaults: exact',
        perTrade: spread(times.ours),
        oursByTheirs: spread(none),
      },
      {
        name: 'cascade of `number`',
        what: 'same cascade, inexact',
        perTrade: spread(times.numbers),
        oursByTheirs: spread(byNumbers),
      },
      {
        name: 'fold with `Decimal`',
        what: 'each trade into each timeframe, exact',
        perTrade: spread(times.decimals),
        oursByTheirs: spread(byDecimals),
      },
    ],
    heap: [plan.trades / 4, plan.trades].map((count) => ({ trades: count, bytes: heapOf(api, count, random) })),
  }
}

const lengths = ({ TIMEFRAMES, timeframeMs }: Api): [string, number][] => TIMEFRAMES.map((name) => [name, timeframeMs(name)!])

function ours({ CandleAggregator, TIMEFRAMES }: Api, trades: readonly BenchTrade[]): number {
  let candles = 0
  const onCandle = (): void => {
    candles++
  }
  const aggregator = new CandleAggregator({ exchange: 'okx', symbol: 'BTC-USDT', timeframes: TIMEFRAMES, onCandle })
  for (const trade of trades) {
    aggregator.advance(trade.timestamp)
    aggregator.add(trade)
  }
  aggregator.flush()
  return candles
}

function numbers(api: Api, trades: readonly BenchTrade[]): number {
  let candles = 0
  const cascade = new NumberCascade(lengths(api), () => candles++)
  for (const trade of trades) cascade.add(trade)
  cascade.flush()
  return candles
}

function decimals(api: Api, trades: readonly BenchTrade[]): number {
  let candles = 0
  const fold = new DecimalFold(api.Decimal, lengths(api), () => candles++)
  for (const trade of trades) fold.add(trade)
  fold.flush()
  return candles
}

/** Whoever is fast has to be right: ours and the straightforward fold give the same candles, digit by digit. */
function assertSame(api: Api, trades: readonly BenchTrade[]): void {
  const [one, other] = [new Set<string>(), new Set<string>()]
  type Shown = Pick<
    Tapekeeper.OhlcvData,
    'openTime' | 'open' | 'high' | 'low' | 'close' | 'volume' | 'quoteVolume' | 'takerBuyVolume' | 'tradesCount'
  >
  const text = (
    timeframe: string,
    { openTime, open, high, low, close, volume, quoteVolume, takerBuyVolume, tradesCount }: Shown,
  ): string => [timeframe, openTime, open, high, low, close, volume, quoteVolume, takerBuyVolume, tradesCount].join(' ')
  const aggregator = new api.CandleAggregator({
    exchange: 'okx',
    symbol: 'BTC-USDT',
    timeframes: api.TIMEFRAMES,
    onCandle: (candle) => {
      one.add(text(candle.timeframe, candle))
    },
  })
  const fold = new DecimalFold(api.Decimal, lengths(api), (candle) => {
    other.add(text(candle.timeframe, candle))
  })
  for (const trade of trades) {
    aggregator.add(trade)
    fold.add(trade)
  }
  aggregator.flush()
  fold.flush()
  if (one.size !== other.size || [...one].some((line) => !other.has(line))) throw new Error('the candles differ')
}

/** Trades that nobody keeps: what is left after a collection is the aggregator's. */
function heapOf({ CandleAggregator, TIMEFRAMES }: Api, count: number, random: () => number): number {
  const before = heapBytes()
  const aggregator = new CandleAggregator({
    exchange: 'okx',
    symbol: 'BTC-USDT',
    timeframes: TIMEFRAMES,
    onCandle: () => undefined,
  })
  const part = 10_000
  let [offset, id] = [0, 0]
  for (let done = 0; done < count; done += part) {
    const some = generatedTrades(Math.min(part, count - done), random)
    for (const trade of some) {
      const timestamp = trade.timestamp + offset
      aggregator.advance(timestamp)
      aggregator.add({ ...trade, timestamp, id: String(id++) })
    }
    offset += some.at(-1)!.timestamp - some[0]!.timestamp
  }
  const bytes = heapBytes() - before
  if (aggregator.statistics.trades !== count) throw new Error('trades are missing')
  return bytes
}

function heapBytes(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Processor time of all our threads per trade, nanoseconds, as in `measure.ts`. */
function time(trades: readonly BenchTrade[], run: () => number): number {
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / trades.length
}
