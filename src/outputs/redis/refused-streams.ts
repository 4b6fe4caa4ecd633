import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'

const RETRY: BackoffPolicy = { baseMs: 1_000, capMs: 30_000 }

/** Streams that cannot be read, each with a back-off of its own. */
export class RefusedStreams {
  readonly #clock: Clock
  readonly #random: Random
  /** When each is tried again, elapsed milliseconds. */
  readonly #streams = new Map<string, { attempt: number; dueAt: number }>()

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  get count(): number {
    return this.#streams.size
  }

  has(stream: string): boolean {
    return this.#streams.has(stream)
  }

  due(): readonly string[] {
    const now = this.#clock.elapsed()
    return [...this.#streams].filter(([, { dueAt }]) => dueAt <= now).map(([stream]) => stream)
  }

  answered(stream: string): void {
    this.#streams.delete(stream)
  }

  /** @returns true when it was not refused before. */
  refused(stream: string): boolean {
    const known = this.#streams.get(stream)
    const attempt = known === undefined ? 0 : known.attempt + 1
    this.#streams.set(stream, { attempt, dueAt: this.#clock.elapsed() + backoffDelay(attempt, RETRY, this.#random) })
    return known === undefined
  }
}
