/** The longest that a server's word keeps us away: short enough for what is missed meanwhile to be read over REST. Milliseconds. */
export const LONGEST_STAY_AWAY_MS = 600_000

const SECONDS = /^[+-]?\d+(\.\d+)?$/
/** The three forms of an HTTP date, or ISO 8601; `Date.parse` alone makes a date of nearly anything. */
const DATE = /^([a-z]{3,9},? .*\d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT)/i
const ZONE = /(gmt|utc|z|[+-]\d\d:?\d\d)$/i
/** The members of a list; a date has a comma of its own. */
const MEMBERS = /\s*(?:sun|mon|tue|wed|thu|fri|sat)[a-z]*,[^,]*|[^,]+/gi

/** When an HTTP date is, epoch milliseconds; undefined when it is none. */
function httpDate(value: string): number | undefined {
  const text = value.trim()
  if (!DATE.test(text)) return undefined
  const at = Date.parse(ZONE.test(text) ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : at
}

/**
 * Reads `Retry-After` as milliseconds: seconds or a date, of several the longest. A date is reckoned from the answer's own `Date`, where
 * it has one: the wall clock here may be wrong.
 *
 * @returns at least 0 and without bound, undefined when it says nothing that can be understood.
 */
export function retryAfterMs(
  value: string | readonly string[] | null | undefined,
  date: string | null | undefined,
  now: number,
): number | undefined {
  const answeredAt = (date === null || date === undefined ? undefined : httpDate(date)) ?? now
  const members = [value ?? []].flat().flatMap((text) => text.match(MEMBERS) ?? [])
  const waits = members.flatMap((member) => {
    const text = member.trim()
    if (SECONDS.test(text)) return Math.max(0, Number(text) * 1_000)
    const at = httpDate(text)
    return at === undefined ? [] : Math.max(0, at - answeredAt)
  })
  return waits.length === 0 ? undefined : Math.max(...waits)
}

/** How long we do stay away when asked to for `askedMs`. What is no time at all asks for nothing. */
export function stayAwayMs(askedMs: number | undefined): number | undefined {
  if (askedMs === undefined || Number.isNaN(askedMs)) return undefined
  return Math.min(LONGEST_STAY_AWAY_MS, Math.max(0, askedMs))
}

/** What the server asked for and what we do, for logs and errors; empty when it asked for nothing. */
export function retryAfterWords(askedMs: number | undefined): string {
  const waitMs = stayAwayMs(askedMs)
  if (askedMs === undefined || waitMs === undefined) return ''
  const asked = `; it asks us to stay away for ${inSeconds(Math.max(0, askedMs))}`
  return askedMs > waitMs ? `${asked}, we try again after ${inSeconds(waitMs)}` : asked
}

const inSeconds = (ms: number): string => (Number.isFinite(ms) ? `${Math.ceil(ms / 1_000)} s` : 'ever')
