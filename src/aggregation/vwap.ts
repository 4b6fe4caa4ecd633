import type { Decimal } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'

/**
 * The volume-weighted average price of a candle: quote volume by volume, to 120 digits. Undefined when nothing was traded, or when the
 * source gives no quote volume. In quote currency per unit of `Trade.size`.
 *
 * @example
 * ```ts
 * import { vwap, type OhlcvData } from 'tapekeeper'
 * const line = (candle: OhlcvData): string => vwap(candle)?.toFixed(2) ?? 'no trades'
 * ```
 */
export function vwap({ volume, quoteVolume }: Pick<OhlcvData, 'volume' | 'quoteVolume'>): Decimal | undefined {
  return quoteVolume === undefined || volume.isZero() ? undefined : quoteVolume.div(volume)
}
