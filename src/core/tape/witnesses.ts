/** So many exchange times together are believed; a single one, or two, may be damaged. */
export const WITNESSES = 3

/**
 * The time that at least {@link WITNESSES} trades have reached: the third latest of all. Those beyond `limit` do not count: nothing can
 * have been traded in the future.
 */
export class ReachedTime {
  readonly #limit: number
  /** Ascending. */
  readonly #latest: number[] = []

  constructor(limit: number, times: Iterable<number> = []) {
    this.#limit = limit
    for (const time of times) this.add(time)
  }

  add(time: number): void {
    if (time > this.#limit) return
    if (this.#latest.length === WITNESSES && time <= (this.#latest[0] ?? time)) return
    this.#latest.push(time)
    this.#latest.sort((a, b) => a - b)
    if (this.#latest.length > WITNESSES) this.#latest.shift()
  }

  /** `-Infinity` while there are fewer. */
  get value(): number {
    return this.#latest.length < WITNESSES ? -Infinity : (this.#latest[0] ?? -Infinity)
  }
}
