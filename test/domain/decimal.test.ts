import { Decimal as HostDecimal } from 'decimal.js'
import { describe, expect, test } from 'vitest'
import {
  decimal,
  Decimal,
  decimalOfInteger,
  decimalOfWords,
  decimalString,
  isDecimal,
  isUnsignedDecimal,
  MAX_DECIMAL_LENGTH,
  type DecimalString,
} from '../../src/domain/decimal.ts'
import fc from '../support/fast-check.ts'

const LONG = '1'.repeat(MAX_DECIMAL_LENGTH)

describe('shape', () => {
  test.each([
    ['0', true, true],
    ['30227.6', true, true],
    ['0.000000001', true, true],
    ['007', true, true],
    [LONG, true, true],
    ['-1.5', false, true],
    ['-0', false, true],
    ['', false, false],
    ['-', false, false],
    ['--1', false, false],
    ['+1', false, false],
    ['.5', false, false],
    ['5.', false, false],
    ['-.5', false, false],
    ['-5.', false, false],
    ['1.2.3', false, false],
    ['1e5', false, false],
    ['1,5', false, false],
    [' 1', false, false],
    ['1 ', false, false],
    ['1\n', false, false],
    ['NaN', false, false],
    ['Infinity', false, false],
    ['0x10', false, false],
    ['１', false, false],
    [`${LONG}1`, false, false],
    [`-${LONG}`, false, false],
  ])('%j: unsigned %s, signed %s', (text, unsigned, signed) => {
    expect(isUnsignedDecimal(text)).toBe(unsigned)
    expect(isDecimal(text)).toBe(signed)
  })

  test.each([[1], [undefined], [null], [{ text: '1' }], [['1']], [1n], [new String('1')]])(
    'what is not text is no decimal: %s',
    (value) => {
      expect(isUnsignedDecimal(value)).toBe(false)
      expect(isDecimal(value)).toBe(false)
    },
  )

  test('agrees with a regular expression on any text', () => {
    const digits = fc.stringMatching(/^[0-9.\-+e ]{0,12}$/)
    fc.assert(
      fc.property(fc.oneof(digits, fc.string(), fc.stringMatching(/^-?[0-9]{1,70}(\.[0-9]{1,9})?$/)), (text) => {
        const short = text.length <= MAX_DECIMAL_LENGTH
        expect(isUnsignedDecimal(text)).toBe(short && /^[0-9]+(\.[0-9]+)?$/.test(text) && !text.endsWith('\n'))
        expect(isDecimal(text)).toBe(short && /^-?[0-9]+(\.[0-9]+)?$/.test(text) && !text.endsWith('\n'))
      }),
      { seed: 1, numRuns: 2_000 },
    )
  })
})

describe('decimalString', () => {
  test('keeps the text as it was written', () => expect(decimalString('0030.10')).toBe('0030.10'))

  test.each(['', 'abc', '1e9', '1'.repeat(200)])('refuses %j', (text) => {
    expect(() => decimalString(text)).toThrow(RangeError)
  })
})

describe('decimal', () => {
  const canonical = fc
    .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.stringMatching(/^[0-9]{0,20}$/))
    .map(([minus, whole, fraction]) => {
      const trimmed = fraction.replace(/0+$/, '')
      const text = trimmed === '' ? whole.toString() : `${whole}.${trimmed}`
      return (minus && text !== '0' ? `-${text}` : text) as DecimalString
    })

  test('survives the round trip without an exponent and without losing a digit', () => {
    fc.assert(
      fc.property(canonical, (text) => {
        expect(decimal(text).toString()).toBe(text)
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  test('sums and products are exact', () => {
    const scaled = (text: string): bigint => {
      const [whole = '', fraction = ''] = text.split('.')
      return BigInt(whole + fraction.padEnd(20, '0'))
    }
    fc.assert(
      fc.property(canonical, canonical, (a, b) => {
        const sum = decimal(a).plus(decimal(b))
        expect(sum.times(new Decimal(10).pow(20)).toFixed(0)).toBe((scaled(a) + scaled(b)).toString())
        const product = decimal(a).times(decimal(b))
        expect(product.times(new Decimal(10).pow(40)).toFixed(0).replace('-0', '0')).toBe((scaled(a) * scaled(b)).toString())
      }),
      { seed: 3, numRuns: 300 },
    )
  })

  test("a host's Decimal.set does not change ours", () => {
    HostDecimal.set({ precision: 3 })
    try {
      expect(decimal(decimalString('1.23456789')).plus(1).toString()).toBe('2.23456789')
      expect(decimal(decimalString('1')).div(3).toString()).toHaveLength(122)
    } finally {
      HostDecimal.set({ precision: 20 })
    }
  })
})

describe('decimals of integers', () => {
  const scale = fc.integer({ min: 0, max: 40 })
  const same = (fast: Decimal, integer: bigint, scaled: number): void => {
    const slow = new Decimal(`${integer}e-${scaled}`)
    // Sign, exponent and words: what it computes with from now on is what the constructor would have made.
    expect(fast).toEqual(slow)
    expect([fast.toString(), fast.toFixed(), JSON.stringify(fast)]).toEqual([
      slow.toString(),
      slow.toFixed(),
      JSON.stringify(slow),
    ])
    expect(fast instanceof Decimal && Decimal.isDecimal(fast) && fast.equals(slow)).toBe(true)
    expect(fast.times('1.5').plus(fast).div(7).toString()).toBe(slow.times('1.5').plus(slow).div(7).toString())
  }

  test('a number, as the constructor would make it', () => {
    const round = fc.tuple(fc.nat(9_999), fc.nat(11)).map(([digits, zeros]) => digits * 10 ** zeros)
    fc.assert(
      fc.property(fc.oneof(round, fc.maxSafeNat(), fc.nat(1e9)), scale, (integer, at) =>
        same(decimalOfInteger(integer, at), BigInt(integer), at),
      ),
      {
        seed: 4,
        numRuns: 3_000,
        examples: [
          [0, 0],
          [0, 9],
          [1, 40],
          [Number.MAX_SAFE_INTEGER, 3],
          [1e15, 7],
          [9_999_999, 7],
        ],
      },
    )
  })

  test('a bigint of any size and sign', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n }), scale, (integer, at) =>
        same(decimalOfInteger(integer, at), integer, at),
      ),
      { seed: 5, numRuns: 500 },
    )
    expect(decimalOfInteger(-12, 1).toString()).toBe('-1.2')
  })

  test('words of seven digits', () => {
    const word = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9_999_999 }))
    fc.assert(
      fc.property(word, word, word, word, scale, (w0, w1, w2, w3, at) => {
        const integer = [w3, w2, w1, w0].reduce((sum, value) => sum * 10_000_000n + BigInt(value), 0n)
        same(decimalOfWords(w0, w1, w2, w3, at), integer, at)
      }),
      { seed: 6, numRuns: 3_000 },
    )
  })
})
