import type { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { KindOutcome } from './store-round.ts'
import { Retry } from './retry.ts'

/** Whether one kind of rows can be stored, and when that is tried again. */
export class Outage {
  /** Epoch milliseconds. */
  since: number | undefined
  /** The last one; it stays when all is well again. */
  error: DatabaseOperationError | undefined
  /** Somebody closed the repository: it never comes back. */
  isFinal = false
  /** The outage has been told. */
  isTold = false

  readonly #clock: Clock
  readonly #retry: Retry
  /** Elapsed milliseconds. */
  #beganAt: number | undefined
  #workedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#retry = new Retry(clock, random)
  }

  get isAway(): boolean {
    return this.since !== undefined
  }

  /** How long it has been away, milliseconds. */
  get ageMs(): number {
    return this.#beganAt === undefined ? 0 : this.#clock.elapsed() - this.#beganAt
  }

  get retryAt(): number | undefined {
    return this.#retry.at
  }

  get isDue(): boolean {
    return !this.isFinal && this.#retry.isDue
  }

  /** It works, and has stored something in the last `withinMs` milliseconds. */
  hasWorked(withinMs: number): boolean {
    return !this.isAway && this.#clock.elapsed() - this.#workedAt < withinMs
  }

  /** Somebody waits: it is asked at once, and the back-off begins anew. */
  hurry(): void {
    this.#retry.succeeded()
  }

  /** After each round. Where some rows were stored and others are only doubted, it is worth trying again soon. */
  note({ stop, attempts, resolved }: KindOutcome): void {
    if (attempts === 0) return
    if (stop === undefined || resolved > 0) this.#workedAt = this.#clock.elapsed()
    if (stop === undefined || (resolved > 0 && stop.is === 'held')) this.#retry.succeeded()
    if (stop === undefined) {
      this.since = this.#beganAt = undefined
      this.isTold = false
      return
    }
    this.#retry.failed()
    this.error = stop.error
    this.isFinal = stop.is === 'closed'
    this.since ??= this.#clock.now()
    this.#beganAt ??= this.#clock.elapsed()
  }
}
