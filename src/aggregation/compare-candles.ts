import type { Decimal } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'

const COMPARED = ['open', 'high', 'low', 'close', 'volume', 'quoteVolume', 'takerBuyVolume', 'tradesCount'] as const

/** One field in which two candles differ. */
export interface CandleDifference {
  readonly field: (typeof COMPARED)[number]
  readonly ours: Decimal | number
  readonly theirs: Decimal | number
}

/**
 * In what two candles of the same bucket differ, for example one made of trades and the exchange's own; empty when they agree. What one
 * of them does not say is not compared. Numbers are compared by value: 1.50 is 1.5.
 *
 * @throws RangeError when they are not of the same symbol, timeframe and bucket.
 * @example
 * ```ts
 * import { compareCandles, type OhlcvData } from 'tapekeeper'
 * function report(ours: OhlcvData, theirs: OhlcvData) {
 *   for (const { field, ours: a, theirs: b } of compareCandles(ours, theirs)) console.log(`${field}: ${String(a)}, they say ${String(b)}`)
 * }
 * ```
 */
export function compareCandles(ours: OhlcvData, theirs: OhlcvData): readonly CandleDifference[] {
  for (const key of ['symbol', 'timeframe', 'openTime'] as const) {
    if (ours[key] !== theirs[key]) throw new RangeError(`candles of two buckets: ${key} ${ours[key]} and ${theirs[key]}`)
  }
  const differences: CandleDifference[] = []
  for (const field of COMPARED) {
    const [a, b] = [ours[field], theirs[field]]
    if (a === undefined || b === undefined) continue
    const isSame = typeof a === 'number' || typeof b === 'number' ? a === b : a.equals(b)
    if (!isSame) differences.push({ field, ours: a, theirs: b })
  }
  return differences
}
