import type { Random } from '../../ports/random.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'

/** Each resubscription costs 2 of the 480 requests a connection has per hour, and other books may need some, too. */
const RESUBSCRIBE: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 }
const REFETCH: BackoffPolicy = { baseMs: 250, capMs: 10_000 }
/** So many failures in a row, then twice as many, and so on: reconnecting disturbs every other topic of the link. */
const FAILURES_BEFORE_RECONNECT = 5
/** A book that stayed valid this long was repaired; the next failure is a new story. Milliseconds. */
const STABLE_MS = 60_000

export type ResyncAction = 'resubscribe' | 'reconnect'

/** How often, and by which means, a broken book is synchronised again. */
export class ResyncPolicy {
  readonly #random: Random
  #failures = 0
  #validSince: number | undefined

  constructor(random: Random) {
    this.#random = random
  }

  /** In a row. */
  get failures(): number {
    return this.#failures
  }

  /** `at`: elapsed milliseconds, by a clock that nobody sets. */
  becameValid(at: number): void {
    this.#validSince ??= at
  }

  becameInvalid(at: number): void {
    if (this.#validSince !== undefined && at - this.#validSince >= STABLE_MS) this.#failures = 0
    this.#validSince = undefined
  }

  /** Counts one more failure. The first is repaired at once. */
  next(): { readonly action: ResyncAction; readonly delayMs: number } {
    const delayMs = this.#failures === 0 ? 0 : backoffDelay(this.#failures - 1, RESUBSCRIBE, this.#random)
    this.#failures++
    const rounds = this.#failures / FAILURES_BEFORE_RECONNECT
    return { action: Number.isInteger(Math.log2(rounds)) && rounds >= 1 ? 'reconnect' : 'resubscribe', delayMs }
  }

  /** Wait before the REST snapshot is asked for once more. Milliseconds. */
  refetchDelay(attempt: number): number {
    return backoffDelay(attempt, REFETCH, this.#random)
  }
}
