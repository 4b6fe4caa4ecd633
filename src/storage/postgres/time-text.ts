/** Years of four digits: what PostgreSQL and `toISOString` both write without a sign. */
const EARLIEST = Date.parse('0001-01-01T00:00:00Z')
const LATEST = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * Epoch milliseconds as PostgreSQL reads a time, to the microsecond.
 *
 * @throws RangeError beyond the years 1 to 9999.
 */
export function timeText(ms: number): string {
  if (!(ms >= EARLIEST && ms <= LATEST)) throw new RangeError(`a time beyond the years 1 to 9999: ${ms}`)
  const whole = Math.floor(ms)
  const micros = Math.round((ms - whole) * 1_000)
  if (micros === 0) return new Date(whole).toISOString()
  if (micros === 1_000) return new Date(whole + 1).toISOString()
  return `${new Date(whole).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}

/** A bound of a range may lie anywhere; beyond those years there is nothing. */
export const boundText = (ms: number): string => timeText(Math.min(Math.max(ms, EARLIEST), LATEST))

const TIME = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?$/

/** Epoch milliseconds of a `timestamptz` as PostgreSQL writes it in any time zone. */
export function msOfTimeText(text: string): number {
  const match = TIME.exec(text)
  if (match === null)
    throw new Error(`a time in a style other than ISO, as the session's DateStyle should be: ${text.slice(0, 40)}`)
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHours, offsetMinutes = '0', offsetSeconds = '0'] =
    match
  const local = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  const offset = (Number(offsetHours) * 3_600 + Number(offsetMinutes) * 60 + Number(offsetSeconds)) * 1_000
  const ms = sign === '+' ? local - offset : local + offset
  if (fraction === '') return ms
  const micros = Number(fraction.padEnd(6, '0'))
  const rest = micros % 1_000
  // One division of whole numbers: the nearest number there is to that decimal.
  return rest === 0 ? ms + micros / 1_000 : (ms * 1_000 + micros) / 1_000
}
