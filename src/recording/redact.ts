/** Takes the secrets out of a text. */
export type Redact = (text: string) => string

const REDACTED = '[redacted]'

/** Names under which exchanges expect what nobody else may see. */
const SECRET = [
  ...['api[-_]?key', 'api[-_]?secret', 'secret[-_]?key', 'private[-_]?key', 'listen[-_]?key', 'pass[-_]?phrase', 'password'],
  ...['secret', 'sign', 'signature', 'token', 'jwt', 'authorization', 'ok-access-[-a-z]+'],
].join('|')

const MENTIONED = new RegExp(`\\b(?:${SECRET})\\b`, 'i')
/** `"sign": "…"`, `"sign": 123`; the closing quote may be missing in a text that was cut short. */
const IN_JSON = new RegExp(`("(?:${SECRET})"\\s*:\\s*)(?:"(?:[^"\\\\]|\\\\.)*"?|-?\\d[\\d.eE+-]*)`, 'gi')
/** The same inside a string of JSON: `\"sign\":\"…\"`. */
const IN_NESTED_JSON = new RegExp(`((\\\\+)"(?:${SECRET})\\2"\\s*:\\s*)\\2"[^]*?(?:\\2"|$)`, 'gi')
const IN_QUERY = new RegExp(`([?&](?:${SECRET})=)[^&#\\s"]*`, 'gi')
const USER_IN_URL = /(\b[a-z]+:\/\/)[^/@\s"]+@/gi

/** Blanks the values of everything that is named like a secret, in JSON and in URLs. The rest stays as it is. */
export function redact(text: string): string {
  if (!MENTIONED.test(text)) return text
  return text
    .replace(IN_JSON, `$1"${REDACTED}"`)
    .replace(IN_NESTED_JSON, (_all, start: string, slashes: string) => `${start}${slashes}"${REDACTED}${slashes}"`)
    .replace(IN_QUERY, `$1${REDACTED}`)
}

export const redactUrl = (url: string): string => redact(url).replace(USER_IN_URL, '$1')

const LOGIN = /"(?:op|method|type|event)"\s*:\s*"(?:auth|login|log_?on|session\.logon)"/i

/** What we send may also be a login whose secrets have a position instead of a name: `{"op":"auth","args":["key",1,"sign"]}`. */
export function redactSent(text: string): string {
  if (!LOGIN.test(text)) return redact(text)
  try {
    return redact(JSON.stringify(JSON.parse(text), (_key, value: unknown) => (Array.isArray(value) ? value.map(blank) : value)))
  } catch {
    return REDACTED
  }
}

const blank = (value: unknown): unknown => (typeof value === 'string' ? REDACTED : value)
