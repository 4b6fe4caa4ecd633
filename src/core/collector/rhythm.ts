/** Weight of the latest gap, once there have been enough. */
const WEIGHT = 1 / 32

/** How a stream's messages follow each other: the average gap between the last few dozen. */
export class Rhythm {
  #gaps = 0
  #meanMs = 0
  #lastAt: number | undefined

  /** Milliseconds between messages, on average; undefined before there were two. */
  get intervalMs(): number | undefined {
    return this.#gaps === 0 ? undefined : this.#meanMs
  }

  /** Gaps that were measured. */
  get gaps(): number {
    return this.#gaps
  }

  /** @param at by elapsed time, milliseconds. */
  note(at: number): void {
    if (this.#lastAt !== undefined) {
      this.#gaps++
      this.#meanMs += (at - this.#lastAt - this.#meanMs) * Math.max(WEIGHT, 1 / this.#gaps)
    }
    this.#lastAt = at
  }

  /** What comes next does not follow what came last: a pause between them is ours and not the stream's. */
  interrupt(): void {
    this.#lastAt = undefined
  }
}
