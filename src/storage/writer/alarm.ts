import type { Cancel, Clock } from '../../ports/clock.ts'

/** One timer, which rings at the earliest time that it was set to. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #set: { readonly at: number; readonly cancel: Cancel } | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** @param at elapsed milliseconds, as the clock counts them; infinity: needs not ring. */
  setTo(at: number): void {
    if (at === Number.POSITIVE_INFINITY || (this.#set !== undefined && this.#set.at <= at)) return
    this.#set?.cancel()
    const cancel = this.#clock.after(Math.max(0, at - this.#clock.elapsed()), () => {
      this.#set = undefined
      this.#ring()
    })
    this.#set = { at, cancel }
  }

  off(): void {
    this.#set?.cancel()
    this.#set = undefined
  }
}
