import type { Credentials } from '../../core/exchange-definition.ts'

/** What a login signs after its timestamp. Source: OKX v5 docs, "WebSocket / Login", read 2026-09. */
const SIGNED_REQUEST = 'GET/users/self/verify'

/** The login request. Its timestamp is in seconds and stays valid for 30 of them. */
export async function loginRequest(credentials: Credentials, now: number): Promise<string> {
  const timestamp = String(Math.floor(now / 1000))
  const sign = await signature(credentials.secret, timestamp + SIGNED_REQUEST)
  const { apiKey, passphrase = '' } = credentials
  return JSON.stringify({ op: 'login', args: [{ apiKey, passphrase, timestamp, sign }] })
}

/** base64(HMAC-SHA256(secret, message)). WebCrypto, so that it is the same in Node and in browsers. */
async function signature(secret: string, message: string): Promise<string> {
  const { subtle } = globalThis.crypto
  const bytes = new TextEncoder()
  const key = await subtle.importKey('raw', bytes.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const digest = await subtle.sign('HMAC', key, bytes.encode(message))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}
