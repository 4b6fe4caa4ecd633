const ZERO = 48
/** Longer numbers are not safe as `number`. */
const MOST_DIGITS = 15

/** The id of a trade as a number where it is one we can count with (no leading zero, 15 digits at most), else NaN. Hot path. */
export function idNumber(id: string): number {
  const length = id.length
  if (length === 0 || length > MOST_DIGITS) return NaN
  let value = 0
  for (let i = 0; i < length; i++) {
    const digit = id.charCodeAt(i) - ZERO
    if (!(digit >= 0 && digit <= 9)) return NaN
    value = value * 10 + digit
  }
  return length > 1 && id.charCodeAt(0) === ZERO ? NaN : value
}

const DIGITS = /^[1-9]\d*$/

/** The order of two trades of the same millisecond: numbers by value, before all other ids, which go by text. Below 0: `a` is first. */
export function compareTradeIds(a: string, b: string, aNumber = idNumber(a), bNumber = idNumber(b)): number {
  if (aNumber === aNumber && bNumber === bNumber) return aNumber - bNumber
  if (a === b) return 0
  const [aCounts, bCounts] = [aNumber === aNumber || DIGITS.test(a), bNumber === bNumber || DIGITS.test(b)]
  if (aCounts !== bCounts) return aCounts ? -1 : 1
  if (aCounts && a.length !== b.length) return a.length - b.length
  return a < b ? -1 : 1
}
