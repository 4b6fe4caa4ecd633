import type { Clock } from '../../ports/clock.ts'

const NOBODY_WAITS = 'nobody waits for it any more'

/** Calls what others have written: a throw becomes a rejection, and so does an answer that does not come in time. */
export class Patience {
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #waits = new Set<() => void>()
  #isOver = false

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock
    this.#limitMs = limitMs
  }

  /** An answer that comes too late is thrown away. */
  run<T>(call: () => Promise<T>, limitMs = this.#limitMs): Promise<T> {
    if (this.#isOver) return Promise.reject(new Error(NOBODY_WAITS))
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        cancel()
        this.#waits.delete(giveUp)
      }
      const giveUp = (): void => {
        leave()
        reject(new Error(NOBODY_WAITS))
      }
      const cancel = this.#clock.after(limitMs, () => {
        leave()
        reject(new Error(`no answer within ${limitMs} ms`))
      })
      this.#waits.add(giveUp)
      // The executor's own fence: what `call` throws rejects, too.
      void Promise.resolve().then(call).finally(leave).then(resolve, reject)
    })
  }

  /** Nothing is waited for any more; no timer is left. */
  end(): void {
    this.#isOver = true
    for (const giveUp of [...this.#waits]) giveUp()
  }
}
