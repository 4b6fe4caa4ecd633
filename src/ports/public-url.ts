import { base64Of, decoded } from './hiding.ts'

/** A URL as anybody may see it: without user, password, fragment, and the values of its query. */
export function publicUrl(url: string): string {
  if (!/[@?#]/.test(url)) return url
  if (!URL.canParse(url)) return publicText(url)
  const { protocol, host, pathname, search } = new URL(url)
  // What has no value may be one.
  const names = pairsOf(search).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  return `${protocol}//${host}${pathname}${names.length === 0 ? '' : `?${names.map((name) => `${name}=…`).join('&')}`}`
}

/** The same of what is no URL, or not yet: from the first slashes to the last `@`, and from the query on, nothing is shown. */
function publicText(url: string): string {
  const text = url.slice(0, url.search(/[?#]|$/))
  const [user, at] = [text.indexOf('//'), text.lastIndexOf('@')]
  return user < 0 || at < user ? text : text.slice(0, user + 2) + text.slice(at + 1)
}

/** What `publicUrl` leaves out, and base64 of user and password together, as it is sent in a header. */
export function secretsOfUrl(url: string): readonly string[] {
  if (publicUrl(url) === url || !URL.canParse(url)) return []
  const { username, password, search, hash } = new URL(url)
  const values = pairsOf(search).map(([name, value]) => value ?? name)
  const secrets = [username, password, hash.slice(1), ...values]
  return [...new Set([...secrets.flatMap((secret) => [secret, decoded(secret)]), ...headerOf(username, password)])]
}

/** The password of a URL, and what is sent for it in a header. */
export function loginOfUrl(url: string): readonly string[] {
  if (!url.includes('@') || !URL.canParse(url)) return []
  const { username, password } = new URL(url)
  return [...new Set([password, decoded(password), ...headerOf(username, password)])]
}

const headerOf = (username: string, password: string): readonly string[] =>
  username === '' && password === '' ? [] : base64Of(`${decoded(username)}:${decoded(password)}`)

type Pair = readonly [name: string, value: string | undefined]

function pairsOf(search: string): readonly Pair[] {
  const pairs = search.slice(1).split('&')
  return pairs.flatMap((pair): Pair[] => {
    const at = pair.indexOf('=')
    if (at >= 0) return [[pair.slice(0, at), pair.slice(at + 1)]]
    return pair === '' ? [] : [[pair, undefined]]
  })
}
