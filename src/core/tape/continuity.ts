import type { PointOf } from '../../domain/market-data.ts'

export type TradePoint = PointOf<'trade'>

/** Ids from `first` to `last`, both included. */
export interface IdRange {
  readonly first: number
  readonly last: number
}

interface Segment extends IdRange {
  readonly point: TradePoint
}

/** - `next`: deliver it now
 *  - `duplicate`: every id of it is known
 *  - `held`: it shows a hole, or lies behind one
 */
export type Verdict = 'next' | 'duplicate' | 'held'

/** The ids a trade stands for: a merged row of n fills carries the last one's id. Undefined when its id is no number we can count with. */
export function idsOf(point: TradePoint): IdRange | undefined {
  const last = Number(point.data.id)
  return Number.isSafeInteger(last) ? { first: last - (point.data.count ?? 1) + 1, last } : undefined
}

/**
 * The order of one trade stream whose ids follow each other without a break. A cursor stands on the last id that is settled
 * (delivered, or given up as a gap); what lies behind a hole waits. Knows no clock and no REST: it says what is next, what is
 * missing, and what is ready.
 */
export class Continuity {
  #cursor: number | undefined
  /** Behind the cursor, by id, without overlap. */
  #held: Segment[] = []
  /** The highest id known to exist. */
  #highest = -Infinity

  get cursor(): number | undefined {
    return this.#cursor
  }

  get heldCount(): number {
    return this.#held.length
  }

  /** Begins behind this id. */
  begin(id: number): void {
    this.#cursor = id
    this.#highest = id
    this.#held = []
  }

  /** Takes a trade in. The undisturbed path is the first two lines. */
  accept(point: TradePoint, { first, last }: IdRange): Verdict {
    this.#cursor ??= first - 1
    if (first === this.#cursor + 1 && this.#held.length === 0 && last > this.#highest) {
      this.#cursor = last
      this.#highest = last
      return 'next'
    }
    if (last <= this.#cursor) return 'duplicate'
    this.#highest = Math.max(this.#highest, last)
    return this.#insert({ first, last, point }) ? 'held' : 'duplicate'
  }

  /** What must be found before anything can go on. */
  get firstHole(): IdRange | undefined {
    const [hole] = this.#walkHoles()
    return hole
  }

  /** Everything that is missing, lowest ids first. */
  holes(): IdRange[] {
    return [...this.#walkHoles()]
  }

  get hasHole(): boolean {
    return this.#cursor !== undefined && this.#cursor < this.#highest
  }

  /** Trades that now follow the cursor, in order; the cursor moves behind them. */
  takeReady(): TradePoint[] {
    const ready: TradePoint[] = []
    for (const { first, last, point } of this.#held) {
      if (this.#cursor === undefined || first !== this.#cursor + 1) break
      ready.push(point)
      this.#cursor = last
    }
    this.#held.splice(0, ready.length)
    return ready
  }

  /** Gives up ids up to and with `last`: they will not be waited for any more. */
  skipTo(last: number): void {
    this.#cursor = last
  }

  /** Forgets a held trade that turned out not to be one, and what it made us believe to exist. */
  forget(isWrong: (ids: IdRange) => boolean): number {
    const before = this.#held.length
    this.#held = this.#held.filter((segment) => !isWrong(segment))
    this.#highest = this.#held.at(-1)?.last ?? this.#cursor ?? -Infinity
    return before - this.#held.length
  }

  /** The first trade waiting behind the cursor. */
  get nextHeld(): TradePoint | undefined {
    return this.#held[0]?.point
  }

  *#walkHoles(): Generator<IdRange, undefined> {
    if (this.#cursor === undefined) return
    let expected = this.#cursor + 1
    for (const { first, last } of this.#held) {
      if (first > expected) yield { first: expected, last: first - 1 }
      expected = last + 1
    }
    if (expected <= this.#highest) yield { first: expected, last: this.#highest }
  }

  /** False when nothing of it is new, or when it overlaps what is known and cannot be taken apart (its ids then count as a hole). */
  #insert(segment: Segment): boolean {
    const { first, last } = segment
    if (this.#cursor !== undefined && first <= this.#cursor) return false
    // Searched from the end: what arrives is nearly always the newest.
    const from = this.#held.findLastIndex((other) => other.last < first) + 1
    let to = from
    for (let other = this.#held[to]; other !== undefined && other.first <= last; other = this.#held[to]) to++
    const overlapped = this.#held.slice(from, to)
    // A merged live row replaces single fills read from REST, so that what was pushed together is delivered together.
    const coversAll = overlapped.every((other) => other.first >= first && other.last <= last)
    const isKnown = overlapped.some((other) => other.first <= first && other.last >= last)
    if (isKnown || !coversAll) return false
    this.#held.splice(from, to - from, segment)
    return true
  }
}
