import { readText, UnacceptableAnswer } from './http-body.ts'

export interface HttpRequest {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** For the answer with all of its body. Milliseconds. Default 10,000. */
  readonly timeoutMs?: number
  /** A longer body is not read to its end, and not taken. Bytes, decompressed. Default 8 MiB. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal | undefined
}

export interface HttpResponse {
  readonly status: number
  /** A header's value by its lower-case name. */
  header(name: string): string | undefined
  readonly text: string
}

/** Sends one request. Rejects only when there was no answer that can be taken; a status of 400 or more is an answer. */
export type HttpPort = (request: HttpRequest) => Promise<HttpResponse>

const DEFAULT_TIMEOUT_MS = 10_000
/** What an answer may have. Far above any honest one of OKX: its lists of instruments have less than 1 MB. Bytes. */
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const MAX_REDIRECTS = 3
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

/** `fetch`, with bounds: the whole answer within the time, so many bytes, and no request ever goes to another origin. */
export const systemHttp: HttpPort = async (request) => {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxBytes = MAX_ANSWER_BYTES, signal } = request
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const stop = (): void => timeout.abort(signal?.reason)
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const response = await fetchFromOrigin(request, timeout.signal)
    const { status, headers } = response
    return {
      status,
      header: (name) => headers.get(name) ?? undefined,
      // The text of an error is for people: damaged or not.
      text: await readText(response, maxBytes, status < 400),
    }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

/**
 * Redirects are followed by hand: `fetch` would carry headers of ours, signatures among them, to wherever a server points.
 *
 * @throws UnacceptableAnswer for a redirect to another origin, for too many, and in a browser, which does not show where one leads, for any.
 */
async function fetchFromOrigin(request: HttpRequest, signal: AbortSignal): Promise<Response> {
  const { method = 'GET', body } = request
  const { url: first, headers } = withAuthorization(request)
  let url = first
  for (let hops = 0; ; hops++) {
    const response = await fetch(url, {
      method,
      signal,
      redirect: 'manual',
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    })
    const location = REDIRECTS.includes(response.status) ? response.headers.get('location') : null
    if (location === null && response.type !== 'opaqueredirect') return response
    void response.body?.cancel().catch(() => undefined)
    if (location === null) throw new UnacceptableAnswer('a redirect')
    if (!URL.canParse(location, url)) throw new UnacceptableAnswer('a redirect to an address that is none')
    const next = new URL(location, url)
    if (next.origin !== new URL(url).origin) throw new UnacceptableAnswer(`a redirect to another origin, ${next.origin}`)
    // A GET in place of it, as browsers do, would be another request than was meant.
    if (method !== 'GET' && response.status < 307) throw new UnacceptableAnswer(`a redirect (${response.status}) of a ${method}`)
    if (hops === MAX_REDIRECTS) throw new UnacceptableAnswer(`more than ${MAX_REDIRECTS} redirects`)
    url = next.href
  }
}

/** A user and a password in the URL become a header: `fetch` refuses such a URL, and quotes it in its error. */
function withAuthorization({ url, headers }: HttpRequest): Pick<HttpRequest, 'url' | 'headers'> {
  if (!url.includes('@') || !URL.canParse(url)) return { url, ...(headers === undefined ? {} : { headers }) }
  const bare = new URL(url)
  const { username, password } = bare
  if (username === '' && password === '') return { url, ...(headers === undefined ? {} : { headers }) }
  bare.username = ''
  bare.password = ''
  const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)
  return { url: bare.href, headers: { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}`, ...headers } }
}
