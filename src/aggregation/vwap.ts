import { decimalOfInteger, type Decimal } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'
import { quoteRuleOf, type SizeTerms } from './quote-rule.ts'

/**
 * The volume-weighted average price of a candle: quote volume by base volume, to 120 digits. Undefined when nothing was traded, when the
 * candle has no quote volume, and where its base volume cannot be known: on derivatives without their `instrument`, and on inverse ones.
 * In quote currency per unit of base currency, as all prices.
 *
 * @param instrument what the candle's volume counts: `collector.instrument`. Not needed on spot.
 * @example
 * ```ts
 * import { vwap, type OhlcvData } from 'tapekeeper'
 * const line = (candle: OhlcvData): string => vwap(candle)?.toFixed(2) ?? 'no trades'
 * ```
 */
export function vwap(
  { symbol = '', volume, quoteVolume }: Pick<OhlcvData, 'volume' | 'quoteVolume'> & Partial<Pick<OhlcvData, 'symbol'>>,
  instrument?: SizeTerms,
): Decimal | undefined {
  if (quoteVolume === undefined || volume.isZero()) return undefined
  const rule = quoteRuleOf(symbol, instrument)
  switch (rule.kind) {
    case 'price-times-size':
      return quoteVolume.div(volume)
    case 'linear':
      return quoteVolume.div(volume.times(decimalOfInteger(rule.contractSize.digits, rule.contractSize.scale)))
    case 'inverse':
    case 'unknown':
      return undefined
  }
}
