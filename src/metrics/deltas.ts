/**
 * Totals to increments: how much a total has grown since it was last looked at. A total that has fallen gives none, so what is
 * counted from it never falls.
 */
export class Deltas {
  readonly #seen = new Map<string, number>()

  /** `total` is what `key` has come to by now. */
  take(key: string, total: number): number {
    if (!Number.isFinite(total)) return 0
    const increment = Math.max(0, total - (this.#seen.get(key) ?? 0))
    this.#seen.set(key, total)
    return increment
  }
}
