import type { ErrorCode } from '../../errors/consequence.ts'
import { occurrencesOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'

const WINDOW_MS = 10_000
const MOST_PER_WINDOW = 50

export interface FrameFaultHooks {
  readonly clock: Pick<Clock, 'elapsed'>
  /** Counts and emits. */
  report(error: TapekeeperError): void
  /** Counts alone. */
  count(code: ErrorCode, times: number): void
}

/**
 * Errors of frames: whoever sends them decides how many there are, so no more than fifty in ten seconds are emitted one by one. All are
 * counted at once; the first one of a later spell is preceded by how many were not emitted.
 */
export class FrameFaults {
  readonly #hooks: FrameFaultHooks
  #windowEnds = 0
  #emitted = 0
  #silent = 0
  #last: TapekeeperError | undefined

  constructor(hooks: FrameFaultHooks) {
    this.#hooks = hooks
  }

  add(error: TapekeeperError): void {
    // What nobody knows whose it was is told to each of a collector's subscriptions.
    if (error === this.#last) return
    this.#last = error
    const now = this.#hooks.clock.elapsed()
    if (now >= this.#windowEnds) {
      this.#windowEnds = now + WINDOW_MS
      this.#emitted = 0
      this.#summarize()
    }
    if (this.#emitted < MOST_PER_WINDOW) {
      this.#emitted++
      this.#hooks.report(error)
      return
    }
    const times = occurrencesOf(error)
    this.#silent += times
    this.#hooks.count(error.code, times)
  }

  #summarize(): void {
    if (this.#silent === 0) return
    const words = `${this.#silent} more faults in frames were counted and not reported one by one`
    // They have been counted already.
    this.#hooks.report(new TapekeeperError('FRAME_INVALID', words, { count: 0, unreported: this.#silent }))
    this.#silent = 0
  }
}
