import type { CandleGap } from './aggregator-types.ts'
import type { PointOf } from '../domain/market-data.ts'
import { TRUSTED_AHEAD_MS, type ExchangeTime } from '../kit/exchange-time.ts'
import type { Clock } from '../ports/clock.ts'

/** Stamps nearer to each other than this tell nothing new. Milliseconds. */
const SAMPLE_MS = 100
/** A push that is stamped this far back was not delayed, its time is wrong. Milliseconds. */
const BEHIND_MS = 60_000
/** Suspects on their way through the tape. */
const MOST_SUSPECTS = 1_000
/** After so many further trades nothing will confirm a doubted time any more. */
const PATIENCE = 10

const REASON = 'time-doubtful'

/** A trade whose stamp was not to be believed when it was pushed. */
interface Suspect {
  readonly id: string
  readonly timestamp: number
  /** Elapsed time of the push. */
  readonly pushedAt: number
}

/** A suspect that was delivered. */
interface Delivered {
  readonly suspect: Suspect
  /** Time of the last trade before it that was not suspect. */
  readonly trusted: number
  /** What is marked on its account; undefined while the exchange's time is not known, when nothing closes either. */
  gaps: readonly CandleGap[] | undefined
  patience: number
}

/**
 * Tells the time from what is pushed, and finds the trades whose own time is contradicted by all the others. Such a trade is in the candle
 * of the time that it bears; that candle, and the one it may belong to, are marked. When the time proves right after all (the exchange's
 * clock was stepped), the marks are taken back.
 */
export class StampDoubts {
  readonly #clock: Clock
  readonly #time: ExchangeTime
  readonly #mark: (gap: CandleGap) => void
  #sampled = -Infinity
  /** By id, until the tape delivers them. */
  readonly #suspects = new Map<string, Suspect>()
  #delivered: Delivered[] = []
  /** The time of the last trade that was not suspect. */
  #trusted = Infinity
  /** The trade delivered last, when it was suspect. */
  #last: Suspect | undefined
  /** Gaps behind a suspect, by what they are: they begin earlier than they say. */
  readonly #widened = new Map<string, CandleGap>()

  constructor(clock: Clock, time: ExchangeTime, mark: (gap: CandleGap) => void) {
    this.#clock = clock
    this.#time = time
    this.#mark = mark
  }

  /** A trade was pushed just now; the tape may hold it back. Hot path: nearly always one comparison. */
  pushed({ data, timestamp }: PointOf<'trade'>): void {
    const since = timestamp - this.#sampled
    if ((since >= 0 && since < SAMPLE_MS) || data.backfilled) return
    this.#sampled = timestamp
    const suspect = { id: data.id, timestamp, pushedAt: this.#clock.elapsed() }
    if (this.#isDoubtful(suspect)) {
      // Its neighbours have to be looked at, too.
      this.#sampled = -Infinity
      this.#suspects.set(data.id, suspect)
      if (this.#suspects.size > MOST_SUSPECTS) this.#suspects.delete(this.#suspects.keys().next().value ?? '')
    }
    this.#time.observe(timestamp)
  }

  /** The tape has delivered it. */
  delivered({ data, timestamp }: PointOf<'trade'>): void {
    const suspect = this.#suspects.size === 0 ? undefined : this.#suspects.get(data.id)
    this.#last = suspect
    if (suspect === undefined) this.#trusted = timestamp
    else {
      this.#suspects.delete(data.id)
      this.#delivered.push({ suspect, trusted: this.#trusted, gaps: undefined, patience: PATIENCE })
    }
    if (this.#delivered.length > 0 && this.#time.isSeen) this.#delivered = this.#delivered.filter((one) => this.#isUnsettled(one))
  }

  /** The gap begins with a time that is not to be believed: marks what lies between, and takes that back when it is filled. */
  gap(gap: CandleGap): void {
    const key = `${gap.fromId} ${gap.fromTime}`
    const widened = this.#widened.get(key)
    if (gap.filled) {
      this.#widened.delete(key)
      if (widened !== undefined) this.#mark({ ...widened, filled: true })
    } else if (this.#last !== undefined) {
      const at = this.#time.at(this.#last.pushedAt)
      const wider = {
        ...gap,
        fromTime: Math.min(at, this.#trusted),
        toTime: Math.max(at, gap.toTime ?? at),
        fromId: `time of ${key}`,
      }
      this.#widened.set(key, wider)
      this.#mark(wider)
    }
  }

  /** Whether it is to be looked at again. */
  #isUnsettled(one: Delivered): boolean {
    const { suspect, trusted } = one
    if (!this.#isDoubtful(suspect)) {
      for (const gap of one.gaps ?? []) this.#mark({ ...gap, filled: true })
      return false
    }
    if (one.gaps === undefined) {
      const at = this.#time.at(suspect.pushedAt)
      const marks = { fromId: `time of ${suspect.id}`, reason: REASON, filled: false }
      one.gaps = [
        { ...marks, fromTime: Math.min(at, trusted), toTime: at },
        { ...marks, fromTime: suspect.timestamp, toTime: suspect.timestamp },
      ]
      for (const gap of one.gaps) this.#mark(gap)
    }
    return one.patience-- > 0
  }

  /** By what is believed now. */
  #isDoubtful({ timestamp, pushedAt }: Suspect): boolean {
    const offBy = timestamp - this.#time.at(pushedAt)
    return offBy > TRUSTED_AHEAD_MS || offBy < -BEHIND_MS
  }
}
