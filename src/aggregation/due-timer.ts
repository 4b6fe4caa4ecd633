import type { Cancel, Clock } from '../ports/clock.ts'

/** One timer for what is due next; what is due earlier takes the place of what is due later. */
export class DueTimer {
  readonly #clock: Clock
  readonly #onDue: () => void
  #cancel: Cancel | undefined
  #dueAt = Infinity

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** When it will go off, epoch milliseconds; Infinity when it will not. */
  get dueAt(): number {
    return this.#dueAt
  }

  arm(dueAt: number | undefined): void {
    if (dueAt === undefined || dueAt >= this.#dueAt) return
    this.cancel()
    this.#dueAt = dueAt
    this.#cancel = this.#clock.after(Math.max(0, Math.ceil(dueAt - this.#clock.now())), () => {
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
