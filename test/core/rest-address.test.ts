import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { restAddress } from '../../src/core/rest-address.ts'

test.each([
  ['https://api.test', '/v1/a?b=c', 'https://api.test/v1/a?b=c', 'https://api.test/v1/a?b=c'],
  ['https://api.test/base//', '/v1/a', 'https://api.test/base/v1/a', 'https://api.test/base/v1/a'],
  ['https://user:pass@api.test', '/a', 'https://user:pass@api.test/a', 'https://api.test/a'],
  ['https://api.test/base/?token=x', '/a', 'https://api.test/base/a?token=x', 'https://api.test/base/a'],
  ['https://api.test?token=x&y=?#z', '/a?b=c', 'https://api.test/a?b=c&token=x&y=?', 'https://api.test/a?b=c'],
])('%s and %s', (base, path, url, shown) => {
  const address = restAddress(base)
  expect([address.urlOf(path), address.shownOf(path)]).toEqual([url, shown])
})

test('foreign errors are passed on as they are, or as words when they may hold a secret', () => {
  const error = Object.assign(new Error('GET https://user:pass@api.test'), { config: { url: 'https://user:pass@api.test' } })
  expect(restAddress('https://api.test').hideIn(error)).toBe(error)
  const words = restAddress('https://user:pass@api.test').hideIn(error)
  expect(inspect(words)).toContain('GET https://[redacted]:[redacted]@api.test')
  expect(inspect(words, { depth: 20 })).not.toContain('pass@')
})
