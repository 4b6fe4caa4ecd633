/** A URL as anybody may see it: without user, password, fragment, and the values of its query. */
export function publicUrl(url: string): string {
  if (!/[@?#]/.test(url)) return url
  if (!URL.canParse(url)) return url.replace(/[?#].*$/s, '').replace(/\/\/.*@/s, '//')
  const { protocol, host, pathname, search } = new URL(url)
  // What has no value may be one.
  const names = pairsOf(search).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  return `${protocol}//${host}${pathname}${names.length === 0 ? '' : `?${names.map((name) => `${name}=…`).join('&')}`}`
}

/** What `publicUrl` leaves out, in every spelling in which a text may quote it. */
export function secretsOfUrl(url: string): readonly string[] {
  if (publicUrl(url) === url || !URL.canParse(url)) return []
  const { username, password, search, hash } = new URL(url)
  const values = pairsOf(search).map(([name, value]) => value ?? name)
  const secrets = [username, password, hash.slice(1), ...values]
  return [...new Set(secrets.flatMap((secret) => [secret, decoded(secret)]))]
}

/** Shorter ones are part of any text; to blank them would make it unreadable, and hide nothing. */
const SHORTEST_SECRET = 4

/** Makes what blanks these secrets in texts written by others: a server's answer, an error of the platform's. */
export function hiding(secrets: readonly string[]): (text: string) => string {
  // The longest first: one may be a part of another.
  const found = secrets.filter(({ length }) => length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length)
  return (text) => found.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text)
}

type Pair = readonly [name: string, value: string | undefined]

function pairsOf(search: string): readonly Pair[] {
  const pairs = search.slice(1).split('&')
  return pairs.flatMap((pair): Pair[] => {
    const at = pair.indexOf('=')
    if (at >= 0) return [[pair.slice(0, at), pair.slice(at + 1)]]
    return pair === '' ? [] : [[pair, undefined]]
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
