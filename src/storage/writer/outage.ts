import type { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { Retry } from './retry.ts'
import type { RoundOutcome } from './store-round.ts'

/** Whether the repository takes rows, and when it is asked again. */
export class Outage {
  /** Epoch milliseconds. */
  since: number | undefined
  lastError: string | undefined
  /** Somebody closed the repository: it never comes back. */
  isFinal = false

  readonly #clock: Clock
  readonly #retry: Retry
  readonly #onBegin: (error: DatabaseOperationError) => void

  constructor(clock: Clock, random: Random, onBegin: (error: DatabaseOperationError) => void) {
    this.#clock = clock
    this.#retry = new Retry(clock, random)
    this.#onBegin = onBegin
  }

  get isAway(): boolean {
    return this.since !== undefined
  }

  get retryAt(): number | undefined {
    return this.#retry.at
  }

  get isDue(): boolean {
    return !this.isFinal && this.#retry.isDue
  }

  /** Somebody waits: it is asked at once, and the back-off begins anew. */
  hurry(): void {
    this.#retry.succeeded()
  }

  /** After each round. Where some rows were stored and others were not, it is worth trying again soon. */
  note({ stop, attempts, resolved }: Pick<RoundOutcome, 'stop' | 'attempts' | 'resolved'>): void {
    if (attempts === 0) return
    if (stop === undefined || resolved.size > 0) this.#retry.succeeded()
    if (stop === undefined) {
      this.since = undefined
      return
    }
    this.#retry.failed()
    this.lastError = stop.error.message
    this.isFinal = stop.is === 'closed'
    if (this.since !== undefined) return
    this.since = this.#clock.now()
    this.#onBegin(stop.error)
  }
}
