import type { Cancel, Clock } from '../../ports/clock.ts'

/** The timers of one thing, by what they are for: at most one of each, and all of them end together. */
export class NamedTimers<N extends string> {
  readonly #clock: Clock
  readonly #cancels = new Map<N, Cancel>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Ends the timer of this name, if there is one, and starts another. */
  set(name: N, delayMs: number, callback: () => void): void {
    this.cancel(name)
    this.#cancels.set(name, this.#clock.after(Math.max(0, delayMs), callback))
  }

  /** Something else that is to end with the timers. */
  keep(name: N, cancel: Cancel): void {
    this.#cancels.set(name, cancel)
  }

  cancel(name: N): void {
    this.#cancels.get(name)?.()
    this.#cancels.delete(name)
  }

  clear(): void {
    const cancels = [...this.#cancels.values()]
    this.#cancels.clear()
    for (const cancel of cancels) cancel()
  }
}
