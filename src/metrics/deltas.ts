/**
 * Totals to increments: how much a total has grown since it was last looked at. What is counted from it never falls: a total that
 * has fallen was corrected, and gives none, or it has started again from 0, and gives all of it.
 */
export class Deltas {
  readonly #seen = new Map<string, number>()

  /** `total` is what `key` has come to by now. */
  take(key: string, total: number, startsAgain = false): number {
    if (!Number.isFinite(total)) return 0
    const seen = this.#seen.get(key) ?? 0
    this.#seen.set(key, total)
    const from = startsAgain && total < seen ? 0 : seen
    return Math.max(0, total - from)
  }
}
