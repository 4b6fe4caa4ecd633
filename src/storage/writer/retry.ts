import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'

const POLICY: BackoffPolicy = { baseMs: 250, capMs: 30_000 }

/** When something that failed is tried again: full jitter below a ceiling that doubles from 250 ms to 30 s. */
export class Retry {
  readonly #clock: Clock
  readonly #random: Random
  #attempt = 0
  #at: number | undefined

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Not before as much time has elapsed; undefined: at once. */
  get at(): number | undefined {
    return this.#at
  }

  get isDue(): boolean {
    return this.#at === undefined || this.#clock.elapsed() >= this.#at
  }

  failed(): void {
    this.#at = this.#clock.elapsed() + backoffDelay(this.#attempt, POLICY, this.#random)
    this.#attempt++
  }

  succeeded(): void {
    this.#attempt = 0
    this.#at = undefined
  }
}
