import type { AggregatorSnapshot } from './aggregator-snapshot.ts'
import { IdRanges, type Overlap } from './id-ranges.ts'

type SeenSnapshot = AggregatorSnapshot['seen']

/** Clocks of exchanges may be ahead of ours. */
const MARGIN_MS = 60_000

/**
 * The ids of the trades of the last `windowMs`, and not for ever: two generations, of which the older one is forgotten when the younger
 * one is as old as the window. Ids that are numbers are kept as ranges, so that a dense stream costs nothing.
 */
export class SeenTrades {
  readonly #windowMs: number
  #since = NaN
  #young = new IdRanges()
  #old = new IdRanges()
  #youngIds = new Set<string>()
  #oldIds = new Set<string>()

  constructor(windowMs: number, snapshot?: SeenSnapshot) {
    this.#windowMs = windowMs + MARGIN_MS
    if (snapshot === undefined) return
    this.#since = snapshot.since ?? NaN
    for (const [from, to] of snapshot.young.ranges) this.#young.add(from, to)
    for (const [from, to] of snapshot.old.ranges) this.#old.add(from, to)
    this.#youngIds = new Set(snapshot.young.ids)
    this.#oldIds = new Set(snapshot.old.ids)
  }

  /** When `advance` has something to forget, epoch milliseconds. */
  get nextAt(): number {
    return this.#since === this.#since ? this.#since + this.#windowMs : -Infinity
  }

  advance(now: number): void {
    if (now < this.nextAt) return
    if (this.#since === this.#since) {
      ;[this.#old, this.#young] = [this.#young, new IdRanges()]
      ;[this.#oldIds, this.#youngIds] = [this.#youngIds, new Set()]
    }
    this.#since = now
  }

  /** Which of the ids were there before. Where none was, they are from now on. */
  see(id: string, number: number, count: number): Overlap {
    if (number === number) {
      const from = number - count + 1
      const before = this.#old.overlap(from, number)
      if (before !== 'none') return before
      if (this.#young.extend(from, number)) return 'none'
      const now = this.#young.overlap(from, number)
      if (now === 'none') this.#young.add(from, number)
      return now
    }
    if (this.#youngIds.has(id) || this.#oldIds.has(id)) return 'all'
    this.#youngIds.add(id)
    return 'none'
  }

  snapshot(): SeenSnapshot {
    return {
      since: this.#since === this.#since ? this.#since : null,
      young: { ranges: this.#young.ranges, ids: [...this.#youngIds] },
      old: { ranges: this.#old.ranges, ids: [...this.#oldIds] },
    }
  }
}
