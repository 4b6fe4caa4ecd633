import type { Cancel, Clock } from '../ports/clock.ts'

/** A forced stop waits for nothing; who needs longer than this hangs. */
const FORCED_MS = 1_000

/** A stop that is polite until its deadline, then forced, then left behind. */
export class PatientStop {
  /** Never rejects. */
  readonly done: Promise<void>
  readonly #stop: (force: boolean) => Promise<void>
  readonly #clock: Clock
  readonly #onFinished: () => void
  #resolve: () => void = () => undefined
  #asked = 0
  #isForced = false
  #forceAt = Number.POSITIVE_INFINITY
  #cancel: Cancel = () => undefined

  /** @param stop must not throw or reject. */
  constructor(stop: (force: boolean) => Promise<void>, clock: Clock, onFinished: () => void) {
    this.#stop = stop
    this.#clock = clock
    this.#onFinished = onFinished
    this.done = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** Asks, for the first time or again: what was started meanwhile is stopped too. A deadline only ever comes nearer; 0 forces. */
  ask(deadlineMs: number): void {
    if (deadlineMs <= 0) {
      this.#force()
      return
    }
    const at = this.#clock.elapsed() + deadlineMs
    if (at < this.#forceAt && !this.#isForced) {
      this.#forceAt = at
      this.#cancel()
      this.#cancel = this.#clock.after(deadlineMs, () => this.#force())
    }
    this.#call(this.#isForced)
  }

  /** It is over: it has stopped, hangs, or is wanted again. */
  finish(): void {
    this.#cancel()
    this.#onFinished()
    this.#resolve()
  }

  #force(): void {
    if (!this.#isForced) {
      this.#isForced = true
      this.#cancel()
      this.#cancel = this.#clock.after(FORCED_MS, () => this.finish())
    }
    this.#call(true)
  }

  #call(force: boolean): void {
    const number = ++this.#asked
    void this.#stop(force).then(() => {
      // The latest answer tells of what the earlier ones were asked for, too.
      if (number === this.#asked) this.finish()
    })
  }
}
