import { describe, expect, test } from 'vitest'
import { compareTradeIds, countIds, idPlus, idsOfRow, idValue } from '../../src/domain/trade-id.ts'
import fc from '../support/fast-check.ts'
import { property } from '../support/runs.ts'

describe('the value of an id', () => {
  test.each([
    ['0', 0],
    ['7', 7],
    ['999999999999999', 999_999_999_999_999],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', 9_007_199_254_740_992n],
    ['9007199254740993', 9_007_199_254_740_993n],
    ['8389765489680951453', 8_389_765_489_680_951_453n],
    ['9'.repeat(100), BigInt('9'.repeat(100))],
  ])('%s counts', (id, value) => {
    expect(idValue(id)).toBe(value)
    expect(String(idValue(id))).toBe(id)
  })

  test.each([
    '',
    ' 7',
    '7 ',
    '+7',
    '-7',
    '07',
    '00',
    '7.0',
    '1e3',
    '0x10',
    '7n',
    '٣',
    'a1',
    crypto.randomUUID(),
    '9'.repeat(101),
  ])('%j does not count', (id) => {
    expect(idValue(id)).toBeUndefined()
    expect(idsOfRow(id, 3)).toBeUndefined()
  })
})

describe('counting with ids', () => {
  test('a merged row of n fills stands for the last n ids', () => {
    expect(idsOfRow('7')).toEqual({ first: 7, last: 7 })
    expect(idsOfRow('123', 3)).toEqual({ first: 121, last: 123 })
    expect(idsOfRow('9007199254740993', 3)).toEqual({ first: Number.MAX_SAFE_INTEGER, last: 9_007_199_254_740_993n })
  })

  test('is exact at any size, keeps one form for each id, and agrees with the order of ids', () => {
    const near = fc.oneof(
      fc.bigInt({ min: 0n, max: 1_000n }),
      fc.bigInt({ min: 9_007_199_254_740_991n - 1_000n, max: 9_007_199_254_740_991n + 1_000n }),
      fc.bigInt({ min: 10n ** 19n - 1_000n, max: 10n ** 19n + 1_000n }),
    )
    fc.assert(
      fc.property(near, fc.integer({ min: 0, max: 3_000 }), near, (a, more, b) => {
        const [one, other] = [idValue(String(a))!, idValue(String(b))!]
        const later = idPlus(one, more)
        expect(BigInt(later)).toBe(a + BigInt(more))
        expect(later).toBe(idValue(String(a + BigInt(more))))
        expect(idPlus(later, -more)).toBe(one)
        expect(countIds(one, later)).toBe(more + 1)
        expect(Math.sign(countIds(one, other) - 1)).toBe(a < b ? 1 : a > b ? -1 : 0)
        expect(one < other).toBe(a < b)
        expect(one === other).toBe(a === b)
        expect(Math.sign(compareTradeIds(String(one), String(other)))).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
      property({ quick: 1_000, deep: 20_000 }),
    )
  })
})
