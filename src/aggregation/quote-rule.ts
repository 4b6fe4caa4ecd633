import { decimalOfInteger, isUnsignedDecimal, type Decimal } from '../domain/decimal.ts'
import { parseSymbol, type Instrument } from '../domain/instrument.ts'
import { exactOf, timesExact, type Exact } from './exact.ts'

/**
 * What an instrument's sizes count, as far as quote volumes need it. An `Instrument` fits; by hand `sizeUnit: 'base'`, or `sizeUnit:
 * 'contract'` with `contractSize` and `contractType`, is enough.
 */
export type SizeTerms = Pick<Instrument, 'sizeUnit'> &
  Partial<Pick<Instrument, 'base' | 'quote' | 'contractSize' | 'contractAsset' | 'contractType'>>

/** How volumes become quote currency: what is multiplied by what. `unknown`: it cannot be told. */
export type QuoteRule =
  | { readonly kind: 'price-times-size' }
  /** Contracts of so much base currency. */
  | { readonly kind: 'linear'; readonly contractSize: Exact }
  /** Contracts of so much quote currency: the price has no part in it. */
  | { readonly kind: 'inverse'; readonly contractSize: Exact }
  | { readonly kind: 'unknown' }

const PRICE_TIMES_SIZE: QuoteRule = { kind: 'price-times-size' }
const UNKNOWN: QuoteRule = { kind: 'unknown' }

/** @param terms when undefined, the symbol decides: sizes are base currency, except on what it says to be a derivative. */
export function quoteRuleOf(symbol: string, terms: SizeTerms | undefined): QuoteRule {
  if (terms === undefined) return (parseSymbol(symbol)?.marketType ?? 'spot') === 'spot' ? PRICE_TIMES_SIZE : UNKNOWN
  if (terms.sizeUnit === 'base') return PRICE_TIMES_SIZE
  const kind = contractKindOf(terms)
  const { contractSize } = terms
  if (kind === undefined || !isUnsignedDecimal(contractSize)) return UNKNOWN
  const size = exactOf(contractSize, 'contract size')
  return size.digits === 0n ? UNKNOWN : { kind, contractSize: size }
}

/** The currency that a contract's value is in tells; where that is not known, what the exchange calls the contract. */
function contractKindOf({ base, quote, contractAsset, contractType }: SizeTerms): 'linear' | 'inverse' | undefined {
  if (contractAsset === undefined || base === undefined || quote === undefined) return contractType
  if (contractAsset === base) return 'linear'
  return contractAsset === quote ? 'inverse' : undefined
}

/** Of sums of sizes and of prices times sizes; undefined where the rule cannot tell. */
export function quoteVolumeBy(rule: QuoteRule, volume: Exact, priceTimesSize: Exact): Decimal | undefined {
  switch (rule.kind) {
    case 'price-times-size':
      return toDecimal(priceTimesSize)
    case 'linear':
      return toDecimal(timesExact(priceTimesSize, rule.contractSize))
    case 'inverse':
      return toDecimal(timesExact(volume, rule.contractSize))
    case 'unknown':
      return undefined
  }
}

const toDecimal = ({ digits, scale }: Exact): Decimal => decimalOfInteger(digits, scale)
