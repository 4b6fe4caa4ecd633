import { createHmac } from 'node:crypto'
import { wireError, type WireError } from './wire-errors.ts'

export interface FakeCredentials {
  readonly apiKey: string
  readonly secret: string
  readonly passphrase: string
}

/** What the fake accepts unless told otherwise. Invented: no real account has them. */
export const DEFAULT_CREDENTIALS: FakeCredentials = {
  apiKey: '985d5b66-57ce-40fb-b714-afc0b9787083',
  secret: '22582BD0CFF14C41EDBF1AB98506286D',
  passphrase: 'tapekeeper-Test1',
}

/** How old a login's timestamp may be. Milliseconds. */
const LOGIN_VALID_MS = 30_000
const KEY_SHAPE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const EPOCH_SECONDS = /^\d{9,11}(?:\.\d+)?$/

/** Checks a login as OKX does; undefined when it is right. */
export function checkLogin(
  arg: Readonly<Record<string, unknown>>,
  { apiKey, secret, passphrase }: FakeCredentials,
  now: number,
): WireError | undefined {
  const { timestamp, sign } = arg
  if (typeof arg['apiKey'] !== 'string' || typeof sign !== 'string' || typeof arg['passphrase'] !== 'string')
    return wireError('60009')
  // Only keys that look like one are looked up: a wrong region gives 60032, nonsense gives 60005.
  if (arg['apiKey'] !== apiKey) return wireError(KEY_SHAPE.test(arg['apiKey']) ? '60032' : '60005')
  if (typeof timestamp !== 'string' || !EPOCH_SECONDS.test(timestamp)) return wireError('60004')
  if (Math.abs(now - Number(timestamp) * 1_000) > LOGIN_VALID_MS) return wireError('60006')
  const expected = createHmac('sha256', secret).update(`${timestamp}GET/users/self/verify`).digest('base64')
  if (sign !== expected) return wireError('60007')
  if (arg['passphrase'] !== passphrase) return wireError('60024')
  return undefined
}
