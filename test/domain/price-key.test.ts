import { expect, test } from 'vitest'
import { priceKey } from '../../src/domain/price-key.ts'
import fc from '../support/fast-check.ts'

test('is what Number makes of every price', () => {
  const price = fc.stringMatching(/^\d{1,18}(\.\d{1,18})?$/)
  fc.assert(
    fc.property(price, (text) => priceKey(text) === Number(text) && priceKey(`9${text}9`, 1, text.length + 1) === Number(text)),
    { numRuns: 20_000, seed: 1 },
  )
  for (const text of [
    '0',
    '0.1',
    '0.000001',
    '123456789012345',
    '1234567890123456',
    '9007199254740993',
    '0.00000000000001',
    '91250.10',
  ])
    expect(priceKey(text), text).toBe(Number(text))
})
