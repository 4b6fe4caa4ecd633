import { countIds, type IdRange, type IdValue } from '../../domain/trade-id.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Continuity, TradePoint } from './continuity.ts'
import type { LiveTime } from './live-time.ts'
import type { RecentTrades } from './recent-trades.ts'
import { ReachedTime, WITNESSES } from './witnesses.ts'

/** A larger hole behind which nothing else has come may be the claim of a damaged id. */
const IMPLAUSIBLE = 1_000
/** Exchange times of neighbouring trades may be this much out of order. */
const CLOCK_SKEW_MS = 2_000

const MOST_RIVALS = 100

/** When a trade was received: elapsed time, and the exchange's. */
interface Receipt {
  readonly elapsed: number
  readonly time: number
}

/** What the trades that wait behind holes claim, and who speaks against them. */
export class HeldClaims {
  readonly #order: Continuity
  readonly #recent: RecentTrades
  readonly #time: LiveTime
  readonly #clock: Clock
  #rivals: readonly TradePoint[] = []
  readonly #receipts = new WeakMap<TradePoint, Receipt>()

  constructor(order: Continuity, recent: RecentTrades, time: LiveTime, clock: Clock) {
    this.#order = order
    this.#recent = recent
    this.#time = time
    this.#clock = clock
  }

  /** It was pushed just now, and waits; for whatever else it has waited before. */
  received(point: TradePoint): void {
    if (this.#receipts.has(point)) return
    this.#receipts.set(point, { elapsed: this.#clock.elapsed(), time: this.#time.receivedAt(point.timestamp) })
  }

  /** A trade came whose id waits already: of another time it is none of its copies, and one of the two has a damaged id. */
  repeated(point: TradePoint, { last }: IdRange): void {
    const held = this.#order.heldAt(last)
    if (held === undefined || held.timestamp === point.timestamp) return
    this.received(point)
    this.#rivals = [...this.#rivals, point].slice(-MOST_RIVALS)
  }

  /** Those that came under the ids of others, when some of these others have been dropped. */
  takeRivals(): readonly TradePoint[] {
    const rivals = this.#rivals
    this.#rivals = []
    return rivals
  }

  /** Exchange time that several delivered trades have reached. */
  reached(): ReachedTime {
    return new ReachedTime(this.#time.latest(), this.#recent.times())
  }

  /**
   * Ids grow with time: when several trades with lower ids were made clearly after one had been received, that one's id was damaged. To
   * believe it would drop every real trade up to that id. The trade itself is not lost: it is one of those before the others.
   */
  refuted(): { readonly points: ReadonlySet<TradePoint>; readonly claimed: number } {
    const reached = this.reached()
    const points = new Set<TradePoint>()
    let claimed = 0
    let before = this.#order.cursor
    for (const { first, last, point } of this.#order.held()) {
      const receipt = this.#receipts.get(point)
      if (receipt !== undefined && reached.value > receipt.time + CLOCK_SKEW_MS) {
        points.add(point)
        claimed += countIds(before ?? first, first) - 2
      } else {
        reached.add(point.timestamp)
      }
      before = last
    }
    return { points, claimed }
  }

  /** The first hole is a large one, and hardly anything speaks for it: few trades follow each other behind it, none of them REST's. */
  isDoubtful(hole: IdRange): boolean {
    if (countIds(hole.first, hole.last) <= IMPLAUSIBLE) return false
    let followers = 0
    let before: IdValue | undefined
    for (const { first, last, point } of this.#order.held()) {
      if (point.data.backfilled) return false
      if (before !== undefined && countIds(before, first) > IMPLAUSIBLE) return true
      before = last
      if (++followers === WITNESSES) return false
    }
    return followers > 0
  }

  /** How long the trade that waits longest has waited. */
  longestWaitMs(): number {
    const now = this.#clock.elapsed()
    let oldest = now
    for (const { point } of this.#order.held()) oldest = Math.min(oldest, this.#receipts.get(point)?.elapsed ?? now)
    return now - oldest
  }
}
