import { expect, test } from 'vitest'
import { decodeRecord, encodeRecord, kindOfLine } from '../../src/storage/record-codec.ts'
import type { StorageRecord } from '../../src/storage/storage-record.ts'
import fc from '../support/fast-check.ts'
import { anyCandle, anyFrame, anyText, anyTrade, plain } from '../support/arbitrary-points.ts'

const anyRecord: fc.Arbitrary<StorageRecord> = fc.oneof(
  anyTrade.map((row) => ({ kind: 'trade' as const, row })),
  anyCandle.map((row) => ({ kind: 'candle' as const, row })),
  anyFrame.map((row) => ({ kind: 'frame' as const, row })),
  fc
    .record({ stream: anyText, cursor: fc.record({ id: anyText, timestamp: fc.nat() }) })
    .map((row) => ({ kind: 'cursor' as const, row })),
)

test('a record survives as one line', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const line = encodeRecord(record)
      expect(line).not.toMatch(/[\n\r]/)
      expect(kindOfLine(line)).toBe(record.kind)
      expect(plain(decodeRecord(line))).toEqual(plain(record))
    }),
  )
})

test.each([
  ['half a line', '{"kind":"trade","row":{"exch', SyntaxError],
  ['another kind', '{"kind":"rumour","row":{}}', /not a record: kind/],
  ['no row', '{"kind":"trade"}', /not a record: row/],
  ['a frame without its id', '{"kind":"frame","row":{}}', /not a frame: id/],
  ['no object', 'null', /not a record/],
])('%s is refused', (_name, line, error) => {
  expect(() => decodeRecord(line)).toThrow(error)
})
