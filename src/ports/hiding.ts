const REDACTED = '[redacted]'
/** Shorter ones are part of any text; to blank them would make it unreadable, and hide nothing. */
const SHORTEST_SECRET = 4
/** What is left of a secret inside longer base64 must be so long, or it would be found in any base64. */
const SHORTEST_CORE = 8

/**
 * Makes what blanks these secrets in texts written by others: a server's answer, an error of the platform's. They are found as they are,
 * percent-encoded, as JSON and shells escape them, and in base64, alone or within something else.
 */
export function hiding(secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)].filter(({ length }) => length >= SHORTEST_SECRET)
  // The longest first: one may be a part of another.
  const spellings = [...new Set(known.flatMap(spellingsOf))].sort((a, b) => b.length - a.length)
  const cores = [...new Set(known.flatMap(coresOf))]
  return (text) =>
    spellings.reduce(
      (rest, spelling) => rest.replaceAll(spelling, REDACTED),
      cores.reduce((rest, core) => withoutTokensOf(rest, core), text),
    )
}

/** Base64 of this text in each form in which it may be quoted: both alphabets, with padding and without, and percent-encoded. */
export function base64Of(text: string): readonly string[] {
  const forms = bytesOf(text).flatMap((bytes) => {
    const padded = btoa(bytes)
    return [padded, padded.replaceAll('=', ''), ...inUrls(padded)]
  })
  return [...new Set(forms)]
}

/** Part of a URL, it may be percent-encoded as it is given; part of credentials, it is not. */
const formsOf = (secret: string): readonly string[] => [...new Set([secret, decoded(secret)])]

function spellingsOf(secret: string): readonly string[] {
  const spellings = formsOf(secret).flatMap((plain) => {
    const encoded = encodeSafely(plain)
    const percent = [encoded, encoded.replaceAll('%20', '+'), encoded.replaceAll(/%../g, (code) => code.toLowerCase())]
    return [plain, JSON.stringify(plain).slice(1, -1), ...percent, ...base64Of(plain)]
  })
  return spellings.filter(({ length }) => length >= SHORTEST_SECRET)
}

/** The characters that base64 of anything with this secret in it has for sure, for each of the three places where it may begin. */
function coresOf(secret: string): readonly string[] {
  return formsOf(secret)
    .flatMap(bytesOf)
    .flatMap((bytes) =>
      [0, 1, 2].flatMap((before) => {
        const whole = btoa('\0'.repeat(before) + bytes)
        const core = whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
        return core.length < SHORTEST_CORE ? [] : [core, ...inUrls(core)]
      }),
    )
}

const inUrls = (base64: string): readonly string[] => [
  base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
  encodeURIComponent(base64),
]

const IN_BASE64 = /[\w+/=%-]/

/** The whole of each token that has this in it. */
function withoutTokensOf(text: string, core: string): string {
  let shown = ''
  let copied = 0
  for (let at = text.indexOf(core); at >= 0; at = text.indexOf(core, copied)) {
    let [start, end] = [at, at + core.length]
    while (start > copied && IN_BASE64.test(text.charAt(start - 1))) start--
    while (end < text.length && IN_BASE64.test(text.charAt(end))) end++
    shown += text.slice(copied, start) + REDACTED
    copied = end
  }
  return shown + text.slice(copied)
}

/** As UTF-8, and as browsers and old servers read it, one byte for each character, where that is another. One character is one byte. */
function bytesOf(text: string): readonly string[] {
  const utf8 = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
  const isLatin = Array.from(text).every((character) => character.charCodeAt(0) <= 0xff && character.length === 1)
  return isLatin && utf8 !== text ? [utf8, text] : [utf8]
}

export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Half a pair cannot be encoded. */
function encodeSafely(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text
  }
}

const HEADER = /\b((?:proxy-)?authorization\b["']?\s*[:=]\s*["']?)(?:(?:basic|bearer|digest|token)\s+)?[^\s"',;\\]+/gi
const SCHEME = /\b(basic|bearer)(\s+)([\w+/.~=-]{8,})/gi

/** Blanks what is sent to prove who we are, wherever a text quotes it: `Authorization: Basic dXNlcjpwYXNz`, `Bearer …`. */
export const withoutAuthorization = (text: string): string =>
  text
    .replace(HEADER, `$1${REDACTED}`)
    .replace(SCHEME, (all, scheme: string, space: string, token: string) =>
      scheme.toLowerCase() === 'bearer' || isLogin(token) ? `${scheme}${space}${REDACTED}` : all,
    )

/** Base64 of `user:password`, and no word of English. */
function isLogin(token: string): boolean {
  try {
    return atob(token.replaceAll('-', '+').replaceAll('_', '/')).includes(':')
  } catch {
    return false
  }
}
