import { TapekeeperError } from '../errors/tapekeeper-error.ts'
import { sleep } from '../ports/clock.ts'
import type { HttpResponse } from '../ports/http.ts'
import type { Ports } from '../ports/ports.ts'
import { retryAfterMs } from '../ports/socket.ts'
import { backoffDelay, type BackoffPolicy } from '../ports/backoff.ts'
import { restAddress, type RestAddress } from './rest-address.ts'
import { SlidingWindow } from './sliding-window.ts'

/** What an exchange's REST answer amounts to, read from its envelope. */
export type RestOutcome<T> =
  | { readonly kind: 'ok'; readonly data: T }
  /** Asked too often, or the exchange is busy: the same request may succeed later. */
  | { readonly kind: 'retry'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

export interface RestClient {
  /**
   * GETs `path` (with its query) and reads the answer; repeats after 429, 5xx, no answer, or when `read` says `retry`.
   *
   * @throws TapekeeperError `REST_FAILED` or `RATE_LIMITED` when it could not be had.
   */
  get<T>(path: string, read: (body: unknown) => RestOutcome<T>, signal?: AbortSignal): Promise<T>
}

const POLICY: BackoffPolicy = { baseMs: 500, capMs: 5_000 }
const ATTEMPTS = 3
const TIMEOUT_MS = 5_000
/** Whoever asked decides what to do about a longer wait. */
const LONGEST_WAIT_MS = 5_000

/** How often a path may be asked. */
export interface RestLimit {
  readonly count: number
  readonly perMs: number
}

/** One client per host and process: `limits` are kept by its own count. Requests over a limit wait their turn. */
export function createRestClient(baseUrl: string, ports: Ports, limits: Readonly<Record<string, RestLimit>> = {}): RestClient {
  const address = restAddress(baseUrl)
  const windows = new Map(Object.entries(limits).map(([path, { count, perMs }]) => [path, new SlidingWindow(count, perMs)]))

  /** A `Retry-After` holds back every request to this host, and not only the one that was told. */
  let hold = { until: 0, forMs: 0 }

  async function waitForTurn(path: string, signal: AbortSignal | undefined): Promise<void> {
    const window = windows.get(path.split('?', 1)[0] ?? path)
    for (;;) {
      const now = ports.clock.now()
      // Never longer than the hold itself, should the clock be set back meanwhile.
      const heldUntil = Math.min(hold.until, now + hold.forMs)
      if (heldUntil - now > LONGEST_WAIT_MS) {
        const context = { url: address.shownOf(path), sentAt: now }
        throw new TapekeeperError(
          'RATE_LIMITED',
          `${address.shownOf('')} asked us to stay away for ${Math.ceil((heldUntil - now) / 1_000)} s more`,
          context,
        )
      }
      const at = Math.max(heldUntil, window?.nextAt(now) ?? now)
      if (at <= now) {
        window?.note(now)
        return
      }
      await sleep(ports.clock, at - now, signal)
    }
  }

  return {
    async get(path, read, signal) {
      let sentAt: number | undefined
      for (let attempt = 0; ; attempt++) {
        await waitForTurn(path, signal)
        sentAt ??= ports.clock.now()
        const answer = await ask({ address, path, sentAt }, ports, read, signal)
        if (answer.kind === 'ok') return answer.data
        if (answer.waitMs !== undefined) hold = { until: ports.clock.now() + answer.waitMs, forMs: answer.waitMs }
        const waitMs = Math.max(answer.waitMs ?? 0, backoffDelay(attempt, POLICY, ports.random))
        if (!answer.repeatable || attempt + 1 >= ATTEMPTS || waitMs > LONGEST_WAIT_MS) throw answer.error
        await sleep(ports.clock, waitMs, signal)
      }
    },
  }
}

type Answer<T> =
  | { readonly kind: 'ok'; readonly data: T }
  | {
      readonly kind: 'failed'
      readonly error: TapekeeperError
      readonly repeatable: boolean
      readonly waitMs?: number | undefined
    }

interface Asked {
  readonly address: RestAddress
  readonly path: string
  /** When the first attempt was sent; tells how long the exchange has failed, apart from our waiting for a turn. */
  readonly sentAt: number
}

async function ask<T>(
  { address, path, sentAt }: Asked,
  ports: Ports,
  read: (body: unknown) => RestOutcome<T>,
  signal: AbortSignal | undefined,
): Promise<Answer<T>> {
  const url = address.shownOf(path)
  let response: HttpResponse
  try {
    response = await ports.http({ url: address.urlOf(path), timeoutMs: TIMEOUT_MS, signal })
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    const cause = address.hideIn(error)
    return {
      kind: 'failed',
      error: new TapekeeperError('REST_FAILED', `no answer from ${url}`, { url, sentAt }, { cause }),
      repeatable: true,
    }
  }
  const { status } = response
  if (status === 429 || status === 418) {
    const error = new TapekeeperError('RATE_LIMITED', `${url} answered ${status}`, { url, sentAt, status })
    return { kind: 'failed', error, repeatable: true, waitMs: retryAfterMs(response.header('retry-after'), ports.clock.now()) }
  }
  const failed = (what: string, repeatable: boolean, cause?: unknown): Answer<T> => {
    const context = { url, sentAt, status, body: address.hide(response.text).slice(0, 200) }
    const words = address.hide(`${url} answered ${what}`)
    return { kind: 'failed', error: new TapekeeperError('REST_FAILED', words, context, { cause }), repeatable }
  }
  if (status >= 500) return failed(String(status), true)
  let outcome: RestOutcome<T>
  try {
    outcome = read(JSON.parse(response.text) as unknown)
  } catch (cause) {
    return failed(`${status} with a body that cannot be read`, false, address.hideIn(cause))
  }
  if (outcome.kind === 'ok') return status < 400 ? outcome : failed(String(status), false)
  return failed(outcome.message, outcome.kind === 'retry')
}
