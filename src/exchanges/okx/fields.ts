import { isUnsignedDecimal, type DecimalString } from '../../domain/decimal.ts'

/** The hot path's hand-written checks: a schema library would cost more than parsing the frame. */

const ZERO = 48
/** Sixteen digits hold every safe integer. */
const LONGEST_INTEGER = 16
/** Ids of digits have about 12; anything much longer is damage. */
export const LONGEST_ID = 32
/** The end of what a `Date` can hold. */
const LATEST_EPOCH_MS = 8.64e15

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value of a text of digits; -1 for anything else, and for what a number cannot hold exactly. */
export function integerOf(value: unknown): number {
  if (typeof value !== 'string' || value.length === 0 || value.length > LONGEST_INTEGER) return -1
  let sum = 0
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return -1
    sum = sum * 10 + digit
  }
  return sum <= Number.MAX_SAFE_INTEGER ? sum : -1
}

/** Epoch milliseconds from OKX's text; 0 when it is none ("0" and "" are how OKX says that it does not know). */
export function epochMs(value: unknown): number {
  const ms = integerOf(value)
  return ms > 0 && ms <= LATEST_EPOCH_MS ? ms : 0
}

/** True for an id made of digits. Ids are compared as text and may be longer than a number can hold. */
export function isDigits(value: unknown): value is string {
  if (typeof value !== 'string' || value.length === 0 || value.length > LONGEST_ID) return false
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return false
  }
  return true
}

/** OKX says "nothing" with "" or by leaving a field out. */
export function isBlank(value: unknown): value is '' | undefined {
  return value === undefined || value === ''
}

/** True for a price or size, and for a blank. */
export function isDecimalOrBlank(value: unknown): value is DecimalString | '' | undefined {
  return isBlank(value) || isUnsignedDecimal(value)
}

/** Says what is wrong with a field. The value is shortened, and never taken apart: it may be nested without end. */
export function fault(field: string, value: unknown, wanted: string): string {
  return `${field} is ${show(value)}, not ${wanted}`
}

function show(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return JSON.stringify(value)
}
