import type { Cancel, Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import type { TradePoint } from './continuity.ts'
import type { Gap } from '../../domain/gap.ts'
import { fillHole, missingIn, type PageBefore } from './hole-filler.ts'

const LATER: BackoffPolicy = { baseMs: 10_000, capMs: 300_000 }
const ATTEMPTS = 12
/** More gaps than this are not pursued at a time; the oldest is dropped from the list, never from the record. */
const MOST = 1_000
const NEVER_TOO_OLD = 0

interface Pursuit {
  readonly gap: Gap
  attempt: number
}

/** Goes after gaps that were declared, one at a time and ever more rarely, and tells when one was filled after all. */
export class LateFiller {
  readonly #world: { readonly clock: Clock; readonly random: Random; readonly pageBefore: PageBefore | undefined }
  readonly #onFilled: (gap: Gap, trades: readonly TradePoint[]) => void
  #pursuits: Pursuit[] = []
  #cancel: Cancel | undefined
  #ending = new AbortController()

  constructor(
    world: { readonly clock: Clock; readonly random: Random; readonly pageBefore: PageBefore | undefined },
    onFilled: (gap: Gap, trades: readonly TradePoint[]) => void,
  ) {
    this.#world = world
    this.#onFilled = onFilled
  }

  add(gap: Gap): void {
    if (this.#world.pageBefore === undefined) return
    this.#pursuits = [...this.#pursuits, { gap, attempt: 0 }].slice(-MOST)
    this.#schedule()
  }

  /** Pauses; `resume` goes on with the same gaps. */
  stop(): void {
    this.#ending.abort()
    this.#cancel?.()
    this.#cancel = undefined
  }

  resume(): void {
    this.#ending = new AbortController()
    this.#schedule()
  }

  forgetAll(): void {
    this.#pursuits = []
    const isStopped = this.#ending.signal.aborted
    this.stop()
    if (!isStopped) this.resume()
  }

  #schedule(): void {
    const [next] = this.#pursuits
    if (next === undefined || this.#cancel !== undefined || this.#ending.signal.aborted) return
    const { clock, random } = this.#world
    this.#cancel = clock.after(LATER.baseMs / 2 + backoffDelay(next.attempt, LATER, random), () => void this.#pursue(next))
  }

  async #pursue(pursuit: Pursuit): Promise<void> {
    const { signal } = this.#ending
    const { gap } = pursuit
    const hole = { first: Number(gap.fromId), last: Number(gap.toId) }
    const { pageBefore } = this.#world
    const found = pageBefore === undefined ? [] : await this.#read(hole, pageBefore, signal)
    if (signal.aborted) return
    this.#cancel = undefined
    this.#pursuits = this.#pursuits.filter((other) => other !== pursuit)
    if (missingIn(hole, found).length === 0) this.#onFilled(gap, found)
    else if (++pursuit.attempt < ATTEMPTS) this.#pursuits.push(pursuit)
    this.#schedule()
  }

  async #read(
    hole: { first: number; last: number },
    pageBefore: PageBefore,
    signal: AbortSignal,
  ): Promise<readonly TradePoint[]> {
    try {
      return (await fillHole(hole, pageBefore, NEVER_TOO_OLD, signal)).found
    } catch {
      return [] // Only when it was stopped.
    }
  }
}
