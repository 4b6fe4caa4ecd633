import { expect, test } from 'vitest'
import { boundText, msOfTimeText, timeText } from '../../../src/storage/postgres/time-text.ts'
import fc from '../../support/fast-check.ts'

const asPostgres = (iso: string): string => iso.replace('T', ' ').replace('Z', '+00')
const years = { min: Date.parse('0001-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') }

test('whole milliseconds come back exactly', () => {
  fc.assert(fc.property(fc.integer(years), (ms) => msOfTimeText(asPostgres(timeText(ms))) === ms))
})

test('microseconds come back as the nearest number', () => {
  const micros = fc.tuple(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 999 }))
  fc.assert(
    fc.property(micros, ([ms, us]) => {
      const time = Number(`${ms}.${String(us).padStart(3, '0')}`)
      return msOfTimeText(asPostgres(timeText(time))) === time
    }),
  )
})

test.each([
  ['2026-11-22 14:00:00.123456+00', 1_795_356_000_123.456],
  ['2026-11-22 14:00:00.5+00', 1_795_356_000_500],
  ['2026-11-22 19:30:00+05:30', 1_795_356_000_000],
  ['2026-11-22 09:00:00-05', 1_795_356_000_000],
])('%s is %d', (text, ms) => expect(msOfTimeText(text)).toBe(ms))

test('fractions finer than a microsecond are rounded, also upwards over the millisecond', () => {
  expect(timeText(1_000.9999)).toBe('1970-01-01T00:00:01.001Z')
  expect(timeText(-0.001)).toBe('1969-12-31T23:59:59.999999Z')
})

test('what cannot be stored is refused; a bound may lie there', () => {
  for (const ms of [NaN, Infinity, 8.64e15, -8.64e15]) expect(() => timeText(ms)).toThrow(RangeError)
  expect([boundText(8.64e15), boundText(-8.64e15)]).toEqual(['9999-12-31T23:59:59.999Z', '0001-01-01T00:00:00.000Z'])
})

test('another DateStyle is an error that says so', () =>
  expect(() => msOfTimeText('22.11.2026 14:00:00 UTC')).toThrow('DateStyle'))
