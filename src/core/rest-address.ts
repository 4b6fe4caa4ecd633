import { messageOf } from '../errors/tapekeeper-error.ts'
import { hiding } from '../ports/hiding.ts'
import { publicUrl, secretsOfUrl } from '../ports/public-url.ts'

/** Where REST is asked. A proxy's address may hold a user, a password or a token: those are sent, and never said. */
export interface RestAddress {
  /** What is asked for `path` and its query. */
  urlOf(path: string): string
  /** The same for logs and errors. The path's own query stays: it is ours, never signed, and tells which page failed. */
  shownOf(path: string): string
  /** Takes the address's secrets out of what others say about it. */
  hide(text: string): string
  /** A foreign error as it may be passed on. */
  hideIn(error: unknown): unknown
}

export function restAddress(baseUrl: string): RestAddress {
  const [front = '', ...rest] = baseUrl.split('?')
  const query = rest.join('?').replace(/#.*$/s, '')
  const root = withoutEnd(front)
  const shownRoot = withoutEnd(publicUrl(root))
  const secrets = secretsOfUrl(baseUrl)
  const hide = hiding(secrets)
  return {
    urlOf: (path) => root + path + (query === '' ? '' : `${path.includes('?') ? '&' : '?'}${query}`),
    shownOf: (path) => shownRoot + path,
    hide,
    // Whatever else it has, a request object perhaps, has the whole URL.
    hideIn: (error) => (secrets.length === 0 ? error : new Error(hide(messageOf(error)))),
  }
}

/** Without the slashes at the end. */
function withoutEnd(url: string): string {
  let end = url.length
  while (url[end - 1] === '/') end--
  return url.slice(0, end)
}
