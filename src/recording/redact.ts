import { withoutAuthorization } from '../ports/hiding.ts'

/** Takes the secrets out of a text. */
export type Redact = (text: string) => string

const REDACTED = '[redacted]'

/** Names under which exchanges expect what nobody else may see. */
const SECRET = [
  ...['api[-_]?key', 'api[-_]?secret', 'secret[-_]?key', 'private[-_]?key', 'listen[-_]?key', 'pass[-_]?phrase', 'password'],
  ...['secret', 'sign', 'signature', 'token', 'jwt', 'authorization', 'ok-access-[-a-z]+'],
].join('|')

// Each of these is matched in time that grows with the length of the text and no faster, whatever the text is.
const MENTIONED = new RegExp(`\\b(?:${SECRET})\\b`, 'i')
/** `"sign": `, and the same inside a string of JSON, where backslashes stand before the quotes: `\"sign\": `. */
const NAME_IN_JSON = new RegExp(`"(?:${SECRET})(\\\\*)"\\s*:\\s*`, 'gi')
const IN_QUERY = new RegExp(`([?&](?:${SECRET})=)[^&#\\s"]*`, 'gi')
const USER_IN_URL = /(\b[a-z]+:\/\/)[^/@\s"]+@/gi
const NUMBER = /-?\d[\d.eE+-]*/y

/** Blanks the values of everything that is named like a secret, in JSON and in URLs. The rest stays as it is. */
export function redact(text: string): string {
  if (!MENTIONED.test(text)) return text
  return withoutAuthorization(withoutNamed(text)).replace(IN_QUERY, `$1${REDACTED}`)
}

export const redactUrl = (url: string): string => withoutAuthorization(redact(url).replace(USER_IN_URL, '$1'))

function withoutNamed(text: string): string {
  let shown = ''
  let copied = 0
  for (const match of text.matchAll(NAME_IN_JSON)) {
    const [all, slashes = ''] = match
    const start = match.index + all.length
    const end = match.index < copied ? undefined : endOfValue(text, start, slashes)
    if (end === undefined) continue
    shown += `${text.slice(copied, start)}${slashes}"${REDACTED}${slashes}"`
    copied = end
  }
  return shown + text.slice(copied)
}

/** Where the value ends that begins here; undefined when it is neither a text nor a number. One that was cut short ends with the text. */
function endOfValue(text: string, start: number, slashes: string): number | undefined {
  if (text.startsWith(`${slashes}"`, start)) return endOfText(text, start + slashes.length + 1, slashes.length)
  NUMBER.lastIndex = start
  return NUMBER.test(text) ? NUMBER.lastIndex : undefined
}

/**
 * A quote ends the text when as many backslashes stand before it as before the first one, or that many besides those that come
 * in pairs at this depth. One with fewer belongs to what the text is in.
 */
function endOfText(text: string, start: number, level: number): number {
  let run = 0
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') run++
    else if (text[i] === '"' && run < level) return i - run
    else if (text[i] === '"' && run % (2 * (level + 1)) === level) return i + 1
    else run = 0
  }
  return text.length
}

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
