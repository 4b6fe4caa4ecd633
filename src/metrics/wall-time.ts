import type { Clock } from '../ports/clock.ts'

/** Less is the clock being slewed, not stepped. Milliseconds. */
const STEP_MS = 1_000

/**
 * How long ago by this machine's wall clock the exchange stamped something, though that clock may be stepped at any moment. After a step
 * what the clock showed before, carried on by elapsed time, and what it shows now are two opinions; the one by which data took less
 * long is believed, because one that is wrong by a step is wrong by far more than data takes.
 */
export class WallTime {
  readonly #clock: Clock
  /** What the wall clock showed when elapsed time was 0, as far as it is believed. */
  #offset: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offset = clock.now() - clock.elapsed()
  }

  /** Milliseconds since `timestamp`; below 0 where the exchange's clock is ahead of ours. */
  since(timestamp: number, elapsed: number): number {
    const now = this.#clock.now()
    const believed = this.#offset + elapsed
    const isStepped = Math.abs(now - believed) >= STEP_MS
    if (isStepped && Math.abs(believed - timestamp) <= Math.abs(now - timestamp)) return believed - timestamp
    this.#offset = now - elapsed
    return now - timestamp
  }
}
