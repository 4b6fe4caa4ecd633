import { describe, expect, test } from 'vitest'
import { Decimal } from '../../src/domain/decimal.ts'
import type { OhlcvData } from '../../src/domain/market-data.ts'
import { decideCandle } from '../../src/storage/decide-candle.ts'
import { candleAt } from '../../src/testing/repository-contract/sample-rows.ts'
import fc from '../support/fast-check.ts'

const other = { close: new Decimal(1) }
type Status = OhlcvData['status']

/** What becomes of a stored candle when another one with other numbers comes, without and with `forceUpdateCandles`. */
const CHANGED: readonly (readonly [stored: Status, given: Status, decision: string, forced: string])[] = [
  ['open', 'open', 'overwrite', 'overwrite'],
  ['open', 'closed', 'overwrite', 'overwrite'],
  ['open', 'revised', 'overwrite', 'overwrite'],
  ['closed', 'open', 'keep', 'keep'],
  ['closed', 'closed', 'keep', 'overwrite'],
  ['closed', 'revised', 'overwrite', 'overwrite'],
  ['revised', 'open', 'keep', 'keep'],
  ['revised', 'closed', 'keep', 'overwrite'],
  ['revised', 'revised', 'overwrite', 'overwrite'],
]

/** The same with equal numbers. */
const EQUAL: readonly (readonly [stored: Status, given: Status, decision: string])[] = [
  ['open', 'open', 'keep'],
  ['open', 'closed', 'overwrite'],
  ['open', 'revised', 'overwrite'],
  ['closed', 'open', 'keep'],
  ['closed', 'closed', 'keep'],
  ['closed', 'revised', 'keep'],
  ['revised', 'open', 'keep'],
  ['revised', 'closed', 'keep'],
  ['revised', 'revised', 'keep'],
]

const status = fc.constantFrom<Status>('open', 'closed', 'revised')
const candle = fc
  .record({
    status,
    close: fc.constantFrom('1', '1.000000000000000001', '2').map((text) => new Decimal(text)),
    quoteVolume: fc.constantFrom(undefined, new Decimal(3)),
    tradesCount: fc.constantFrom(undefined, 0, 1),
    complete: fc.boolean(),
  })
  .map((changes) => candleAt(0, changes))

describe('decideCandle', () => {
  test('a candle that is not there is inserted', () => {
    for (const given of ['open', 'closed', 'revised'] as const)
      expect(decideCandle(undefined, candleAt(0, { status: given }), false)).toBe('insert')
  })

  test.each(CHANGED)('%s, then a different %s: %s, by force %s', (stored, given, decision, forced) => {
    const [before, after] = [candleAt(0, { status: stored }), candleAt(0, { status: given, ...other })]
    expect(decideCandle(before, after, false)).toBe(decision)
    expect(decideCandle(before, after, true)).toBe(forced)
  })

  test.each(EQUAL)('%s, then an equal %s: %s, by force or not', (stored, given, decision) => {
    const [before, after] = [candleAt(0, { status: stored }), candleAt(0, { status: given })]
    expect(decideCandle(before, after, false)).toBe(decision)
    expect(decideCandle(before, after, true)).toBe(decision)
  })

  test('to give the same candle again never changes anything', () => {
    fc.assert(
      fc.property(fc.option(candle, { nil: undefined }), candle, fc.boolean(), (stored, given, force) => {
        const after = decideCandle(stored, given, force) === 'keep' ? stored : given
        expect(decideCandle(after, given, force)).toBe('keep')
      }),
    )
  })

  test('what is closed never opens again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(candle, fc.boolean())), (sequence) => {
        let stored: OhlcvData | undefined
        let isClosed = false
        for (const [given, force] of sequence) {
          if (decideCandle(stored, given, force) !== 'keep') stored = given
          isClosed ||= stored?.status !== 'open'
          if (isClosed) expect(stored?.status).not.toBe('open')
        }
      }),
    )
  })

  test('a revision that differs always wins', () => {
    fc.assert(
      fc.property(candle, candle, fc.boolean(), (stored, given, force) => {
        const revision: OhlcvData = { ...given, status: 'revised', tradesCount: 99 }
        expect(decideCandle(stored, revision, force)).toBe('overwrite')
      }),
    )
  })
})
