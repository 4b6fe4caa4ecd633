import type { OhlcvData } from '../domain/market-data.ts'
import { parseConfig } from '../errors/config-problems.ts'
import { aggregateOptions, type AggregateTradesOptions } from './aggregator-options.ts'
import { AgreedTime } from './agreed-time.ts'
import { CandleAggregator } from './candle-aggregator.ts'
import type { TradeInput } from './trade-row.ts'

/**
 * Makes candles of any (async) iterable of trades: an array, a file, `collector.stream(...)`. Lazy: it reads as fast as the candles are
 * taken, the memory does not grow with the trades, and `break` ends it. Time is what the trades agree on: a single one that is stamped
 * far ahead closes nothing. After the last trade everything closes; a complete series is not carried on to a time that only such a
 * trade bears, whose candle comes last and is `complete: false`, `time-doubtful`.
 *
 * @throws TapekeeperError `CONFIG_INVALID` at once, for options that are wrong or misspelt; RangeError while iterating, for a malformed trade.
 * @example
 * ```ts
 * import { aggregateTrades } from 'tapekeeper'
 * const trades = [
 *   { id: '1', price: '100.5', size: '2', side: 'buy', timestamp: 1_700_000_000_250 },
 *   { id: '2', price: '101', size: '0.5', side: 'sell', timestamp: 1_700_000_061_000 },
 * ] as const
 * const options = { exchange: 'okx', symbol: 'BTC-USDT', timeframes: ['1m'] } as const
 * for await (const candle of aggregateTrades(trades, options)) {
 *   console.log(new Date(candle.openTime), candle.close.toString(), candle.volume.toString())
 * }
 * ```
 */
export function aggregateTrades(
  trades: Iterable<TradeInput> | AsyncIterable<TradeInput>,
  options: AggregateTradesOptions,
): AsyncGenerator<OhlcvData, void, undefined> {
  const parsed = parseConfig(aggregateOptions, options, 'aggregateTrades')
  return candlesOf(trades, parsed)
}

async function* candlesOf(
  trades: Iterable<TradeInput> | AsyncIterable<TradeInput>,
  options: AggregateTradesOptions,
): AsyncGenerator<OhlcvData, void, undefined> {
  const candles: OhlcvData[] = []
  const aggregator = new CandleAggregator({ ...options, onCandle: (candle) => void candles.push(candle) })
  const time = new AgreedTime()
  /** True when candles close before this trade. */
  const closesFirst = ({ timestamp }: TradeInput): boolean => {
    time.observe(timestamp)
    return (aggregator.nextCloseAt() ?? Infinity) <= time.now
  }
  const take = (trade: TradeInput): boolean => {
    if (time.now !== -Infinity) aggregator.advance(time.now)
    aggregator.add(trade)
    return candles.length > 0
  }
  /** One end after the other: a year of silence makes many empty candles, but never many at once. */
  function* close(until: number): Generator<OhlcvData, void, undefined> {
    for (let at = aggregator.nextCloseAt(); at !== undefined && at <= until; at = aggregator.nextCloseAt()) {
      aggregator.advance(at)
      yield* candles.splice(0)
    }
  }
  // Two loops: a trade of a plain iterable needs no turn of the event loop. No `yield*`, which is several times as slow here.
  if (Symbol.asyncIterator in trades) {
    for await (const trade of trades) {
      if (closesFirst(trade)) for (const candle of close(time.now)) yield candle
      if (take(trade)) for (const candle of candles.splice(0)) yield candle
    }
  } else {
    for (const trade of trades) {
      if (closesFirst(trade)) for (const candle of close(time.now)) yield candle
      if (take(trade)) for (const candle of candles.splice(0)) yield candle
    }
  }
  const { end } = time
  for (const candle of close(end)) yield candle
  aggregator.flush(end)
  for (const candle of candles) yield candle
}
