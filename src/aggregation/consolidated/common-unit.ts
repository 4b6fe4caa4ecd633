import { decimalOfInteger, type Decimal, type DecimalString } from '../../domain/decimal.ts'
import { exactOf, timesExact, type Exact } from '../exact.ts'
import { quoteRuleOf, type SizeTerms } from '../quote-rule.ts'

/**
 * How a venue's sizes become what can be added up over all venues. `base`: sizes that are base currency, and contracts of so much of it
 * (linear). `quote`: contracts that are worth so much quote currency (inverse); how much base currency they are no candle can tell.
 */
export interface CommonUnit {
  readonly currency: 'base' | 'quote'
  /** One size in that currency; undefined for 1. */
  readonly contractSize: Exact | undefined
}

/** @returns undefined where it cannot be known: on derivatives without their instrument. */
export function commonUnitOf(symbol: string, terms: SizeTerms | undefined): CommonUnit | undefined {
  const rule = quoteRuleOf(symbol, terms)
  switch (rule.kind) {
    case 'price-times-size':
      return { currency: 'base', contractSize: undefined }
    case 'linear':
      return { currency: 'base', contractSize: rule.contractSize }
    case 'inverse':
      return { currency: 'quote', contractSize: rule.contractSize }
    case 'unknown':
      return undefined
  }
}

/** Exact. */
export function volumeIn({ contractSize }: CommonUnit, volume: Decimal): Decimal {
  return contractSize === undefined ? volume : volume.times(decimalOfInteger(contractSize.digits, contractSize.scale))
}

/**
 * Exact.
 *
 * @throws RangeError when the size is no unsigned decimal.
 */
export function sizeIn({ contractSize }: CommonUnit, size: DecimalString): DecimalString {
  if (contractSize === undefined) return size
  const { digits, scale } = timesExact(exactOf(size, 'size'), contractSize)
  return decimalOfInteger(digits, scale).toFixed() as DecimalString
}
