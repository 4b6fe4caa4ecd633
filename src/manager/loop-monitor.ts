import type { Cancel, Clock } from '../ports/clock.ts'

const SAMPLE_MS = 500

/** How late timers fire, which is how long the event loop is kept busy at a time. Milliseconds; null before the first sample. */
export interface LoopDelay {
  readonly mean: number | null
  readonly max: number | null
}

/** Measures by a timer every half second, while it runs. */
export class LoopMonitor {
  readonly #clock: Clock
  #cancel: Cancel | undefined
  #samples = 0
  #sum = 0
  #max = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(): void {
    this.stop()
    this.beginWindow()
    this.#arm()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** Forgets what was measured so far. */
  beginWindow(): void {
    this.#samples = 0
    this.#sum = 0
    this.#max = 0
  }

  get delay(): LoopDelay {
    return this.#samples === 0 ? { mean: null, max: null } : { mean: this.#sum / this.#samples, max: this.#max }
  }

  #arm(): void {
    const due = this.#clock.elapsed() + SAMPLE_MS
    this.#cancel = this.#clock.after(SAMPLE_MS, () => {
      const late = Math.max(0, this.#clock.elapsed() - due)
      this.#samples++
      this.#sum += late
      this.#max = Math.max(this.#max, late)
      this.#arm()
    })
  }
}
