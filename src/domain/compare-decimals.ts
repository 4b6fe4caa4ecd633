import type { DecimalString } from './decimal.ts'

const DOT = 46
const MINUS = 45
const ZERO = 48

/**
 * Which of two decimals is greater: exact, digit by digit, without a float and without making anything.
 * `1`, `1.0` and `001` are equal, and so are `0` and `-0`.
 *
 * @returns -1 when `a` is less than `b`, 0 when they are equal, 1 when it is greater.
 * @example
 * ```ts
 * import { compareDecimals, decimalString } from 'tapekeeper'
 * compareDecimals(decimalString('0.30'), decimalString('0.3')) // 0
 * ```
 */
export function compareDecimals(a: DecimalString, b: DecimalString): -1 | 0 | 1 {
  if (a === b) return 0
  const isNegativeA = a.charCodeAt(0) === MINUS
  const isNegativeB = b.charCodeAt(0) === MINUS
  if (isNegativeA && isNegativeB) return compareDigits(b, 1, a, 1)
  if (isNegativeA) return hasDigits(a, 1) || hasDigits(b, 0) ? -1 : 0
  if (isNegativeB) return hasDigits(a, 0) || hasDigits(b, 1) ? 1 : 0
  return compareDigits(a, 0, b, 0)
}

function compareDigits(a: string, startA: number, b: string, startB: number): -1 | 0 | 1 {
  let i = skipZeros(a, startA)
  let j = skipZeros(b, startB)
  const dotA = dotOf(a, i)
  const dotB = dotOf(b, j)
  // Without leading zeros, more digits before the dot are more.
  if (dotA - i !== dotB - j) return dotA - i < dotB - j ? -1 : 1
  for (; i < dotA; i++, j++) {
    const difference = a.charCodeAt(i) - b.charCodeAt(j)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  for (i++, j++; i < a.length || j < b.length; i++, j++) {
    const difference = (i < a.length ? a.charCodeAt(i) : ZERO) - (j < b.length ? b.charCodeAt(j) : ZERO)
    if (difference !== 0) return difference < 0 ? -1 : 1
  }
  return 0
}

function skipZeros(text: string, start: number): number {
  let i = start
  while (text.charCodeAt(i) === ZERO) i++
  return i
}

function dotOf(text: string, start: number): number {
  let i = start
  while (i < text.length && text.charCodeAt(i) !== DOT) i++
  return i
}

/** Whether it is anything but zero. */
function hasDigits(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== ZERO && code !== DOT) return true
  }
  return false
}
