import { expect, test } from 'vitest'
import { messageFromJson, messageToJson } from '../../src/outputs/message-json.ts'
import type { OutputPayload } from '../../src/outputs/output.ts'
import fc from '../support/fast-check.ts'
import { anyGap, anyPoint, anyText, plain } from '../support/arbitrary-points.ts'

const anyPayload: fc.Arbitrary<OutputPayload> = fc.oneof(
  anyPoint.map((point) => ({ type: 'point' as const, point })),
  anyGap.map((gap) => ({ type: 'gap' as const, gap })),
)

test('a message survives the way, digit by digit', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 1 }), anyPayload, (name, sequence, payload) => {
      const message = { stream: `s${name}`, session: `t${name}`, sequence, payload }
      expect(plain(messageFromJson(messageToJson(message)))).toEqual(plain(message))
    }),
  )
})

test.each([
  ['no JSON', '{'],
  ['null', 'null'],
  ['a number', '1'],
  ['no session', '{"sequence":1,"stream":"a","type":"gap","data":{}}'],
  ['sequence 0', '{"session":"s","sequence":0,"stream":"a","type":"gap","data":{}}'],
  ['another type', '{"session":"s","sequence":1,"stream":"a","type":"note","data":{}}'],
  ['no point', '{"session":"s","sequence":1,"stream":"a","type":"point","data":{"dataType":"trade"}}'],
])('%s is refused', (_name, text) => {
  expect(() => messageFromJson(text)).toThrow(Error)
})
