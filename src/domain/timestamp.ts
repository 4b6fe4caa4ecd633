/** 2009-01-03: before it there was nothing to trade. A time in seconds, read as milliseconds, lies far before it. */
export const EARLIEST_TIME = Date.UTC(2009, 0, 3)
/** 2100-01-01. A time in microseconds or nanoseconds, read as milliseconds, lies far behind it. */
export const LATEST_TIME = Date.UTC(2100, 0, 1)

/** Units in which an exchange (or a bug) may have meant a time that is no epoch milliseconds; the factor leads to milliseconds. */
const OTHER_UNITS = [
  ['seconds', 1_000],
  ['microseconds', 1e-3],
  ['nanoseconds', 1e-6],
] as const

/** What a time has to be, in words for an error. */
export const EXPECTED_TIME = 'whole epoch milliseconds from 2009 to 2100'

/** Whether a market can have been at this time: whole epoch milliseconds, from 2009 to 2100. */
export function isPlausibleTime(time: number): boolean {
  return time >= EARLIEST_TIME && time < LATEST_TIME && Number.isInteger(time)
}

/**
 * What is wrong with a time, in words for an error: `is 1795996800, which looks like seconds; expected whole epoch milliseconds from
 * 2009 to 2100`. Undefined when nothing is.
 */
export function timeFlaw(time: unknown): string | undefined {
  const expected = `expected ${EXPECTED_TIME}`
  if (typeof time !== 'number') return `is ${time === null ? 'null' : `of type ${typeof time}`}; ${expected}`
  return isPlausibleTime(time) ? undefined : `is ${time}${otherUnitOf(time)}; ${expected}`
}

/** `, which looks like seconds`, for a time that is plausible in another unit than milliseconds; else nothing. */
export function otherUnitOf(time: number): string {
  const unit = OTHER_UNITS.find(([, factor]) => isPlausibleTime(Math.floor(time * factor)))
  return unit === undefined ? '' : `, which looks like ${unit[0]}`
}
