import { describe, expect, test } from 'vitest'
import { LONGEST_STAY_AWAY_MS, retryAfterMs, retryAfterWords, stayAwayMs } from '../../src/ports/retry-after.ts'

const now = Date.UTC(2026, 0, 1)
const MINUTE_LATER = 'Thu, 01 Jan 2026 00:01:00 GMT'

describe('what it says', () => {
  test.each<[string | string[] | undefined | null, number | undefined]>([
    ['30', 30_000],
    ['0', 0],
    ['1.5', 1_500],
    ['-5', 0],
    [' 7 ', 7_000],
    ['946080000', 946_080_000_000],
    ['9'.repeat(400), Infinity],
    [MINUTE_LATER, 60_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['Thursday, 01-Jan-26 00:01:00 GMT', 60_000],
    // The third form of an HTTP date has no zone, and is UTC wherever we are.
    ['Thu Jan  1 00:01:00 2026', 60_000],
    ['2026-01-01T00:01:00Z', 60_000],
    ['', undefined],
    [' ', undefined],
    ['soon', undefined],
    // `Date.parse` makes a date of each of these.
    ['soon 5', undefined],
    ['5 minutes', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['Thu, 99 Foo 2026 99:99:99 GMT', undefined],
    // Two headers of one name, as `fetch` and as Node show them: the longest.
    ['3, 120, 7', 120_000],
    [`3, ${MINUTE_LATER}`, 60_000],
    [['3', '120'], 120_000],
    [[], undefined],
    ['soon, 3', 3_000],
    [undefined, undefined],
    [null, undefined],
  ])('%j is %s', (value, expected) => expect(retryAfterMs(value, undefined, now)).toBe(expected))

  test.each([
    ['the clock here an hour behind', now - 3_600_000],
    ['the clock here an hour ahead', now + 3_600_000],
  ])('a date is reckoned from the date of the answer: %s', (_name, wrongNow) => {
    expect(retryAfterMs(MINUTE_LATER, 'Thu, 01 Jan 2026 00:00:00 GMT', wrongNow)).toBe(60_000)
    expect(retryAfterMs('5', 'Thu, 01 Jan 2026 00:00:00 GMT', wrongNow)).toBe(5_000)
  })

  test('a date of the answer that is none does not count', () => {
    expect(retryAfterMs(MINUTE_LATER, 'yesterday', now)).toBe(60_000)
  })
})

describe('what is done about it', () => {
  test.each([
    [undefined, undefined],
    [NaN, undefined],
    [-1, 0],
    [0, 0],
    [40_000, 40_000],
    [LONGEST_STAY_AWAY_MS, LONGEST_STAY_AWAY_MS],
    [LONGEST_STAY_AWAY_MS + 1, LONGEST_STAY_AWAY_MS],
    [946_080_000_000, LONGEST_STAY_AWAY_MS],
    [Infinity, LONGEST_STAY_AWAY_MS],
  ])('asked for %s ms, we stay away for %s ms', (asked, expected) => expect(stayAwayMs(asked)).toBe(expected))

  test.each([
    [undefined, ''],
    [NaN, ''],
    [-1, '; it asks us to stay away for 0 s'],
    [1_200, '; it asks us to stay away for 2 s'],
    [946_080_000_000, '; it asks us to stay away for 946080000 s, we try again after 600 s'],
    [Infinity, '; it asks us to stay away for ever, we try again after 600 s'],
  ])('asked for %s ms, it is said in words: %s', (asked, expected) => expect(retryAfterWords(asked)).toBe(expected))
})
