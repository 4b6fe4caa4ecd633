import { describe, expect, test } from 'vitest'
import { compareDecimals } from '../../src/domain/compare-decimals.ts'
import { decimal, type DecimalString } from '../../src/domain/decimal.ts'
import fc from '../support/fast-check.ts'
import { asDecimal } from '../support/decimals.ts'

const sameAs = (value: number) => (value === 0 ? 0 : value)

describe('compareDecimals', () => {
  test.each([
    ['1', '1', 0],
    ['1', '1.0', 0],
    ['1.10', '1.1', 0],
    ['001', '1', 0],
    ['0', '0.000', 0],
    ['0', '-0', 0],
    ['-0.0', '0', 0],
    ['-0', '-0.0', 0],
    ['9', '10', -1],
    ['0.9', '0.10', 1],
    ['0.09', '0.1', -1],
    ['10', '9.999999', 1],
    ['1', '1.0000000000000000000000000000001', -1],
    ['100000000000000000.1', '100000000000000000.2', -1],
    ['9007199254740993', '9007199254740992', 1],
    ['-1', '1', -1],
    ['-1', '-2', 1],
    ['-1.5', '-1.50', 0],
    ['-0.1', '0', -1],
    ['0', '-0.1', 1],
    ['0.5', '-0', 1],
    ['-0', '0.5', -1],
  ])('%s, %s: %i', (a, b, expected) => {
    expect(compareDecimals(asDecimal(a), asDecimal(b))).toBe(expected)
    expect(compareDecimals(asDecimal(b), asDecimal(a))).toBe(sameAs(-expected))
  })

  test('agrees with decimal.js', () => {
    const text = fc.stringMatching(/^-?[0-9]{1,12}(\.[0-9]{1,12})?$/) as fc.Arbitrary<DecimalString>
    // Close relatives: what differs only far behind, or only in how it is written.
    const pair = fc.oneof(
      fc.tuple(text, text),
      fc
        .tuple(text, fc.stringMatching(/^0{0,3}$/))
        .map(([a, zeros]) => [a, (a.includes('.') ? a + zeros : a) as DecimalString] as const),
      fc
        .tuple(text, fc.nat(9))
        .map(([a, digit]) => [a, (a.includes('.') ? a + String(digit) : `${a}.${digit}`) as DecimalString] as const),
    )
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(compareDecimals(a, b)).toBe(sameAs(decimal(a).cmp(decimal(b))))
      }),
      { seed: 5, numRuns: 10_000 },
    )
  })
})
