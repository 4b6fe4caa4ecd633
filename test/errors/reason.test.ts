import { expect, test } from 'vitest'
import { reasonOf } from '../../src/errors/reason.ts'

const coded = (code: string): Error => Object.assign(new Error(''), { code })
const endless = new Error('round')
endless.cause = endless

test.each<[string, unknown, string]>([
  ['its own words', new Error('broken'), 'broken'],
  [
    'those of its first cause',
    new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED ::1:1') }),
    'connect ECONNREFUSED ::1:1',
  ],
  ['its own where the cause has none', new TypeError('fetch failed', { cause: {} }), '[object Object]'],
  ['the cause has an empty message', new Error('outer', { cause: new Error('') }), 'outer'],
  ['several attempts, each once', new AggregateError([new Error('a'), new Error('b'), new Error('a')]), 'a, b'],
  ['a code where there are no words', coded('ECONNRESET'), 'ECONNRESET'],
  ['no words at all', new Error(''), ''],
  ['a text that was thrown', 'oops', 'oops'],
  ['causes without end', endless, 'round'],
])('the reason: %s', (_name, error, expected) => expect(reasonOf(error)).toBe(expected))
