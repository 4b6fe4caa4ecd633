import { Decimal } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'
import { timeframeMs, type Timeframe } from '../domain/timeframe.ts'

/** Sums of prices of 64 digits times sizes of 64 digits are still exact. */
const Wide = Decimal.clone({ precision: 400 })

/**
 * Folds closed candles of one lower timeframe into a higher one, exactly: for research, and to check what somebody else folded. Where a
 * bucket comes twice (closed, then revised) the last one counts. Empty candles do not change the prices of a bucket that has others.
 * What one candle lacks (`quoteVolume`, `takerBuyVolume`, `tradesCount`), the fold lacks. Sorted by time; buckets without a candle have none.
 *
 * @throws RangeError when the candles are not of one series, or their timeframe does not divide `timeframe`.
 * @example
 * ```ts
 * import { foldCandles, type OhlcvData } from 'tapekeeper'
 * const hourly = (minutes: readonly OhlcvData[]): OhlcvData[] => foldCandles(minutes, '1h')
 * ```
 */
export function foldCandles(candles: Iterable<OhlcvData>, timeframe: Timeframe): OhlcvData[] {
  const length = timeframeMs(timeframe) ?? NaN
  const latest = new Map<number, OhlcvData>()
  let first: OhlcvData | undefined
  for (const candle of candles) {
    first ??= candle
    assertFits(candle, first, timeframe, length)
    latest.set(candle.openTime, candle)
  }
  const buckets = new Map<number, OhlcvData[]>()
  for (const candle of [...latest.values()].sort((a, b) => a.openTime - b.openTime)) {
    const openTime = Math.floor(candle.openTime / length) * length
    const bucket = buckets.get(openTime)
    if (bucket === undefined) buckets.set(openTime, [candle])
    else bucket.push(candle)
  }
  return [...buckets].map(([openTime, bucket]) => fold(bucket, openTime, openTime + length, timeframe))
}

function fold(all: readonly OhlcvData[], openTime: number, closeTime: number, timeframe: Timeframe): OhlcvData {
  const traded = all.filter((candle) => !isEmpty(candle))
  const [first = never()] = traded.length > 0 ? traded : all
  const last = traded.at(-1) ?? first
  const counts = traded.map(({ tradesCount }) => tradesCount)
  return {
    exchange: first.exchange,
    symbol: first.symbol,
    timeframe,
    openTime,
    closeTime,
    open: first.open,
    high: traded.reduce((high, candle) => (candle.high.gt(high) ? candle.high : high), first.high),
    low: traded.reduce((low, candle) => (candle.low.lt(low) ? candle.low : low), first.low),
    close: last.close,
    volume: sum(traded.map(({ volume }) => volume)) ?? new Decimal(0),
    quoteVolume: sum(traded.map(({ quoteVolume }) => quoteVolume)),
    takerBuyVolume: sum(traded.map(({ takerBuyVolume }) => takerBuyVolume)),
    tradesCount: counts.includes(undefined) ? undefined : counts.reduce<number>((total, count) => total + (count ?? 0), 0),
    status: 'closed',
    complete: all.every(({ complete }) => complete),
    incompleteReason: all.find(({ complete }) => !complete)?.incompleteReason,
    source: first.source,
  }
}

const isEmpty = ({ volume, tradesCount }: OhlcvData): boolean => volume.isZero() && (tradesCount ?? 0) === 0

function sum(values: readonly (Decimal | undefined)[]): Decimal | undefined {
  let total: Decimal = new Wide(0)
  for (const value of values) {
    if (value === undefined) return undefined
    total = total.plus(value)
  }
  return new Decimal(total)
}

function assertFits(candle: OhlcvData, first: OhlcvData, timeframe: Timeframe, length: number): void {
  const series = ({ exchange, symbol, timeframe: of }: OhlcvData): string => `${exchange} ${symbol} ${of}`
  if (series(candle) !== series(first)) throw new RangeError(`candles of two series: ${series(first)} and ${series(candle)}`)
  const lower = timeframeMs(candle.timeframe)
  if (lower === undefined || length % lower !== 0)
    throw new RangeError(`${candle.timeframe} candles cannot be folded to ${timeframe}`)
}

function never(): never {
  throw new RangeError('a bucket without candles')
}
