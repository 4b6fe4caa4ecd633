import type { PointOf } from '../../domain/market-data.ts'
import { idPlus, idsOfRow, type IdRange, type IdValue } from '../../domain/trade-id.ts'

export type TradePoint = PointOf<'trade'>

interface Segment extends IdRange {
  readonly point: TradePoint
}

/** - `next`: deliver it now
 *  - `duplicate`: every id of it is known
 *  - `held`: it shows a hole, or lies behind one
 */
export type Verdict = 'next' | 'duplicate' | 'held'

/** The ids a trade stands for. Undefined when its id does not count. */
export const idsOf = ({ data }: TradePoint): IdRange | undefined => idsOfRow(data.id, data.count)

/** So many delivered rows may stand at the head of the held ones before they are cut off. */
const MOST_TAKEN = 1_024

/**
 * The order of one trade stream whose ids follow each other without a break. A cursor stands on the last id that is settled
 * (delivered, or given up as a gap); what lies behind a hole waits. Knows no clock and no REST: it says what is next, what is
 * missing, and what is ready.
 */
export class Continuity {
  /** The id behind the cursor. */
  #next: IdValue | undefined
  /** Behind the cursor from `#head` on, by id, without overlap. Those before it have been taken. */
  #held: Segment[] = []
  #head = 0
  /** The highest id known to exist. */
  #highest: IdValue = -Infinity

  get cursor(): IdValue | undefined {
    return this.#next === undefined ? undefined : idPlus(this.#next, -1)
  }

  /** The highest id that anything has claimed. */
  get highest(): IdValue {
    return this.#highest
  }

  get heldCount(): number {
    return this.#held.length - this.#head
  }

  /** Begins behind this id. */
  begin(id: IdValue): void {
    this.#next = idPlus(id, 1)
    this.#highest = id
    this.#held = []
    this.#head = 0
  }

  /** Takes a trade in. The undisturbed path is the first lines. */
  accept(point: TradePoint, { first, last }: IdRange): Verdict {
    this.#next ??= first
    if (first === this.#next && last > this.#highest && this.#held.length === 0) {
      this.#next = idPlus(last, 1)
      this.#highest = last
      return 'next'
    }
    if (last < this.#next) return 'duplicate'
    if (last > this.#highest) this.#highest = last
    return this.#insert({ first, last, point }) ? 'held' : 'duplicate'
  }

  /** What must be found before anything can go on. */
  get firstHole(): IdRange | undefined {
    const { value } = this.holes().next()
    return value
  }

  get hasHole(): boolean {
    return this.#next !== undefined && this.#next <= this.#highest
  }

  /** Everything that is missing, lowest ids first. */
  *holes(): Generator<IdRange, undefined> {
    if (this.#next === undefined) return
    let expected = this.#next
    for (const { first, last } of this.held()) {
      if (first > expected) yield { first: expected, last: idPlus(first, -1) }
      expected = idPlus(last, 1)
    }
    if (expected <= this.#highest) yield { first: expected, last: this.#highest }
  }

  /** The trades that wait, lowest ids first. */
  *held(): Generator<Segment, undefined> {
    for (let i = this.#head; i < this.#held.length; i++) {
      const segment = this.#held[i]
      if (segment !== undefined) yield segment
    }
  }

  /** Trades that now follow the cursor, in order; the cursor moves behind them. */
  takeReady(): TradePoint[] {
    const ready: TradePoint[] = []
    for (const { first, last, point } of this.held()) {
      if (first !== this.#next) break
      ready.push(point)
      this.#next = idPlus(last, 1)
    }
    this.#head += ready.length
    if (this.#head === this.#held.length || this.#head > MOST_TAKEN) {
      this.#held.splice(0, this.#head)
      this.#head = 0
    }
    return ready
  }

  /** Gives up ids up to and with `last`: they will not be waited for any more. */
  skipTo(last: IdValue): void {
    this.#next = idPlus(last, 1)
  }

  /** Forgets held trades that turned out not to be any, and what they made us believe to exist. Says how many. */
  forget(isWrong: (point: TradePoint) => boolean): number {
    const kept = [...this.held()].filter(({ point }) => !isWrong(point))
    const forgotten = this.heldCount - kept.length
    this.#held = kept
    this.#head = 0
    this.#highest = kept.at(-1)?.last ?? this.cursor ?? -Infinity
    return forgotten
  }

  /** The first trade waiting behind the cursor. */
  get nextHeld(): TradePoint | undefined {
    return this.#held[this.#head]?.point
  }

  /** The trade that waits and has this id. */
  heldAt(id: IdValue): TradePoint | undefined {
    const segment = this.#held[this.#firstEndingAt(id)]
    return segment?.last === id ? segment.point : undefined
  }

  /** False when nothing of it is new, or when it overlaps what is known and cannot be taken apart (its ids then count as a hole). */
  #insert(segment: Segment): boolean {
    const { first, last } = segment
    if (this.#next !== undefined && first < this.#next) return false
    const from = this.#firstEndingAt(first)
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

  /** Where the first held trade stands that does not end before `id`. What arrives is nearly always the newest. */
  #firstEndingAt(id: IdValue): number {
    let [low, high] = [this.#head, this.#held.length]
    if ((this.#held[high - 1]?.last ?? -Infinity) < id) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#held[middle]?.last ?? id) < id) low = middle + 1
      else high = middle
    }
    return low
  }
}
