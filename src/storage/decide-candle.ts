import type { OhlcvData } from '../domain/market-data.ts'

/** What a repository does with a candle. */
export type CandleDecision = 'insert' | 'keep' | 'overwrite'

/**
 * The rules for a candle whose place is taken, in this order:
 *
 * 1. equal in everything but `status`: kept, it is no change
 * 2. an `open` candle is replaced by any other, and itself replaces only an `open` one
 * 3. a `revised` candle always overwrites
 * 4. a `closed` candle overwrites only with `forceUpdateCandles`
 *
 * @example
 * ```ts
 * import { decideCandle, type OhlcvData } from 'tapekeeper'
 * declare const candle: OhlcvData
 * decideCandle(undefined, candle, false) // 'insert'
 * decideCandle(candle, { ...candle, status: 'revised' }, false) // 'keep': nothing has changed
 * ```
 */
export function decideCandle(stored: OhlcvData | undefined, candle: OhlcvData, forceUpdateCandles: boolean): CandleDecision {
  if (stored === undefined) return 'insert'
  if (isSameStage(stored, candle) && hasSameContent(stored, candle)) return 'keep'
  if (stored.status === 'open') return 'overwrite'
  if (candle.status === 'open') return 'keep'
  return candle.status === 'revised' || forceUpdateCandles ? 'overwrite' : 'keep'
}

/** An open candle that closes has changed, even when its numbers have not. */
const isSameStage = (one: OhlcvData, other: OhlcvData): boolean => (one.status === 'open') === (other.status === 'open')

const DECIMALS = ['open', 'high', 'low', 'close', 'volume', 'quoteVolume', 'takerBuyVolume'] as const
const PLAIN = ['closeTime', 'tradesCount', 'complete', 'incompleteReason', 'source'] as const

const hasSameContent = (one: OhlcvData, other: OhlcvData): boolean =>
  PLAIN.every((field) => one[field] === other[field]) &&
  DECIMALS.every((field) => {
    const [a, b] = [one[field], other[field]]
    return a === undefined || b === undefined ? a === b : a.eq(b)
  })
