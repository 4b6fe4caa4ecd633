import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import type { Random } from '../../ports/random.ts'

/** From the smallest: this subscription, its connection, the collector. Then again from the beginning. */
const STEPS = ['resubscribe', 'reconnect', 'restart'] as const
export type RepairStep = (typeof STEPS)[number]

const DELAY: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 }
/** After so much data since a repair, or after any at all and so long a time, the next trouble is a new story. Milliseconds. */
const FLOWED_MS = 60_000
const FORGOTTEN_MS = 600_000

/** What is done about a stale stream, the smallest repair first. Outlives restarts: the next step follows the last one. */
export class RepairLadder {
  readonly #random: Random
  #taken = 0
  #total = 0
  #lastAt = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Repairs so far. */
  get total(): number {
    return this.#total
  }

  /**
   * The next step, and how long to wait before it. The first is taken at once.
   *
   * @param elapsed now, by elapsed time.
   * @param flowedMs how long data came since the last repair.
   * @param most the largest step that is justified.
   */
  next(elapsed: number, flowedMs: number, most: RepairStep): { readonly step: RepairStep; readonly delayMs: number } {
    // Time alone heals nothing: in a slow market it takes minutes to find that a repair did not help.
    if (flowedMs >= FLOWED_MS || (flowedMs > 0 && elapsed - this.#lastAt >= FORGOTTEN_MS)) this.#taken = 0
    this.#lastAt = elapsed
    const delayMs = this.#taken === 0 ? 0 : backoffDelay(this.#taken - 1, DELAY, this.#random)
    const step = STEPS[this.#taken % (STEPS.indexOf(most) + 1)] ?? 'resubscribe'
    this.#taken++
    this.#total++
    return { step, delayMs }
  }
}
