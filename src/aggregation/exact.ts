import { Decimal } from '../domain/decimal.ts'

/** An exact decimal of any size: `digits / 10^scale`. The slow path; what is usual never gets here. */
export interface Exact {
  readonly digits: bigint
  readonly scale: number
}

/** An integer from here on is not for the fast path: products of two would no longer split into words that a `number` can sum. */
export const MANTISSA_LIMIT = 1e14
/** More decimals than this are not for the fast path. */
export const MAX_FAST_SCALE = 14
export const POWERS_OF_TEN: readonly number[] = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/** The text is no plain decimal, or has more digits or decimals than the fast path takes. */
export const UNFIT = -1

const ZERO = 48
/** A point's distance from the digit 0. */
const POINT = -2
const SHORT = 9
const LONGEST_FAST = 24

/**
 * The integer that `text` is at `scale`: `mantissaOf('0.25', 4)` is 2500. {@link UNFIT} when it needs more decimals than that (zeros at
 * the end do not count), when it is too large, or when it is no plain unsigned decimal. Hot path: no regular expression, no substring.
 */
export function mantissaOf(text: string, scale: number): number {
  const length = text.length
  if (length > LONGEST_FAST) return UNFIT
  // Two integers of at most nine digits, which the engine keeps in registers; longer ones take the detour.
  let whole = 0
  let i = 0
  let digit = 0
  for (; i < length; i++) {
    digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) break
    whole = (whole * 10 + digit) | 0
  }
  if (i === 0) return UNFIT
  if (i > SHORT) return longMantissaOf(text, scale)
  if (i === length) return fitting(whole * (POWERS_OF_TEN[scale] ?? NaN))
  if (digit !== POINT || ++i === length) return UNFIT
  const end = Math.min(length, i + scale)
  if (end - i > SHORT) return longMantissaOf(text, scale)
  const missing = i + scale - end
  let fraction = 0
  for (; i < end; i++) {
    digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return UNFIT
    fraction = (fraction * 10 + digit) | 0
  }
  for (; i < length; i++) if (text.charCodeAt(i) !== ZERO) return UNFIT
  return fitting(whole * (POWERS_OF_TEN[scale] ?? NaN) + fraction * (POWERS_OF_TEN[missing] ?? NaN))
}

const fitting = (mantissa: number): number => (mantissa < MANTISSA_LIMIT ? mantissa : UNFIT)

function longMantissaOf(text: string, scale: number): number {
  let mantissa = 0
  let missing = -1
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit === POINT && missing < 0 && i + 1 < text.length) missing = scale
    else if (!(digit >= 0 && digit <= 9)) return UNFIT
    else if (missing !== 0) {
      mantissa = mantissa * 10 + digit
      missing--
    } else if (digit !== 0) return UNFIT
  }
  return fitting(mantissa * (POWERS_OF_TEN[missing < 0 ? scale : missing] ?? NaN))
}

/** Decimals that `text` needs: zeros at the end do not count. 0 for what is not written plainly. */
export function decimalsOf(text: string): number {
  const point = text.indexOf('.')
  if (point < 0) return 0
  let end = text.length
  while (text.charCodeAt(end - 1) === ZERO) end--
  return end - point - 1
}

const PLAIN = /^(\d+)(?:\.(\d+))?$/
/** Far beyond any price; keeps an exponent from filling the memory with zeros. */
const MOST_DIGITS = 200

/**
 * Any unsigned decimal, also one with an exponent.
 *
 * @throws RangeError when it is none.
 */
export function exactOf(text: string, what: string): Exact {
  let match = PLAIN.exec(text)
  if (match === null && /^\d+(?:\.\d+)?e[+-]?\d{1,3}$/i.test(text)) match = PLAIN.exec(new Decimal(text).toFixed())
  const [, whole, fraction = ''] = match ?? []
  if (whole === undefined || whole.length + fraction.length > MOST_DIGITS)
    throw new RangeError(`the ${what} of a trade must be an unsigned decimal, not ${JSON.stringify(text).slice(0, 80)}`)
  const needed = decimalsOf(`.${fraction}`)
  return { digits: BigInt(whole + fraction.slice(0, needed)), scale: needed }
}

export function addExact(a: Exact | undefined, b: Exact): Exact {
  if (a === undefined) return b
  const scale = Math.max(a.scale, b.scale)
  return { digits: atScale(a, scale) + atScale(b, scale), scale }
}

export const timesExact = (a: Exact, b: Exact): Exact => ({ digits: a.digits * b.digits, scale: a.scale + b.scale })

/** Negative when `a` is less, 0 when equal. */
export function compareExact(a: Exact, b: Exact): number {
  const scale = Math.max(a.scale, b.scale)
  const difference = atScale(a, scale) - atScale(b, scale)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

const atScale = ({ digits, scale }: Exact, wanted: number): bigint =>
  scale === wanted ? digits : digits * 10n ** BigInt(wanted - scale)
