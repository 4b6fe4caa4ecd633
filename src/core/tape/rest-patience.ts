import type { IdValue } from '../../domain/trade-id.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'

const RETRY: BackoffPolicy = { baseMs: 500, capMs: 5_000 }
/** REST may lag behind the socket: an answer without the trades is not believed the first times. */
const MIN_READINGS = 3
/** A request under way gets this long when the hole's time is up. */
const LAST_REQUEST_MS = 5_000
/** REST may fail and answer in turns: a trade that has waited for `repairTimeoutMs` and this much more waits no longer. */
const MORE_IN_TURNS_MS = 8_000

/** How long a hole is tried for. Only what fails counts against it, not its time in the queue behind other streams' repairs. */
export class RestPatience {
  readonly #clock: Clock
  readonly #random: Random
  readonly #timeoutMs: number
  /** The last hole was given up because REST did not answer, or not with what it should know by now. */
  isRestDown: boolean
  /** Where the hole ends that is being tried. */
  #last: IdValue | undefined
  /** Elapsed time since when it fails; undefined while it does not. */
  #since: number | undefined
  /** How long it has failed before: REST may come and go. */
  #spentMs = 0
  #times = 0
  /** Elapsed time at which REST last failed, and at which a range was last read to its end. */
  #failedAt = -Infinity
  #doneAt = -Infinity

  constructor(clock: Clock, random: Random, timeoutMs: number, hasRest: boolean) {
    this.#clock = clock
    this.#random = random
    this.#timeoutMs = timeoutMs
    this.isRestDown = !hasRest
  }

  /** The hole that ends here is tried now. */
  turnTo(last: IdValue): void {
    if (this.#last === last) return
    this.#last = last
    this.#since = undefined
    this.#spentMs = 0
    this.#times = 0
  }

  /** A range was read to its end. */
  done(): void {
    this.#spentMs = this.#failedForMs
    this.#since = undefined
    this.#times = 0
    this.#doneAt = this.#clock.elapsed()
  }

  /** Something of a range is missing still. @param since elapsed time at which the request that failed was sent. */
  failed(since = this.#clock.elapsed()): void {
    this.#failedAt = this.#clock.elapsed()
    this.#since ??= since
    this.#times++
  }

  /**
   * How long the next reading may take. A REST that has not failed may have others to serve first: it is waited for.
   *
   * @param waitMs how long the trade that waits longest has waited.
   */
  readingMs(waitMs: number): number | undefined {
    const now = this.#clock.elapsed()
    const hasFailed = now - this.#failedAt <= 2 * this.#timeoutMs
    // A repair that was broken off, and begins again, has not failed.
    const isLate = waitMs > this.#timeoutMs && this.#doneAt < now - waitMs
    if (!hasFailed && !isLate) return undefined
    const leftMs = Math.min(this.#timeoutMs - this.#failedForMs, this.#timeoutMs + MORE_IN_TURNS_MS - waitMs)
    return Math.max(0, leftMs) + LAST_REQUEST_MS
  }

  /** The same where nobody else is served first: what hangs has failed. */
  mostMs(waitMs: number): number {
    return this.readingMs(waitMs) ?? Math.max(LAST_REQUEST_MS, this.#timeoutMs + MORE_IN_TURNS_MS - waitMs)
  }

  /** Others have failed while this one waited for its turn, as long as a trade waits. */
  isHopeless(waitMs: number): boolean {
    return this.isRestDown && waitMs >= this.#timeoutMs + MORE_IN_TURNS_MS
  }

  /** Whether a hole whose reading failed is given up. @param isDoubtful whether it may not exist: then it gets its whole time. */
  isOver(waitMs: number, isAnswered: boolean, isDoubtful: boolean): boolean {
    if (waitMs >= this.#timeoutMs + MORE_IN_TURNS_MS) return true
    if (this.#failedForMs < this.#timeoutMs) return this.isRestDown && !isDoubtful
    return this.isRestDown || !isAnswered || this.#times >= MIN_READINGS
  }

  /** Until the next try. */
  pauseMs(): number {
    const delayMs = backoffDelay(this.#times - 1, RETRY, this.#random)
    const leftMs = this.#timeoutMs - this.#failedForMs
    return leftMs > 0 ? Math.min(delayMs, leftMs) : delayMs
  }

  get #failedForMs(): number {
    return this.#spentMs + (this.#since === undefined ? 0 : this.#clock.elapsed() - this.#since)
  }
}
