import { reasonOf } from '../errors/reason.ts'
import { TapekeeperError } from '../errors/tapekeeper-error.ts'
import { sleep } from '../ports/clock.ts'
import { MAX_ANSWER_BYTES, type HttpResponse } from '../ports/http.ts'
import { UnacceptableAnswer } from '../ports/http-body.ts'
import type { Logger } from '../ports/logger.ts'
import type { Ports } from '../ports/ports.ts'
import { backoffDelay, type BackoffPolicy } from '../ports/backoff.ts'
import { retryAfterMs, retryAfterWords, stayAwayMs } from '../ports/retry-after.ts'
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
  /**
   * The same for what can wait: its requests take half of a path's limit at most, and none while others wait for their turn. Left out
   * where there is no such thing.
   */
  readonly inBackground?: RestClient | undefined
}

const POLICY: BackoffPolicy = { baseMs: 500, capMs: 5_000 }
const ATTEMPTS = 3
const TIMEOUT_MS = 5_000
/** Whoever asked decides what to do about a longer wait. */
const LONGEST_WAIT_MS = 5_000
/** Of a path's limit, for requests that can wait: the rest is there when something cannot. */
const BACKGROUND_SHARE = 0.5
/** A platform may quote what it was given. Characters. */
const LONGEST_REASON = 300

/** How often a path may be asked. */
export interface RestLimit {
  readonly count: number
  readonly perMs: number
}

export interface RestClientOptions {
  /** Requests allowed per path. */
  readonly limits?: Readonly<Record<string, RestLimit>> | undefined
  /** A longer body is not taken. Bytes. Default 8 MiB. */
  readonly maxBytes?: number | undefined
  /** Hears what holds back every request, and not only the one that was told. */
  readonly logger?: (() => Logger | undefined) | undefined
}

/** One client per host and process: limits are kept by its own count. Requests over a limit wait their turn. */
export function createRestClient(baseUrl: string, ports: Ports, options: RestClientOptions = {}): RestClient {
  const { limits = {}, maxBytes = MAX_ANSWER_BYTES, logger } = options
  const address = restAddress(baseUrl)
  const windows = new Map<string, PathLimit>(
    Object.entries(limits).map(([path, { count, perMs }]) => [
      path,
      { window: new SlidingWindow(count, perMs), perMs, waiting: 0 },
    ]),
  )

  /** Elapsed time before which a `Retry-After` holds back every request to this host, and not only the one that was told. */
  let heldUntil = 0

  async function waitForTurn(path: string, isBackground: boolean, signal: AbortSignal | undefined): Promise<void> {
    const limit = windows.get(path.split('?', 1)[0] ?? path)
    if (limit !== undefined && !isBackground) limit.waiting++
    try {
      await turn(path, limit, isBackground, signal)
    } finally {
      if (limit !== undefined && !isBackground) limit.waiting--
    }
  }

  async function turn(
    path: string,
    limit: PathLimit | undefined,
    isBackground: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    for (;;) {
      const now = ports.clock.elapsed()
      if (heldUntil - now > LONGEST_WAIT_MS) {
        const context = { url: address.shownOf(path), sentAt: now }
        throw new TapekeeperError(
          'RATE_LIMITED',
          `${address.shownOf('')} asked us to stay away for ${Math.ceil((heldUntil - now) / 1_000)} s more`,
          context,
        )
      }
      const free = Math.max(heldUntil, limit?.window.nextAt(now, isBackground ? BACKGROUND_SHARE : 1) ?? now)
      const mustYield = isBackground && limit !== undefined && limit.waiting > 0
      if (free <= now && !mustYield) {
        limit?.window.note(now)
        return
      }
      await sleep(ports.clock, mustYield ? Math.max(free - now, limit.perMs) : free - now, signal)
    }
  }

  const client = (isBackground: boolean): RestClient => ({
    async get(path, read, signal) {
      let sentAt: number | undefined
      for (let attempt = 0; ; attempt++) {
        await waitForTurn(path, isBackground, signal)
        sentAt ??= ports.clock.elapsed()
        const answer = await ask({ address, path, sentAt, maxBytes }, ports, read, signal)
        if (answer.kind === 'ok') return answer.data
        const askedMs = stayAwayMs(answer.askedMs)
        if (askedMs !== undefined) {
          const now = ports.clock.elapsed()
          if (heldUntil <= now) logger?.()?.warn(answer.error.message, answer.error.context)
          heldUntil = Math.max(heldUntil, now + askedMs)
        }
        const waitMs = Math.max(askedMs ?? 0, backoffDelay(attempt, POLICY, ports.random))
        if (!answer.repeatable || attempt + 1 >= ATTEMPTS || waitMs > LONGEST_WAIT_MS) throw answer.error
        await sleep(ports.clock, waitMs, signal)
      }
    },
  })
  return { ...client(false), inBackground: client(true) }
}

interface PathLimit {
  readonly window: SlidingWindow
  readonly perMs: number
  /** Requests that cannot wait, and do. */
  waiting: number
}

type Answer<T> =
  | { readonly kind: 'ok'; readonly data: T }
  | {
      readonly kind: 'failed'
      readonly error: TapekeeperError
      readonly repeatable: boolean
      /** The answer's `Retry-After`. Milliseconds. */
      readonly askedMs?: number | undefined
    }

interface Asked {
  readonly address: RestAddress
  readonly path: string
  /** When the first attempt was sent, elapsed time; tells how long the exchange has failed, apart from our waiting for a turn. */
  readonly sentAt: number
  readonly maxBytes: number
}

async function ask<T>(
  { address, path, sentAt, maxBytes }: Asked,
  ports: Ports,
  read: (body: unknown) => RestOutcome<T>,
  signal: AbortSignal | undefined,
): Promise<Answer<T>> {
  const url = address.shownOf(path)
  let response: HttpResponse
  try {
    response = await ports.http({ url: address.urlOf(path), timeoutMs: TIMEOUT_MS, maxBytes, signal })
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    const repeatable = !(error instanceof UnacceptableAnswer)
    const reason = address.hide(reasonOf(error)).slice(0, LONGEST_REASON)
    const cause = address.hideIn(error)
    const message = repeatable ? `no answer from ${url}: ${reason}` : `${url} answered with ${reason}`
    return { kind: 'failed', error: new TapekeeperError('REST_FAILED', message, { url, sentAt }, { cause }), repeatable }
  }
  const { status } = response
  if (status === 429 || status === 418) {
    const askedMs = retryAfterMs(response.header('retry-after'), response.header('date'), ports.clock.now())
    const message = `${url} answered ${status}${retryAfterWords(askedMs)}`
    const context = { url, sentAt, status, ...(askedMs === undefined ? {} : { retryAfterMs: askedMs }) }
    return { kind: 'failed', error: new TapekeeperError('RATE_LIMITED', message, context), repeatable: true, askedMs }
  }
  const failed = (what: string, repeatable: boolean, cause?: unknown): Answer<T> => {
    const context = { url, sentAt, status, body: address.hide(response.text).slice(0, 200) }
    const words = address.hide(`${url} answered ${what}`)
    return { kind: 'failed', error: new TapekeeperError('REST_FAILED', words, context, { cause }), repeatable }
  }
  if (status >= 500) return failed(String(status), true)
  // A port of the host's own may know no bound.
  if (response.text.length > maxBytes) return failed(`${status} with a body of more than ${maxBytes} bytes`, false)
  let outcome: RestOutcome<T>
  try {
    outcome = read(JSON.parse(response.text) as unknown)
  } catch (cause) {
    const type = response.header('content-type')
    const what = type === undefined || /json/i.test(type) ? '' : `, ${type.slice(0, 60)}`
    return failed(`${status} with a body that cannot be read${what}`, false, address.hideIn(cause))
  }
  if (outcome.kind === 'ok') return status >= 200 && status < 300 ? outcome : failed(String(status), false)
  return failed(outcome.message, outcome.kind === 'retry')
}
