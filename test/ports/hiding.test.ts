import { expect, test } from 'vitest'
import { hiding, withoutAuthorization } from '../../src/ports/hiding.ts'
import { secretsOfUrl } from '../../src/ports/public-url.ts'
import fc from '../support/fast-check.ts'
import { property } from '../support/runs.ts'

const [USER, PASSWORD] = ['proxy-user', 'p@ss/w"rd ü?']
const hideUrl = hiding(secretsOfUrl(`https://${USER}:${encodeURIComponent(PASSWORD)}@host.example/x`))
const utf8 = Buffer.from(`${USER}:${PASSWORD}`)
const latin = Buffer.from(`${USER}:${PASSWORD}`, 'latin1')

test.each([
  ['as a header', utf8.toString('base64')],
  ['as old servers read it', latin.toString('base64')],
  ['in the alphabet of URLs', utf8.toString('base64url')],
  ['percent-encoded', encodeURIComponent(utf8.toString('base64'))],
  ['without padding', utf8.toString('base64').replaceAll('=', '')],
  ['twice over', Buffer.from(`Basic ${PASSWORD} and more`).toString('base64')],
  ['password alone', Buffer.from(PASSWORD).toString('base64')],
  ['percent-encoded password', encodeURIComponent(PASSWORD)],
  ['in lower case', encodeURIComponent(PASSWORD).toLowerCase()],
  ['as a form has it', encodeURIComponent(PASSWORD).replaceAll('%20', '+')],
  ['as JSON has it', JSON.stringify(PASSWORD).slice(1, -1)],
  ['as it is', PASSWORD],
])('%s', (_name, quoted) => {
  expect(hideUrl(`407: Authorization was Basic ${quoted}, refused`)).toBe('407: Authorization was Basic [redacted], refused')
})

test('in base64 of whatever, wherever it stands', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  fc.assert(
    fc.property(
      fc.string({ minLength: 10, maxLength: 30 }),
      text,
      text,
      fc.constantFrom('base64', 'base64url'),
      (secret, before, after, form) => {
        const token = Buffer.from(`${before}${secret}${after}`).toString(form)
        expect(hiding([secret])(`a ${token} b`)).toBe('a [redacted] b')
      },
    ),
    property({ quick: 300, deep: 10_000 }),
  )
})

test.each([
  ['Authorization: Basic dXNlcjpwYXNzd29yZA==', 'Authorization: [redacted]'],
  ['{"headers":{"proxy-authorization":"Bearer abc.def-ghi"}}', '{"headers":{"proxy-authorization":"[redacted]"}}'],
  ['sent Basic dXNlcjpwYXNzd29yZA== to it', 'sent Basic [redacted] to it'],
  ['bearer eyJhbGciOi.J9 was refused', 'bearer [redacted] was refused'],
  ['Basic authentication is required; basic knowledge', 'Basic authentication is required; basic knowledge'],
])('withoutAuthorization: %s', (text, shown) => expect(withoutAuthorization(text)).toBe(shown))

test('texts of any length are read once', () => {
  const long = 'a'.repeat(2_000_000)
  const hide = hiding(['secret-of-some-length'])
  expect(hide(long)).toBe(long)
  const core = Buffer.from('secret-of-some-length').toString('base64')
  expect(hide(`${core} ${long}${core}${long}`)).toBe('[redacted] [redacted]')
})
