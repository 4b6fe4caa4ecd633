import type { Gap } from './gap.ts'
import { compareGaps, decideGap, gapKey, withoutTrades, type GapDecision } from './stored-gaps.ts'

/**
 * Gaps by stream and key, up to a bound: beyond it filled ones give way first, the oldest first, and then the oldest that are open.
 */
export class GapBook {
  readonly #max: number
  readonly #open = new Map<string, Gap>()
  /** They stay, so that a late copy of the open one does not open it again. */
  readonly #filled = new Map<string, Gap>()
  #evicted = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#open.size + this.#filled.size
  }

  get evicted(): number {
    return this.#evicted
  }

  save(gap: Gap): GapDecision {
    const key = JSON.stringify([gap.stream, gapKey(gap)])
    const decision = decideGap(this.#filled.get(key) ?? this.#open.get(key), gap)
    if (decision === 'keep') return decision
    if (gap.filled) this.#open.delete(key)
    const place = gap.filled ? this.#filled : this.#open
    place.set(key, withoutTrades(gap))
    if (this.size > this.#max) this.#evict()
    return decision
  }

  /** Oldest first. */
  open(stream: string): readonly Gap[] {
    return [...this.#open.values()].filter((gap) => gap.stream === stream).sort(compareGaps)
  }

  clear(): void {
    this.#open.clear()
    this.#filled.clear()
  }

  #evict(): void {
    for (const place of [this.#filled, this.#open])
      for (const key of place.keys()) {
        place.delete(key)
        this.#evicted++
        return
      }
  }
}
