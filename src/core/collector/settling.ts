import type { Clock } from '../../ports/clock.ts'

/** Waits until subscriptions are confirmed or rejected. */
export class Settling {
  readonly #clock: Clock
  readonly #isPending: () => boolean
  #onChange: () => void = () => undefined

  /** @param isPending whether one of them is neither. */
  constructor(clock: Clock, isPending: () => boolean) {
    this.#clock = clock
    this.#isPending = isPending
  }

  /** One of them was. */
  changed(): void {
    this.#onChange()
  }

  /** Until none is pending any more, the time is up, or the signal aborts. */
  async wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#isPending() || signal?.aborted === true) return
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel()
        signal?.removeEventListener('abort', finish)
        this.#onChange = () => undefined
        resolve()
      }
      const cancel = this.#clock.after(timeoutMs, finish)
      signal?.addEventListener('abort', finish, { once: true })
      this.#onChange = () => {
        if (!this.#isPending()) finish()
      }
    })
  }
}
