import { expect, test } from 'vitest'
import { formatScaled, formatSteps, gridOf, toSteps } from '../../../src/testing/okx/units.ts'
import fc from '../../support/fast-check.ts'

test.each([
  [302276, '0.1', '30227.6'],
  [0, '0.1', '0'],
  [7, '0.00000001', '0.00000007'],
  [100, '0.01', '1'],
  [3, '0.05', '0.15'],
  [12, '5', '60'],
  [9007199254740991, '0.000000001', '9007199.254740991'],
])('%d steps of %s are %s', (steps, step, text) => {
  expect(formatSteps(steps, gridOf(step))).toBe(text)
  expect(toSteps(text, gridOf(step))).toBe(steps)
})

test('steps survive the round trip', () => {
  const step = fc.tuple(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 0, max: 12 }))
  fc.assert(
    fc.property(step, fc.integer({ min: 0, max: 2 ** 48 }), ([mantissa, decimals], steps) => {
      const grid = gridOf(formatScaled(BigInt(mantissa), decimals))
      const text = formatSteps(steps, grid)
      expect(text).toMatch(/^(0|[1-9]\d*)(\.\d*[1-9])?$/)
      expect(toSteps(text, grid)).toBe(steps)
    }),
    { numRuns: 300 },
  )
})

test('negative amounts keep their sign', () => {
  expect(formatScaled(-1_250n, 3)).toBe('-1.25')
})

test.each([
  ['0.15', '0.1'],
  ['-1', '0.1'],
  ['1e3', '0.1'],
  ['', '0.1'],
])('%j is not in steps of %s', (text, step) => {
  expect(() => toSteps(text, gridOf(step))).toThrow(RangeError)
})

test.each(['', '0', '0.000', 'x', '-1', '1e-8'])('%j is no step', (step) => {
  expect(() => gridOf(step)).toThrow(RangeError)
})
