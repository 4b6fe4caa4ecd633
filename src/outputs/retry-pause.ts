import { backoffDelay, type BackoffPolicy } from '../ports/backoff.ts'
import type { Cancel, Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'

export const RETRY: BackoffPolicy = { baseMs: 100, capMs: 10_000 }

/** The wait before the next attempt, which may be cut short. */
export class RetryPause {
  readonly #clock: Clock
  readonly #random: Random
  #end: Cancel | undefined

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  wait(attempt: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(backoffDelay(attempt, RETRY, this.#random), () => this.end())
      this.#end = () => {
        cancel()
        this.#end = undefined
        resolve()
      }
    })
  }

  end(): void {
    this.#end?.()
  }
}
