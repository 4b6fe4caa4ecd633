import { expect, test } from 'vitest'
import { hiding } from '../../src/ports/hiding.ts'
import { publicUrl, secretsOfUrl } from '../../src/ports/public-url.ts'
import fc from '../support/fast-check.ts'

test.each([
  ['wss://ws.okx.com/ws/v5/public', 'wss://ws.okx.com/ws/v5/public'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ['wss://user:password@host:8443/path', 'wss://host:8443/path'],
  ['wss://only-a-user@host/path', 'wss://host/path'],
  ['wss://host/path?token=abc', 'wss://host/path?token=…'],
  ['wss://u:p@host/?token=a=b&brokerId=9#fragment', 'wss://host/?token=…&brokerId=…'],
  ['wss://host/path?abcdef', 'wss://host/path'],
  ['wss://host/path?abcdef&a=1', 'wss://host/path?a=…'],
  ['wss://host/path?', 'wss://host/path'],
  ['wss://user:p%40ss@host', 'wss://host/'],
  ['', ''],
  ['not a url at all', 'not a url at all'],
  ['//user:password@host/path?token=abc', '//host/path'],
  ['wss://user:pass@word@host:port/path', 'wss://host:port/path'],
])('publicUrl(%s)', (url, expected) => expect(publicUrl(url)).toBe(expected))

test('no part that is secret is left, whatever it is', () => {
  const secret = fc.string({ minLength: 6, unit: fc.constantFrom('a', 'Z', '0', '-', '_', '.', '~', '!', '*') })
  fc.assert(
    fc.property(secret, secret, secret, (user, password, token) => {
      const shown = publicUrl(`wss://${user}:${password}@host.test/ws?token=${token}#${token}`)
      expect(shown).toBe('wss://host.test/ws?token=…')
    }),
  )
})

test('any text is survived', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl({ withQueryParameters: true, withFragments: true })),
      (text) => {
        expect(typeof publicUrl(text)).toBe('string')
        expect(typeof hiding(secretsOfUrl(text))('hello')).toBe('string')
      },
    ),
  )
})

test('what a URL hides is taken out of what others say', () => {
  const hide = hiding(secretsOfUrl('https://user-name:p%40ssword@host/x?token=tok%2Fen&v=5#frag'))
  expect(hide('cannot GET https://user-name:p@ssword@host/x?token=tok/en&v=5 (tok%2Fen)')).toBe(
    'cannot GET https://[redacted]:[redacted]@host/x?token=[redacted]&v=5 ([redacted])',
  )
  expect(secretsOfUrl('https://host/path')).toEqual([])
  expect(hiding(['abcd', 'abcdef', 'xy'])('abcdef abcd xy')).toBe('[redacted] [redacted] xy')
})
