import { Decimal } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'
import { closeTimeOf, openTimeOf, timeframeMs, type CandleTimeframe } from '../domain/timeframe.ts'

/** Sums of prices of 64 digits times sizes of 64 digits are still exact. */
const Wide = Decimal.clone({ precision: 400 })

/**
 * Folds closed candles of one lower timeframe into a higher one, exactly: for research, and to check what somebody else folded. Where a
 * bucket comes twice (closed, then revised) the last one counts. Empty candles do not change the prices of a bucket that has others.
 * What one candle lacks (`quoteVolume`, `takerBuyVolume`, `tradesCount`), the fold lacks. Sorted by time; buckets without a candle have none.
 * Weeks begin on Monday, months and quarters on the first (UTC).
 *
 * @throws RangeError when the candles are not of one series, when their timeframe does not divide `timeframe`, or when that has no agreed
 * beginning (`2d 3d 5d`).
 * @example
 * ```ts
 * import { foldCandles, type OhlcvData } from 'tapekeeper'
 * const hourly = (minutes: readonly OhlcvData[]): OhlcvData[] => foldCandles(minutes, '1h')
 * ```
 */
export function foldCandles(candles: Iterable<OhlcvData>, timeframe: CandleTimeframe): OhlcvData[] {
  const latest = new Map<number, OhlcvData>()
  let first: OhlcvData | undefined
  for (const candle of candles) {
    first ??= candle
    assertFits(candle, first, timeframe)
    latest.set(candle.openTime, candle)
  }
  const buckets = new Map<number, OhlcvData[]>()
  for (const candle of [...latest.values()].sort((a, b) => a.openTime - b.openTime)) {
    const openTime = openTimeOf(candle.openTime, timeframe) ?? NaN
    const bucket = buckets.get(openTime)
    if (bucket === undefined) buckets.set(openTime, [candle])
    else bucket.push(candle)
  }
  return [...buckets].map(([openTime, bucket]) => fold(bucket, openTime, closeTimeOf(openTime, timeframe), timeframe))
}

function fold(all: readonly OhlcvData[], openTime: number, closeTime: number, timeframe: CandleTimeframe): OhlcvData {
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

function assertFits(candle: OhlcvData, first: OhlcvData, timeframe: CandleTimeframe): void {
  const series = ({ exchange, symbol, timeframe: of }: OhlcvData): string => `${exchange} ${symbol} ${of}`
  if (series(candle) !== series(first)) throw new RangeError(`candles of two series: ${series(first)} and ${series(candle)}`)
  if (!divides(candle.timeframe, timeframe)) throw new RangeError(`${candle.timeframe} candles cannot be folded to ${timeframe}`)
}

/** Whether every candle of the lower timeframe lies in one of the higher: hours and days in weeks and months, but weeks in no month. */
function divides(lower: CandleTimeframe, higher: CandleTimeframe): boolean {
  if (openTimeOf(0, higher) === undefined || openTimeOf(0, lower) === undefined) return false
  const [short, long] = [timeframeMs(lower), timeframeMs(higher)]
  if (short === undefined) return long === undefined && Number.parseInt(higher) % Number.parseInt(lower) === 0
  return long === undefined ? lower !== '1w' : long % short === 0
}

function never(): never {
  throw new RangeError('a bucket without candles')
}
