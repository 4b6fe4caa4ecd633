import { TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Clock } from '../ports/clock.ts'
import type { PublishFailure } from './output.ts'

/** What came of a call. `fault`: nobody knows what has arrived. Neither: all has. */
export interface PublishOutcome {
  readonly fault?: { readonly error: unknown } | undefined
  readonly failures?: readonly PublishFailure[] | undefined
}

/** Calls an output, one call at a time: whatever it does becomes an outcome, in time. */
export class Publishing {
  readonly #clock: Clock
  readonly #timeoutMs: number
  #abandon: () => void = () => undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  run(call: () => PromiseLike<unknown>): Promise<PublishOutcome> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(this.#timeoutMs, () =>
        resolve({ fault: { error: new TapekeeperError('OUTPUT_FAILED', `no answer within ${this.#timeoutMs} ms`) } }),
      )
      const settle = (outcome: PublishOutcome): void => {
        cancel()
        resolve(outcome)
      }
      this.#abandon = () => settle({})
      // Inside an async function, so that an output that throws instead of rejecting is no special case.
      const publish = async (): Promise<unknown> => call()
      publish().then(
        (failures) => settle({ failures: Array.isArray(failures) ? (failures as readonly PublishFailure[]) : [] }),
        (error: unknown) => settle({ fault: { error } }),
      )
    })
  }

  /** Waits no longer for the call that is under way. */
  abandon(): void {
    this.#abandon()
  }
}
