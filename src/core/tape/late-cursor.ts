import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import { sleep, type Cancel, type Clock } from '../../ports/clock.ts'
import type { CursorStore, TapeCursor } from '../../ports/cursor-store.ts'
import type { Random } from '../../ports/random.ts'

const LOAD_TIMEOUT_MS = 5_000
const AGAIN: BackoffPolicy = { baseMs: 1_000, capMs: 30_000 }
/** Below this even an unlucky draw does not go. */
const LEAST_MS = 500

/** A store that hangs costs the stored cursor, and not the market. */
export async function loadInTime(cursorStore: CursorStore, stream: string, clock: Clock): Promise<TapeCursor | undefined> {
  const loaded = new AbortController()
  const load = async (): Promise<TapeCursor | undefined> => cursorStore.load(stream)
  const late = sleep(clock, LOAD_TIMEOUT_MS, loaded.signal).then(() => {
    throw new TapekeeperError('CURSOR_FAILED', `the stored cursor did not come within ${LOAD_TIMEOUT_MS} ms`, { stream })
  })
  try {
    return await Promise.race([load(), late])
  } finally {
    loaded.abort(new TapekeeperError('ABORTED', 'the cursor is there'))
  }
}

/** Asks again for a stored cursor that could not be had in time, until it comes. The tape has begun without it meanwhile. */
export class LateCursor {
  readonly #clock: Clock
  readonly #random: Random
  readonly #load: () => Promise<TapeCursor | undefined>
  readonly #onLoaded: (cursor: TapeCursor | undefined) => void
  #isPending = false
  #cancel: Cancel | undefined

  constructor(
    world: { readonly clock: Clock; readonly random: Random },
    load: () => Promise<TapeCursor | undefined>,
    onLoaded: (cursor: TapeCursor | undefined) => void,
  ) {
    this.#clock = world.clock
    this.#random = world.random
    this.#load = load
    this.#onLoaded = onLoaded
  }

  /** The stored cursor is not known, and must not be overwritten. */
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
        (cursor) => {
          if (!isCurrent()) return
          this.#isPending = false
          this.#cancel = undefined
          this.#onLoaded(cursor)
        },
        () => {
          if (isCurrent()) this.#askLater(attempt + 1)
        },
      )
    })
    this.#cancel = cancel
  }
}
