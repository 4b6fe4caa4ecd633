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

/**
 * An id as a number that can be counted with, exact at any size: a `number` where those are exact, a `bigint` beyond. Each id has one
 * form only, so that `===` and `<` hold for any two of them, and `String()` gives the text back.
 */
export type IdValue = number | bigint

/** Ids from `first` to `last`, both included. */
export interface IdRange {
  readonly first: IdValue
  readonly last: IdValue
}

/** An id of more digits is none: it was damaged, or sent to keep us busy. */
const MOST_ID_DIGITS = 100

const exact = (value: bigint): IdValue => {
  const near = Number(value)
  return Number.isSafeInteger(near) ? near : value
}

/** The value of an id that counts: decimal digits without a leading zero. Undefined for any other, a UUID for example. Hot path. */
export function idValue(id: string): IdValue | undefined {
  const small = idNumber(id)
  if (small === small) return small
  return id.length <= MOST_ID_DIGITS && DIGITS.test(id) ? exact(BigInt(id)) : undefined
}

/** The id that comes `count` later (earlier, when negative). Hot path. */
export function idPlus(id: IdValue, count: number): IdValue {
  if (typeof id === 'number') {
    const sum = id + count
    if (sum <= Number.MAX_SAFE_INTEGER && sum >= Number.MIN_SAFE_INTEGER) return sum
  }
  return exact(BigInt(id) + BigInt(count))
}

/** How many ids lie from `first` to `last`, both included; 0 or less when `last` comes before. Beyond 2^53 the nearest there is. */
export function countIds(first: IdValue, last: IdValue): number {
  const count = typeof first === 'number' && typeof last === 'number' ? last - first + 1 : NaN
  return count <= Number.MAX_SAFE_INTEGER && count >= Number.MIN_SAFE_INTEGER ? count : Number(BigInt(last) - BigInt(first) + 1n)
}

/** The ids that a row stands for: one that merges `count` fills carries the last one's. Undefined when its id does not count. Hot path. */
export function idsOfRow(id: string, count = 1): IdRange | undefined {
  const last = idValue(id)
  return last === undefined ? undefined : { first: count === 1 ? last : idPlus(last, 1 - count), last }
}
