import type { Cancel, Clock } from '../ports/clock.ts'

/** One timer for what is due next; what is due earlier takes the place of what is due later. */
export class DueTimer {
  readonly #clock: Clock
  readonly #onDue: () => void
  #cancel: Cancel | undefined
  /** Elapsed time; Infinity when it will not go off. */
  #dueAt = Infinity

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** Whether its time has come, also when the timer is late. */
  get isDue(): boolean {
    return this.#clock.elapsed() >= this.#dueAt
  }

  /** @param delayMs from now, elapsed time; `undefined` changes nothing. */
  arm(delayMs: number | undefined): void {
    if (delayMs === undefined) return
    const delay = Math.max(0, Math.ceil(delayMs))
    const dueAt = this.#clock.elapsed() + delay
    if (dueAt >= this.#dueAt) return
    this.cancel()
    this.#dueAt = dueAt
    this.#cancel = this.#clock.after(delay, () => {
      this.cancel()
      this.#onDue()
    })
  }

  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#dueAt = Infinity
  }
}
