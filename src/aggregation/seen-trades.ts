import { idPlus, idValue, type IdValue } from '../domain/trade-id.ts'
import type { AggregatorSnapshot } from './aggregator-snapshot.ts'
import { IdRanges, type Overlap } from './id-ranges.ts'

type SeenSnapshot = AggregatorSnapshot['seen']

/** Clocks of exchanges may be ahead of ours. */
const MARGIN_MS = 60_000

/**
 * The ids of the trades of the last `windowMs`, and not for ever: two generations, of which the older one is forgotten when the younger
 * one is as old as the window. Ids that count, whatever their size, are kept as ranges, so that a dense stream costs nothing.
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
    this.#youngIds = restore(this.#young, snapshot.young)
    this.#oldIds = restore(this.#old, snapshot.old)
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

  /**
   * Which of the ids were there before. Where none was, they are from now on.
   *
   * @param number the id's `idNumber`.
   */
  see(id: string, number: number, count: number): Overlap {
    if (number === number) return this.#seeRange(number - count + 1, number)
    const last = idValue(id)
    if (last !== undefined) return this.#seeRange(idPlus(last, 1 - count), last)
    if (this.#youngIds.has(id) || this.#oldIds.has(id)) return 'all'
    this.#youngIds.add(id)
    return 'none'
  }

  snapshot(): SeenSnapshot {
    return {
      since: this.#since === this.#since ? this.#since : null,
      young: { ranges: this.#young.ranges.map(rangeToJson), ids: [...this.#youngIds] },
      old: { ranges: this.#old.ranges.map(rangeToJson), ids: [...this.#oldIds] },
    }
  }

  #seeRange(from: IdValue, to: IdValue): Overlap {
    const before = this.#old.overlap(from, to)
    if (before !== 'none') return before
    if (this.#young.extend(from, to)) return 'none'
    const now = this.#young.overlap(from, to)
    if (now === 'none') this.#young.add(from, to)
    return now
  }
}

/** @returns the ids that do not count. */
function restore(into: IdRanges, { ranges, ids }: SeenSnapshot['young']): Set<string> {
  for (const [from, to] of ranges) into.add(valueOf(from), valueOf(to))
  const texts = new Set<string>()
  for (const id of ids) {
    // Large ids that count stood here once.
    const value = idValue(id)
    if (value === undefined) texts.add(id)
    else if (into.overlap(value, value) === 'none') into.add(value, value)
  }
  return texts
}

/** JSON has no large integers: those are text. */
const toJson = (id: IdValue): number | string => (typeof id === 'number' ? id : String(id))
const rangeToJson = ([from, to]: readonly [IdValue, IdValue]): [number | string, number | string] => [toJson(from), toJson(to)]
const valueOf = (id: number | string): IdValue => (typeof id === 'number' ? id : BigInt(id))
