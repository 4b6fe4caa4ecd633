import { expect, test } from 'vitest'
import { encodeBatch, HEADER_BYTES, headerOf, isIntact, linesOf } from '../../src/spool/batch.ts'
import { anyLine } from './spool-world.ts'
import fc from '../support/fast-check.ts'

test('lines survive the round trip, and the header says how many', () => {
  fc.assert(
    fc.property(fc.array(anyLine, { minLength: 1 }), (lines) => {
      const batch = encodeBatch(lines)
      const header = headerOf(batch)!
      const payload = batch.subarray(HEADER_BYTES)
      expect(header).toMatchObject({ lines: lines.length, bytes: payload.length })
      expect(isIntact(header, payload)).toBe(true)
      expect(linesOf(payload)).toEqual(lines)
    }),
  )
})

test('any flipped bit is found', () => {
  const batch = encodeBatch(['{"a":1}', '', 'ü'])
  for (let bit = 0; bit < batch.length * 8; bit++) {
    const flipped = Buffer.from(batch)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    const header = headerOf(flipped)
    expect(header !== undefined && isIntact(header, flipped.subarray(HEADER_BYTES))).toBe(false)
  }
})

test('what could not be read again is refused', () => {
  expect(() => encodeBatch(['a\nb'])).toThrow('line break')
  expect(() => encodeBatch(['\ud800'])).toThrow('well-formed')
})
