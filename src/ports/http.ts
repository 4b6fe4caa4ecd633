export interface HttpRequest {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal | undefined
}

export interface HttpResponse {
  readonly status: number
  /** A header's value by its lower-case name. */
  header(name: string): string | undefined
  readonly text: string
}

/** Sends one request. Rejects only when there was no answer; a status of 400 or more is an answer. */
export type HttpPort = (request: HttpRequest) => Promise<HttpResponse>

const DEFAULT_TIMEOUT_MS = 10_000

export const systemHttp: HttpPort = async (request) => {
  const { method = 'GET', body, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = request
  const { url, headers } = withAuthorization(request)
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const stop = (): void => timeout.abort(signal?.reason)
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const response = await fetch(url, {
      method,
      signal: timeout.signal,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    })
    return {
      status: response.status,
      header: (name) => response.headers.get(name) ?? undefined,
      text: await response.text(),
    }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
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
