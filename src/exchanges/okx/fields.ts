import { Decimal, isDecimal, isUnsignedDecimal, type DecimalString } from '../../domain/decimal.ts'
import { EXPECTED_TIME, isPlausibleTime, otherUnitOf } from '../../domain/timestamp.ts'

/** The hot path's hand-written checks: a schema library would cost more than parsing the frame. */

const ZERO = 48
/** Sixteen digits hold every safe integer. */
const LONGEST_INTEGER = 16
/** Ids of digits have about 12; anything much longer is damage. */
export const LONGEST_ID = 32
/** Of a JSON number with no more digits than this its text is known; of a longer one the parser has lost some. */
const MOST_CERTAIN_DIGITS = 15

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

/** Epoch milliseconds from OKX's text; 0 for anything else, and for a time that cannot be ("0" and "" say that OKX does not know). */
export function epochMs(value: unknown): number {
  const ms = integerOf(value)
  return isPlausibleTime(ms) ? ms : 0
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

/** OKX says "nothing" with "", with null, or by leaving a field out. */
export function isBlank(value: unknown): value is '' | null | undefined {
  return value === undefined || value === '' || value === null
}

/**
 * A price or size in a field that may be left out: "" when it was, undefined when it is no plain decimal number. One that comes as a
 * JSON number is taken as long as its digits are certain.
 */
export function figureOf(value: unknown): DecimalString | '' | undefined {
  const text = textOf(value)
  return text === '' || isUnsignedDecimal(text) ? text : undefined
}

/** As `figureOf`, for what may be negative. */
export function signedFigureOf(value: unknown): DecimalString | '' | undefined {
  const text = textOf(value)
  return text === '' || isDecimal(text) ? text : undefined
}

function textOf(value: unknown): unknown {
  if (isBlank(value)) return ''
  if (typeof value !== 'number') return value
  const exact = new Decimal(value)
  return exact.sd() <= MOST_CERTAIN_DIGITS ? exact.toFixed() : value
}

/** Says what is wrong with a field. The value is shortened, and never taken apart: it may be nested without end. */
export function fault(field: string, value: unknown, wanted: string): string {
  return `${field} is ${show(value)}, not ${wanted}`
}

/** As `fault`, of a time. */
export function timeFault(field: string, value: unknown): string {
  const unit = typeof value === 'string' || typeof value === 'number' ? otherUnitOf(Number(value)) : ''
  return `${field} is ${show(value)}${unit}, not ${EXPECTED_TIME}`
}

function show(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return JSON.stringify(value)
}
