import type { Cancel, Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import { countIds, idPlus, idValue, type IdRange, type IdValue } from '../../domain/trade-id.ts'
import { idsOf, type TradePoint } from './continuity.ts'
import { isOfTape, type Gap, type GapReason } from '../../domain/gap.ts'
import { gapKey } from '../../domain/stored-gaps.ts'
import { fillHole, missingIn, type PageBefore } from './hole-filler.ts'

/** Between two attempts for one gap; half of the first on top. */
const LATER: BackoffPolicy = { baseMs: 10_000, capMs: 300_000 }
/** While REST cannot be had at all, which is no fault of any gap, all of them wait for one of them to try. */
const REST_AGAIN: BackoffPolicy = { baseMs: 10_000, capMs: 60_000 }
/** Answers without the trades, after which a gap is looked for no more. */
const ATTEMPTS = 12
/** More gaps than this are not pursued at a time; the oldest is dropped from the list, never from the record. */
const MOST = 1_000
/** A gap is found as a whole, in memory: a larger one is not looked for. */
export const LARGEST_GAP = 50_000
/** Gaps with no more than this many fills between them are read together, up to so many fills in all. */
const BRIDGE = 100
const MOST_TOGETHER = 5_000
/** From one reading to the next, so that what is needed now has its turn. */
const PACE_MS = 500
/** A repair that is under way goes first, but not for ever. */
const LONGEST_YIELD_MS = 20_000
const NEVER_TOO_OLD = -Infinity

/** Reasons that may pass; `stopped` and `rest-wrong` for whoever comes next. */
const MAY_PASS: readonly GapReason[] = ['rest-failed', 'rest-short', 'rest-wrong', 'buffer-full', 'cursor-late', 'stopped']

/** Of stored gaps: what may be found under its ids. Those from before the exchange began to count anew are under other ids now, or none. */
export function findable(gaps: readonly Gap[]): readonly Gap[] {
  const restart = Math.max(...gaps.filter(({ reason }) => reason === 'ids-restarted').map(timeOf), -Infinity)
  return gaps.filter((gap) => isOfTape(gap) && MAY_PASS.includes(gap.reason) && timeOf(gap) > restart)
}

const timeOf = ({ fromTime, toTime, at }: Gap): number => toTime ?? fromTime ?? at

export interface LateFillerWorld {
  readonly clock: Clock
  readonly random: Random
  readonly pageBefore: PageBefore | undefined
  /** A hole is being repaired, which cannot wait. */
  readonly isRepairing?: (() => boolean) | undefined
}

export interface LateFillerEvents {
  onFilled(gap: Gap, trades: readonly TradePoint[]): void
  /** It is looked for no more. */
  onGivenUp(gap: Gap): void
}

interface Pursuit {
  readonly gap: Gap
  readonly hole: IdRange
  attempt: number
  /** Elapsed time. */
  dueAt: number
}

/**
 * Goes after gaps that were declared, each at its own times and ever more rarely, and tells when one was filled after all. Neighbours
 * share what is read.
 */
export class LateFiller {
  readonly #world: LateFillerWorld
  readonly #events: LateFillerEvents
  readonly #pursuits = new Map<string, Pursuit>()
  #restFailures = 0
  /** Elapsed time before which nothing is asked: REST could not be had, or something was asked just now. */
  #pausedTo = -Infinity
  #yieldsSince: number | undefined
  #cancel: Cancel | undefined
  #isReading = false
  #ending = new AbortController()

  constructor(world: LateFillerWorld, events: LateFillerEvents) {
    this.#world = world
    this.#events = events
  }

  /** False when it cannot be looked for, or is already. */
  add(gap: Gap): boolean {
    const hole = holeOf(gap)
    const key = gapKey(gap)
    if (this.#world.pageBefore === undefined || hole === undefined || this.#pursuits.has(key)) return false
    if (countIds(hole.first, hole.last) > LARGEST_GAP) return false
    this.#pursuits.set(key, { gap, hole, attempt: 0, dueAt: this.#nextTry(0) })
    const [oldest] = this.#pursuits.values()
    if (this.#pursuits.size > MOST && oldest !== undefined) this.#giveUp(oldest)
    this.#schedule()
    return true
  }

  /** Pauses; `resume` goes on with the same gaps. */
  stop(): void {
    this.#ending.abort()
    this.#isReading = false
    this.#cancel?.()
    this.#cancel = undefined
  }

  resume(): void {
    this.#ending = new AbortController()
    // What a start has to do itself comes first.
    this.#pausedTo = Math.max(this.#pausedTo, this.#world.clock.elapsed() + LATER.baseMs / 2)
    this.#schedule()
  }

  forgetAll(): void {
    this.#pursuits.clear()
    const isStopped = this.#ending.signal.aborted
    this.stop()
    if (!isStopped) this.resume()
  }

  /** REST is back, as others have seen. */
  hurry(): void {
    if (this.#restFailures === 0) return
    this.#restFailures = 0
    this.#pausedTo = this.#world.clock.elapsed() + PACE_MS
    this.#cancel?.()
    this.#cancel = undefined
    this.#schedule()
  }

  #nextTry(attempt: number): number {
    const { clock, random } = this.#world
    return clock.elapsed() + LATER.baseMs / 2 + backoffDelay(attempt, LATER, random)
  }

  #schedule(): void {
    const next = this.#mostDue()
    if (next === undefined || this.#isReading || this.#cancel !== undefined || this.#ending.signal.aborted) return
    const { clock } = this.#world
    const waitMs = Math.max(next.dueAt, this.#pausedTo) - clock.elapsed()
    this.#cancel = clock.after(Math.max(0, waitMs), () => {
      this.#cancel = undefined
      if (this.#mustYield()) this.#schedule()
      else void this.#pursue()
    })
  }

  #mostDue(): Pursuit | undefined {
    let next: Pursuit | undefined
    for (const pursuit of this.#pursuits.values()) if (next === undefined || pursuit.dueAt < next.dueAt) next = pursuit
    return next
  }

  #mustYield(): boolean {
    const now = this.#world.clock.elapsed()
    if (this.#world.isRepairing?.() !== true || now - (this.#yieldsSince ?? now) >= LONGEST_YIELD_MS) {
      this.#yieldsSince = undefined
      return false
    }
    this.#yieldsSince ??= now
    this.#pausedTo = now + PACE_MS
    return true
  }

  async #pursue(): Promise<void> {
    const { clock, pageBefore, random } = this.#world
    const { signal } = this.#ending
    const due = this.#mostDue()
    if (due === undefined || pageBefore === undefined) return
    const { range, members } = this.#neighbourhood(due)
    const startedAt = clock.elapsed()
    this.#isReading = true
    try {
      const { found, reason } = await fillHole(range, pageBefore, NEVER_TOO_OLD, signal)
      if (signal.aborted) return
      const isRestAway = reason === 'rest-failed'
      this.#pausedTo = clock.elapsed() + PACE_MS
      if (isRestAway) this.#pausedTo += REST_AGAIN.baseMs / 2 + backoffDelay(this.#restFailures++, REST_AGAIN, random)
      else this.#restFailures = 0
      for (const pursuit of members) this.#judge(pursuit, found, !isRestAway && pursuit.dueAt <= startedAt)
      this.#isReading = false
      this.#schedule()
    } catch {
      // Only when it was stopped.
    }
  }

  /** Those that lie so close to it that a page serves them, too. */
  #neighbourhood({ hole }: Pursuit): { readonly range: IdRange; readonly members: readonly Pursuit[] } {
    let range = hole
    const isNear = (other: IdRange, joined: IdRange): boolean =>
      countIds(range.last, other.first) - 2 <= BRIDGE &&
      countIds(other.last, range.first) - 2 <= BRIDGE &&
      countIds(joined.first, joined.last) <= MOST_TOGETHER
    const inOrder = [...this.#pursuits.values()].sort((a, b) => (a.hole.first < b.hole.first ? -1 : 1))
    // Upwards from it, then downwards.
    for (const { hole: other } of [...inOrder, ...inOrder.toReversed()]) {
      const joined = joinedRange(range, other)
      if (isNear(other, joined)) range = joined
    }
    const members = inOrder.filter(({ hole: other }) => other.first >= range.first && other.last <= range.last)
    return { range, members }
  }

  #judge(pursuit: Pursuit, found: readonly TradePoint[], counts: boolean): void {
    const { gap, hole } = pursuit
    // It may have been forgotten meanwhile.
    if (this.#pursuits.get(gapKey(gap)) !== pursuit) return
    const own = found.slice(firstFrom(found, hole.first), firstFrom(found, idPlus(hole.last, 1)))
    if (missingIn(hole, own).length === 0) {
      this.#pursuits.delete(gapKey(gap))
      this.#events.onFilled(gap, own)
    } else if (counts) {
      pursuit.attempt++
      pursuit.dueAt = this.#nextTry(pursuit.attempt)
      if (pursuit.attempt >= ATTEMPTS) this.#giveUp(pursuit)
    }
  }

  #giveUp({ gap }: Pursuit): void {
    this.#pursuits.delete(gapKey(gap))
    this.#events.onGivenUp(gap)
  }
}

function holeOf({ fromId, toId }: Gap): IdRange | undefined {
  const [first, last] = [idValue(fromId ?? ''), idValue(toId ?? '')]
  return first !== undefined && last !== undefined && first <= last ? { first, last } : undefined
}

const joinedRange = (a: IdRange, b: IdRange): IdRange => ({
  first: a.first < b.first ? a.first : b.first,
  last: a.last > b.last ? a.last : b.last,
})

/** Where the first of the found fills (ascending) stands whose id is not below this one. */
function firstFrom(found: readonly TradePoint[], id: IdValue): number {
  let [low, high] = [0, found.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const point = found[middle]
    if (point !== undefined && (idsOf(point)?.last ?? id) < id) low = middle + 1
    else high = middle
  }
  return low
}
