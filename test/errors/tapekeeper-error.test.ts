import { afterEach, describe, expect, test, vi } from 'vitest'
import { CONSEQUENCE } from '../../src/errors/consequence.ts'
import { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'

afterEach(() => vi.resetModules())

test('carries code, message, context, cause and consequence', () => {
  const cause = new Error('why')
  const error = new TapekeeperError('SOCKET_LOST', 'gone', { url: 'wss://x' }, { cause })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({
    name: 'TapekeeperError',
    code: 'SOCKET_LOST',
    message: 'gone',
    context: { url: 'wss://x' },
    cause,
  })
  expect(error.consequence).toBe('reconnect')
})

test('every code has a consequence', () => {
  for (const [code, consequence] of Object.entries(CONSEQUENCE)) {
    expect(new TapekeeperError(code as keyof typeof CONSEQUENCE, '').consequence).toBe(consequence)
  }
})

test('an error of another copy of the library is recognised, and passes from() unchanged', async () => {
  vi.resetModules()
  const other = (await import('../../src/errors/tapekeeper-error.ts')).TapekeeperError
  expect(other).not.toBe(TapekeeperError)
  const theirs = new other('RATE_LIMITED', 'slow')
  expect(theirs).not.toBeInstanceOf(TapekeeperError)
  expect(TapekeeperError.is(theirs)).toBe(true)
  expect(TapekeeperError.from(theirs, 'REST_FAILED')).toBe(theirs)
})

test.each([[undefined], [null], ['SOCKET_LOST'], [new Error('x')], [{ code: 'SOCKET_LOST' }], [() => undefined]])(
  '%s is not ours',
  (value) => {
    expect(TapekeeperError.is(value)).toBe(false)
  },
)

describe('from', () => {
  test('wraps an error with its message as cause', () => {
    const cause = new TypeError('bad')
    expect(TapekeeperError.from(cause, 'FRAME_INVALID', { a: 1 })).toMatchObject({
      code: 'FRAME_INVALID',
      message: 'bad',
      cause,
      context: { a: 1 },
    })
  })

  test.each([
    ['text', 'text'],
    [42, '42'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
  ])('wraps what is no error: %s', (value, message) => {
    expect(TapekeeperError.from(value, 'CALLBACK_FAILED')).toMatchObject({ message, cause: value })
  })
})
