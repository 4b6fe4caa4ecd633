import { MAX_DECIMAL_LENGTH, type DecimalString } from '../../domain/decimal.ts'
import { priceKey } from '../../domain/price-key.ts'
import { isPlausibleTime } from '../../domain/timestamp.ts'
import { LONGEST_ID } from './fields.ts'

const QUOTE = 34
const MINUS = 45
const DOT = 46
const ZERO = 48
const NINE = 57
const UPPER_A = 65
const UPPER_Z = 90
const UNDERSCORE = 95

/**
 * Reads a frame's text from left to right, piece by piece, and only ever the exact piece it is asked for.
 * The first piece that is not there clears `ok` for good; what is returned afterwards means nothing. Its reader therefore asks
 * for one thing after the other and looks at `ok` once, at the end.
 *
 * Every piece is plainer than JSON allows (no escapes, no blanks, no exponents), so what passes means the same to `JSON.parse`.
 */
export class TextCursor {
  ok = true
  /** The latest `price` as a number, near enough to say of two which is greater when they differ in it. */
  value = 0
  #text = ''
  #at = 0

  start(text: string): void {
    this.#text = text
    this.#at = 0
    this.ok = true
  }

  /** Exactly these characters. */
  literal(expected: string): void {
    if (!this.optional(expected)) this.ok = false
  }

  /** These characters if they are next; says whether they were. */
  optional(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false
    this.#at += expected.length
    return true
  }

  /** The name of an instrument or instrument type: capital letters, digits, `-` and `_`, up to and with the closing quote. */
  name(): string {
    const start = this.#at
    let code = this.#text.charCodeAt(start)
    while (isNameCode(code)) code = this.#text.charCodeAt(++this.#at)
    return this.#closeQuote(start, code)
  }

  /** A number as isUnsignedDecimal wants it, up to and with the closing quote. */
  decimal(): DecimalString {
    const text = this.#text
    const start = this.#at
    let at = start
    let code = text.charCodeAt(at)
    while (code >= ZERO && code <= NINE) code = text.charCodeAt(++at)
    if (code === DOT && at > start) {
      const dotAt = at
      code = text.charCodeAt(++at)
      while (code >= ZERO && code <= NINE) code = text.charCodeAt(++at)
      if (at === dotAt + 1) this.ok = false
    }
    if (at - start > MAX_DECIMAL_LENGTH) this.ok = false
    this.#at = at
    return this.#closeQuote(start, code) as DecimalString
  }

  /** As `decimal`; its number is in `value`. */
  price(): DecimalString {
    const start = this.#at
    const text = this.decimal()
    this.value = priceKey(this.#text, start, this.#at - 1)
    return text
  }

  /** As `decimal`, or nothing before the closing quote. */
  decimalOrBlank(): DecimalString | undefined {
    return this.optional('"') ? undefined : this.decimal()
  }

  /** An id of digits, up to and with the closing quote. */
  digits(): string {
    const start = this.#at
    this.skipDigits()
    return this.#text.slice(start, this.#at - 1)
  }

  /** As `digits`, for what nobody wants to know. */
  skipDigits(): void {
    const text = this.#text
    const start = this.#at
    let at = start
    let code = text.charCodeAt(at)
    while (code >= ZERO && code <= NINE) code = text.charCodeAt(++at)
    if (code !== QUOTE || at === start || at - start > LONGEST_ID) this.ok = false
    this.#at = at + 1
  }

  /** The value of digits without a leading zero, few enough to be exact, up to and without what follows. */
  integer(): number {
    const start = this.#at
    let at = start
    let sum = 0
    let code = this.#text.charCodeAt(at)
    while (code >= ZERO && code <= NINE) {
      sum = sum * 10 + (code - ZERO)
      code = this.#text.charCodeAt(++at)
    }
    const length = at - start
    if (length === 0 || length > 15 || (length > 1 && this.#text.charCodeAt(start) === ZERO)) this.ok = false
    this.#at = at
    return sum
  }

  /** Epoch milliseconds of a time that can be, up to and with the closing quote. */
  time(): number {
    const ms = this.integer()
    if (!isPlausibleTime(ms)) this.ok = false
    this.literal('"')
    return ms
  }

  /** A number of at least 1, up to and with the closing quote. */
  count(): number {
    const count = this.integer()
    if (count < 1) this.ok = false
    this.literal('"')
    return count
  }

  /** Whether every piece was there and nothing is left. */
  finished(): boolean {
    return this.ok && this.#at === this.#text.length
  }

  #closeQuote(start: number, code: number): string {
    const end = this.#at
    if (code !== QUOTE || end === start) this.ok = false
    this.#at = end + 1
    return this.#text.slice(start, end)
  }
}

function isNameCode(code: number): boolean {
  return (code >= UPPER_A && code <= UPPER_Z) || (code >= ZERO && code <= NINE) || code === MINUS || code === UNDERSCORE
}
