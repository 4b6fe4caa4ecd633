/** Counts of fills (a merged row of n fills counts n). */
export interface TapeCounts {
  /** Delivered, live and recovered. */
  readonly delivered: number
  /** Of these, recovered over REST. */
  readonly backfilled: number
  /** Arrived more than once; dropped. */
  readonly duplicates: number
  /** Known to be missing, and not found since. */
  readonly missing: number
}

export interface HourCounts extends TapeCounts {
  /** Start of the hour by exchange time, epoch milliseconds. */
  readonly hour: number
}

export interface StreamCompleteness extends TapeCounts {
  readonly stream: string
  /** Gaps whose size cannot be known. */
  readonly unknownGaps: number
  /** The last week, oldest first; hours without trades are left out. */
  readonly hours: readonly HourCounts[]
}

/** `collector.getCompleteness()`: what was delivered and what is known to be missing. */
export interface Completeness extends TapeCounts {
  readonly streams: readonly StreamCompleteness[]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const HOUR_MS = 3_600_000
const HOURS_KEPT = 7 * 24
/** More are not pursued, and so never found: far more than are looked for at a time. */
const MOST_MISSED = 10_000

/** Keeps the books of one stream. `count` runs for every trade and costs an addition and a comparison. */
export class CompletenessLedger {
  readonly #stream: string
  readonly #total: Mutable<TapeCounts> = { delivered: 0, backfilled: 0, duplicates: 0, missing: 0 }
  readonly #hours = new Map<number, Mutable<HourCounts>>()
  #hour: Mutable<HourCounts> = emptyHour(NaN)
  #unknownGaps = 0
  /** Gaps that were counted as missing here, by key. */
  readonly #missed = new Set<string>()

  constructor(stream: string) {
    this.#stream = stream
  }

  count(what: keyof TapeCounts, fills: number, timestamp: number): void {
    this.#total[what] += fills
    const start = timestamp - (timestamp % HOUR_MS)
    if (this.#hour.hour !== start) this.#hour = this.#hourAt(start)
    this.#hour[what] += fills
  }

  /** A gap was declared. */
  missed(key: string, fills: number, timestamp: number): void {
    this.#missed.add(key)
    if (this.#missed.size > MOST_MISSED) this.#missed.delete(this.#missed.values().next().value ?? key)
    this.count('missing', fills, timestamp)
  }

  /** A gap was filled. One that an earlier process declared has not been counted here. */
  found(key: string, fills: number, timestamp: number): void {
    if (this.#missed.delete(key)) this.count('missing', -fills, timestamp)
  }

  countUnknownGap(): void {
    this.#unknownGaps++
  }

  report(): StreamCompleteness {
    const hours = [...this.#hours.values()].sort((a, b) => a.hour - b.hour).map((hour) => ({ ...hour }))
    return { stream: this.#stream, ...this.#total, unknownGaps: this.#unknownGaps, hours }
  }

  #hourAt(start: number): Mutable<HourCounts> {
    const known = this.#hours.get(start)
    if (known !== undefined) return known
    const hour = emptyHour(start)
    this.#hours.set(start, hour)
    if (this.#hours.size > HOURS_KEPT) this.#hours.delete(Math.min(...this.#hours.keys()))
    return hour
  }
}

const emptyHour = (hour: number): Mutable<HourCounts> => ({ hour, delivered: 0, backfilled: 0, duplicates: 0, missing: 0 })

export function sumCompleteness(streams: readonly StreamCompleteness[]): Completeness {
  const sum = (what: keyof TapeCounts): number => streams.reduce((total, stream) => total + stream[what], 0)
  return {
    delivered: sum('delivered'),
    backfilled: sum('backfilled'),
    duplicates: sum('duplicates'),
    missing: sum('missing'),
    streams,
  }
}
