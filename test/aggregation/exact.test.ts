import { expect, test } from 'vitest'
import {
  addExact,
  compareExact,
  decimalsOf,
  exactOf,
  mantissaOf,
  MANTISSA_LIMIT,
  timesExact,
  UNFIT,
} from '../../src/aggregation/exact.ts'
import { Decimal } from '../../src/domain/decimal.ts'
import fc from '../support/fast-check.ts'

test.each<[text: string, scale: number, expected: number]>([
  ['0', 0, 0],
  ['0.25', 4, 2_500],
  ['100000.1', 1, 1_000_001],
  ['23.00000000', 0, 23],
  ['0.00141342', 8, 141_342],
  ['007.50', 1, 75],
  ['12345678901234', 0, 12_345_678_901_234],
  ['0.00000000000001', 14, 1],
  ['99999999999999', 0, MANTISSA_LIMIT - 1],
  ['100000000000000', 0, UNFIT],
  ['0.25', 1, UNFIT],
  ['1', 14, UNFIT],
  ...['', '.', '1.', '.5', '1.2.3', '-1', '+1', '1e5', 'x', '1x', '1.x', ' 1', '1 ', '12345678901.', '1234567890x'].map(
    (text): [string, number, number] => [text, 3, UNFIT],
  ),
])('mantissaOf(%j, %i) is %i', (text, scale, expected) => expect(mantissaOf(text, scale)).toBe(expected))

const digits = fc.stringMatching(/^[0-9]{1,16}$/)
const fraction = fc.stringMatching(/^[0-9]{0,10}0{0,9}$/)

test('mantissaOf is the integer, or says that it does not fit', () => {
  fc.assert(
    fc.property(digits, fraction, fc.integer({ min: 0, max: 14 }), (whole, rest, scale) => {
      const needed = rest.replace(/0+$/, '')
      const text = rest === '' ? whole : `${whole}.${rest}`
      const mantissa = BigInt(whole + needed) * 10n ** BigInt(Math.max(0, scale - needed.length))
      const fits = needed.length <= scale && mantissa < 10n ** 14n && text.length <= 24
      expect(mantissaOf(text, scale)).toBe(fits ? Number(mantissa) : UNFIT)
      expect(decimalsOf(text)).toBe(needed.length)
    }),
    { seed: 1, numRuns: 5_000 },
  )
})

test('sums, products and order of any size agree with decimal.js', () => {
  const Wide = Decimal.clone({ precision: 400 })
  const number = fc.tuple(fc.stringMatching(/^[0-9]{1,30}$/), fc.stringMatching(/^[0-9]{1,30}$/)).map((parts) => parts.join('.'))
  const text = ({ digits: value, scale }: { digits: bigint; scale: number }): Decimal => new Wide(`${value}e-${scale}`)
  fc.assert(
    fc.property(number, number, (a, b) => {
      const [x, y] = [exactOf(a, 'price'), exactOf(b, 'price')]
      expect(text(addExact(x, y)).equals(new Wide(a).plus(b))).toBe(true)
      expect(text(timesExact(x, y)).equals(new Wide(a).times(b))).toBe(true)
      expect(compareExact(x, y)).toBe(new Wide(a).comparedTo(b))
    }),
    { seed: 2, numRuns: 500 },
  )
})
