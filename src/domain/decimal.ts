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

/** Whether an unsigned decimal is nothing: `0`, `0.000`, `00`. Hot path. */
export function isZero(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code !== ZERO && code !== DOT) return false
  }
  return true
}

function hasDecimalShape(text: string, start: number): boolean {
  const length = text.length
  if (length === start || length > MAX_DECIMAL_LENGTH) return false
  let hasDot = false
  for (let i = start; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code >= ZERO && code <= NINE) continue
    if (code !== DOT || hasDot || i === start || i === length - 1) return false
    hasDot = true
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

/** decimal.js keeps digits in words of seven, aligned at the decimal point. */
const WORD_DIGITS = 7
const WORD = 10_000_000
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, WORD] as const
const LARGEST_FAST = 2 ** 52

/** The documented fields of an instance: sign, exponent, digits in words. */
interface Parts {
  constructor: typeof DecimalJs
  s: number
  e: number
  d: number[]
}

// An instance without the constructor's parsing. A class would not do: its prototype cannot be the one of `Decimal`.
function Instance(this: Parts, e: number, d: number[]): void {
  this.constructor = Decimal
  this.s = 1
  this.e = e
  this.d = d
}
Instance.prototype = Decimal.prototype
const Fast = Instance as unknown as new (e: number, d: number[]) => Decimal

/**
 * The `Decimal` of an integer and a scale, exact: `decimalOfInteger(12345, 2)` is 123.45. Many times as fast as from text.
 * Shape: a whole number, as `number` up to 2^53 or `bigint` of any size; scale: how many of its digits stand behind the point, 0 or more.
 */
export function decimalOfInteger(integer: number | bigint, scale: number): Decimal {
  if (typeof integer === 'number' && integer >= 0 && integer < LARGEST_FAST) {
    const fractionWords = fractionWordsOf(scale)
    const shift = fractionWords * WORD_DIGITS - scale
    // The lowest word holds fewer digits of the integer, unless the scale happens to end with a word.
    const cut = POWERS[WORD_DIGITS - shift] ?? WORD
    const above = Math.floor(integer / cut)
    const a = (integer - above * cut) * (POWERS[shift] ?? 1)
    if (above < WORD) return decimalOfAligned(a, above, 0, 0, 0, fractionWords)
    const high = Math.floor(above / WORD)
    const b = above - high * WORD
    if (high < WORD) return decimalOfAligned(a, b, high, 0, 0, fractionWords)
    const top = Math.floor(high / WORD)
    return decimalOfAligned(a, b, high - top * WORD, top, 0, fractionWords)
  }
  const negative = integer < 0
  const digits = (negative ? -BigInt(integer) : BigInt(integer)).toString().padStart(scale + 1, '0')
  const point = digits.length - scale
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
  return new Decimal(negative ? `-${text}` : text)
}

/**
 * The `Decimal` of w0 + w1 * 10^7 + w2 * 10^14 + w3 * 10^21, divided by 10^scale. Each word is a whole number of 0 to 9,999,999,
 * which is for the caller to see to: this runs for every candle.
 */
export function decimalOfWords(w0: number, w1: number, w2: number, w3: number, scale: number): Decimal {
  const fractionWords = fractionWordsOf(scale)
  const shift = fractionWords * WORD_DIGITS - scale
  if (shift === 0) return decimalOfAligned(w0, w1, w2, w3, 0, fractionWords)
  const up = POWERS[shift] ?? 1
  const down = POWERS[WORD_DIGITS - shift] ?? WORD
  const [h0, h1, h2, h3] = [(w0 / down) | 0, (w1 / down) | 0, (w2 / down) | 0, (w3 / down) | 0]
  const a = (w0 - h0 * down) * up
  const b = (w1 - h1 * down) * up + h0
  const c = (w2 - h2 * down) * up + h1
  const d = (w3 - h3 * down) * up + h2
  return decimalOfAligned(a, b, c, d, h3, fractionWords)
}

const fractionWordsOf = (scale: number): number => ((scale + WORD_DIGITS - 1) / WORD_DIGITS) | 0

/** Of five words, `a` the lowest, of which so many stand behind the point. */
function decimalOfAligned(a: number, b: number, c: number, d: number, e: number, fractionWords: number): Decimal {
  let lowest = -fractionWords
  // Zero words at either end are left out, as the constructor would.
  while (a === 0) {
    if (b === 0 && c === 0 && d === 0 && e === 0) return new Fast(0, [0])
    a = b
    b = c
    c = d
    d = e
    e = 0
    lowest++
  }
  const at = lowest * WORD_DIGITS
  if (e !== 0) return new Fast(at + 4 * WORD_DIGITS + digitsBehind(e), [e, d, c, b, a])
  if (d !== 0) return new Fast(at + 3 * WORD_DIGITS + digitsBehind(d), [d, c, b, a])
  if (c !== 0) return new Fast(at + 2 * WORD_DIGITS + digitsBehind(c), [c, b, a])
  if (b !== 0) return new Fast(at + WORD_DIGITS + digitsBehind(b), [b, a])
  return new Fast(at + digitsBehind(a), [a])
}

/** Digits of a word behind its first. */
function digitsBehind(word: number): number {
  if (word < 1_000) return word < 10 ? 0 : word < 100 ? 1 : 2
  if (word < 100_000) return word < 10_000 ? 3 : 4
  return word < 1_000_000 ? 5 : 6
}
