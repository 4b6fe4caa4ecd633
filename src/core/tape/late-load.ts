import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import { sleep, type Cancel, type Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'

const LOAD_TIMEOUT_MS = 5_000
const AGAIN: BackoffPolicy = { baseMs: 1_000, capMs: 30_000 }
/** Below this even an unlucky draw does not go. */
const LEAST_MS = 500

/** A store that hangs costs what is stored there, and not the market. */
export async function loadInTime<T>(what: string, load: () => Promise<T>, clock: Clock): Promise<T> {
  const loaded = new AbortController()
  const late = sleep(clock, LOAD_TIMEOUT_MS, loaded.signal).then(() => {
    throw new TapekeeperError('CURSOR_FAILED', `${what} did not come within ${LOAD_TIMEOUT_MS} ms`)
  })
  const begun = async (): Promise<T> => load()
  try {
    return await Promise.race([begun(), late])
  } finally {
    loaded.abort(new TapekeeperError('ABORTED', `${what} is there`))
  }
}

/** Asks a store beside everything else, again and again until it answers. */
export class LateLoad<T> {
  readonly #clock: Clock
  readonly #random: Random
  readonly #load: () => Promise<T>
  readonly #onLoaded: (loaded: T) => void
  #isPending = false
  #cancel: Cancel | undefined

  constructor(world: { readonly clock: Clock; readonly random: Random }, load: () => Promise<T>, onLoaded: (loaded: T) => void) {
    this.#clock = world.clock
    this.#random = world.random
    this.#load = load
    this.#onLoaded = onLoaded
  }

  /** What is stored is not known, and must not be overwritten. */
  get isPending(): boolean {
    return this.#isPending
  }

  begin(): void {
    this.#isPending = true
    this.#askLater(0)
  }

  /** What is under way comes to nothing; `resume` asks again. */
  pause(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  resume(): void {
    if (this.#isPending) this.#askLater(0)
  }

  #askLater(attempt: number): void {
    const cancel = this.#clock.after(LEAST_MS + backoffDelay(attempt, AGAIN, this.#random), () => {
      const isCurrent = (): boolean => this.#cancel === cancel
      this.#load().then(
        (loaded) => {
          if (!isCurrent()) return
          this.#isPending = false
          this.#cancel = undefined
          this.#onLoaded(loaded)
        },
        () => {
          if (isCurrent()) this.#askLater(attempt + 1)
        },
      )
    })
    this.#cancel = cancel
  }
}
