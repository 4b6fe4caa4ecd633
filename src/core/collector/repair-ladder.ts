import { backoffDelay, type BackoffPolicy } from '../backoff.ts'
import type { Random } from '../../ports/random.ts'

/** From the smallest: this subscription, its connection, the collector. Then again from the beginning. */
const STEPS = ['resubscribe', 'reconnect', 'restart'] as const
export type RepairStep = (typeof STEPS)[number]

const DELAY: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 }
/** Data for this long after a repair: the next trouble is a new story. Milliseconds. */
const STABLE_MS = 60_000

/** What is done about a stale stream, the smallest repair first. Outlives restarts: the next step follows the last one. */
export class RepairLadder {
  readonly #random: Random
  #taken = 0
  #total = 0

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
   * @param flowedMs how long data came since the last repair.
   * @param isProven only proof that the market moves justifies more than to subscribe again.
   */
  next(flowedMs: number, isProven: boolean): { readonly step: RepairStep; readonly delayMs: number } {
    if (flowedMs >= STABLE_MS) this.#taken = 0
    const delayMs = this.#taken === 0 ? 0 : backoffDelay(this.#taken - 1, DELAY, this.#random)
    const step = isProven ? (STEPS[this.#taken % STEPS.length] ?? 'resubscribe') : 'resubscribe'
    this.#taken++
    this.#total++
    return { step, delayMs }
  }
}
