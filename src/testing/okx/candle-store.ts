import { bucketingOf, emptyBar, foldFill, mergeBars, type Bar } from './candles.ts'
import type { Fill, Tape } from './tape.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Statistics of the last 24 hours, in ticks and lots. */
export interface DayStatistics extends Pick<Bar, 'open' | 'high' | 'low' | 'lots' | 'notional' | 'inverse'> {
  /** Price when the UTC day began. */
  readonly startOfDay: number
  /** Price when the UTC+8 day began. */
  readonly startOfHongKongDay: number
}

interface DaySummary {
  readonly minute: number
  readonly earlier: Bar | undefined
  readonly startOfDay: number
  readonly startOfHongKongDay: number
}

/** The candles of one instrument: minutes are kept, longer bars are their sums, seconds are read from the tape. */
export class CandleStore {
  readonly #tape: Tape
  readonly #isInverse: boolean
  readonly #minutes: Bar[] = []
  #dayCache: DaySummary | undefined

  constructor(tape: Tape, isInverse: boolean) {
    this.#tape = tape
    this.#isInverse = isInverse
  }

  add(fill: Fill): void {
    const openTime = fill.timestamp - (fill.timestamp % MINUTE)
    const last = this.#minutes.at(-1)
    if (last?.openTime === openTime) foldFill(last, openTime, fill, this.#isInverse)
    else this.#minutes.push(foldFill(undefined, openTime, fill, this.#isInverse))
  }

  /** The bar that holds `timestamp`; without trades in it, a flat one at the previous close; undefined before the first trade. */
  at(bar: string, timestamp: number): Bar | undefined {
    const bucketing = bucketingOf(bar)
    if (bucketing === undefined) return undefined
    const [openTime, closeTime] = bucketing(timestamp)
    const parts = this.#partsSince(bar, openTime).filter((part) => part.openTime < closeTime)
    const merged = mergeBars(openTime, parts)
    if (merged !== undefined) return merged
    const before = this.#closeBefore(bar, openTime)
    return before === undefined ? undefined : emptyBar(openTime, before)
  }

  /** Bars newest first, open times in `(newerThan, olderThan)`, up to the one that holds `now`. */
  list(bar: string, now: number, range: { olderThan: number; newerThan: number; limit: number }): Bar[] {
    const bucketing = bucketingOf(bar)
    const parts = this.#partsSince(bar, -Infinity)
    const first = parts[0]
    if (bucketing === undefined || first === undefined) return []
    const oldest = bucketing(first.openTime)[0]
    const result: Bar[] = []
    let end = parts.length
    let openTime = bucketing(Math.min(now, range.olderThan - 1))[0]
    while (openTime >= oldest && openTime > range.newerThan && result.length < range.limit) {
      const closeTime = bucketing(openTime)[1]
      while (end > 0 && (parts[end - 1]?.openTime ?? 0) >= closeTime) end--
      let start = end
      while (start > 0 && (parts[start - 1]?.openTime ?? 0) >= openTime) start--
      const merged = mergeBars(openTime, parts.slice(start, end))
      result.push(merged ?? emptyBar(openTime, parts[start - 1]?.close ?? first.open))
      end = start
      openTime = bucketing(openTime - 1)[0]
    }
    return result
  }

  lastDay(now: number): DayStatistics | undefined {
    const current = this.#minutes.at(-1)
    if (current === undefined) return undefined
    if (this.#dayCache?.minute !== current.openTime) this.#dayCache = this.#summarize(current, now)
    const { earlier, startOfDay, startOfHongKongDay } = this.#dayCache
    const day = earlier === undefined ? current : (mergeBars(earlier.openTime, [earlier, current]) ?? current)
    return { ...day, startOfDay, startOfHongKongDay }
  }

  /** What does not change within a minute, so that a ticker costs little. */
  #summarize(current: Bar, now: number): DaySummary {
    const from = now - DAY
    const earlier = this.#minutes.slice(0, -1).filter((minute) => minute.openTime >= from)
    const openSince = (shift: number): number => {
      const dayStart = Math.floor((now + shift) / DAY) * DAY - shift
      return earlier.find((minute) => minute.openTime >= dayStart)?.open ?? current.open
    }
    return {
      minute: current.openTime,
      earlier: mergeBars(from, earlier),
      startOfDay: openSince(0),
      startOfHongKongDay: openSince(8 * HOUR),
    }
  }

  /** The smallest bars that the named one is made of, from `since` on. */
  #partsSince(bar: string, since: number): Bar[] {
    if (bar === '1s') return this.#seconds(since)
    let start = this.#minutes.length
    while (start > 0 && (this.#minutes[start - 1]?.openTime ?? 0) >= since) start--
    return this.#minutes.slice(start)
  }

  #seconds(since: number): Bar[] {
    const fills = this.#tape.all
    let start = fills.length
    while (start > 0 && (fills[start - 1]?.timestamp ?? 0) >= since) start--
    const bars: Bar[] = []
    for (const fill of fills.slice(start)) {
      const openTime = fill.timestamp - (fill.timestamp % 1_000)
      const last = bars.at(-1)
      if (last?.openTime === openTime) foldFill(last, openTime, fill, this.#isInverse)
      else bars.push(foldFill(undefined, openTime, fill, this.#isInverse))
    }
    return bars
  }

  #closeBefore(bar: string, openTime: number): number | undefined {
    if (bar === '1s') return this.#tape.all.findLast((fill) => fill.timestamp < openTime)?.price
    return this.#minutes.findLast((minute) => minute.openTime < openTime)?.close
  }
}
