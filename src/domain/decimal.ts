import { Decimal as DecimalJs } from 'decimal.js'

declare const decimalBrand: unique symbol

/**
 * An exact decimal number as text, exactly as the exchange wrote it: optional minus sign, digits, optional fraction.
 * No exponent, no blanks, at most {@link MAX_DECIMAL_LENGTH} characters. It never passes through a float.
 */
export type DecimalString = string & { readonly [decimalBrand]: true }

/** Longer numbers than this are treated as damage on the wire, not as numbers. */
export const MAX_DECIMAL_LENGTH = 64

/**
 * decimal.js with enough digits that sums and products of market data are never rounded,
 * and without exponent notation in `toString()`. Our own constructor: a host's `Decimal.set` does not change it.
 */
export const Decimal: typeof DecimalJs = DecimalJs.clone({ precision: 120, toExpNeg: -1000, toExpPos: 1000 })
export type Decimal = DecimalJs

const DOT = 46
const MINUS = 45
const ZERO = 48
const NINE = 57

/** True for digits with an optional fraction and no sign: what a price or a size must look like. Hot path: no regular expression. */
export function isUnsignedDecimal(value: unknown): value is DecimalString {
  return typeof value === 'string' && hasDecimalShape(value, 0)
}

/** True for a decimal that may be negative: what a balance may look like. */
export function isDecimal(value: unknown): value is DecimalString {
  return typeof value === 'string' && hasDecimalShape(value, value.charCodeAt(0) === MINUS ? 1 : 0)
}

function hasDecimalShape(text: string, start: number): boolean {
  const length = text.length
  if (length === start || length > MAX_DECIMAL_LENGTH) return false
  let dotAt = -1
  for (let i = start; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code >= ZERO && code <= NINE) continue
    if (code !== DOT || dotAt >= 0 || i === start || i === length - 1) return false
    dotAt = i
  }
  return true
}

/**
 * Checks and brands a decimal written by hand, for example in a collector of your own.
 *
 * @throws RangeError when the text is not a plain decimal number.
 * @example
 * ```ts
 * import { decimalString } from 'tapekeeper'
 * const price = decimalString('30227.6')
 * ```
 */
export function decimalString(text: string): DecimalString {
  if (!isDecimal(text)) throw new RangeError(`not a plain decimal number: ${JSON.stringify(text).slice(0, 80)}`)
  return text
}

/**
 * A `Decimal` to compute with. Exact: the digits are the exchange's own.
 *
 * @example
 * ```ts
 * import { decimal, decimalString } from 'tapekeeper'
 * decimal(decimalString('0.1')).plus('0.2').toString() // '0.3'
 * ```
 */
export function decimal(value: DecimalString | Decimal): Decimal {
  return new Decimal(value)
}
