import { describe, expect, test } from 'vitest'
import { CompletenessLedger, sumCompleteness } from '../../../src/core/tape/completeness.ts'
import { HOUR, START } from './tape-world.ts'

describe('the books of a stream', () => {
  test('count in all and by hour of exchange time', () => {
    const ledger = new CompletenessLedger('s')
    ledger.count('delivered', 3, START)
    ledger.count('delivered', 1, START + HOUR)
    ledger.count('duplicates', 2, START + HOUR + 5)
    // A late one, back in the first hour.
    ledger.count('delivered', 1, START + HOUR - 1)
    ledger.count('backfilled', 1, START + HOUR - 1)
    ledger.count('missing', 10, START + HOUR)
    ledger.count('missing', -4, START + HOUR)
    ledger.countUnknownGap()
    expect(ledger.report()).toEqual({
      stream: 's',
      delivered: 5,
      backfilled: 1,
      duplicates: 2,
      missing: 6,
      unknownGaps: 1,
      hours: [
        { hour: START, delivered: 4, backfilled: 1, duplicates: 0, missing: 0 },
        { hour: START + HOUR, delivered: 1, backfilled: 0, duplicates: 2, missing: 6 },
      ],
    })
  })

  test('keep a week of hours, in order, and the totals for ever', () => {
    const ledger = new CompletenessLedger('s')
    for (let hour = 0; hour < 1_000; hour++) ledger.count('delivered', 1, START + hour * HOUR)
    const { hours, delivered } = ledger.report()
    expect(hours).toHaveLength(7 * 24)
    expect(hours.map(({ hour }) => hour)).toEqual(Array.from({ length: 168 }, (_, i) => START + (832 + i) * HOUR))
    expect(delivered).toBe(1_000)
    // Older than the week: in the totals alone, and nobody else's hour.
    ledger.count('delivered', 5, START)
    ledger.count('delivered', 5, START)
    expect(ledger.report().delivered).toBe(1_010)
    expect(ledger.report().hours).toEqual(hours)
  })

  test('a report is a copy', () => {
    const ledger = new CompletenessLedger('s')
    ledger.count('delivered', 1, START)
    const before = ledger.report()
    ledger.count('delivered', 1, START)
    expect(before.delivered).toBe(1)
    expect(before.hours[0]?.delivered).toBe(1)
  })

  test('the sum of streams', () => {
    const make = (stream: string, fills: number) => {
      const ledger = new CompletenessLedger(stream)
      ledger.count('delivered', fills, START)
      ledger.count('missing', 1, START)
      return ledger.report()
    }
    expect(sumCompleteness([make('a', 2), make('b', 3)])).toMatchObject({
      delivered: 5,
      missing: 2,
      backfilled: 0,
      duplicates: 0,
    })
    expect(sumCompleteness([])).toEqual({ delivered: 0, backfilled: 0, duplicates: 0, missing: 0, streams: [] })
  })
})
