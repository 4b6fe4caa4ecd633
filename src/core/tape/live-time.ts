import { ExchangeTime, TRUSTED_AHEAD_MS } from '../../kit/exchange-time.ts'
import type { Clock } from '../../ports/clock.ts'

/** Stamps nearer to each other than this tell nothing new: the clock is not read for each trade of a busy market. */
const SAMPLE_MS = 100
/** What is stamped further ahead than this has a damaged time. */
const AHEAD_MS = 5_000
/** What was pushed just now took no longer than this. */
const ON_THE_WAY_MS = 5_000
/** Ahead, but perhaps only by clocks that differ. */
const MAYBE_AHEAD_MS = 60_000

/** What time it is at the exchange, told from the trades that it pushes. */
export class LiveTime {
  readonly #clock: Clock
  readonly #time: ExchangeTime
  #sampled = -Infinity
  /** The earliest stamp while none has confirmed the wall clock. */
  #earliest = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#time = new ExchangeTime(clock)
  }

  /** Takes the stamp of a trade that was pushed just now. Hot path: nearly always one comparison. */
  observe(timestamp: number): void {
    const since = timestamp - this.#sampled
    if (since >= 0 && since < SAMPLE_MS) return
    this.#sampled = timestamp
    this.#time.observe(timestamp)
    if (!this.#time.isSeen) this.#earliest = Math.min(this.#earliest, timestamp)
  }

  /** Epoch milliseconds by the exchange's clock; rather too early while wall clock and stamps do not agree. */
  now(): number {
    return this.#time.isSeen ? this.#time.now() : Math.min(this.#clock.now(), this.#earliest)
  }

  /** The time of a trade that was received; the exchange's own time where the stamp is ahead of that, and so damaged. */
  believed(timestamp: number): number {
    return this.#time.isSeen && timestamp > this.latest() ? this.#time.now() : timestamp
  }

  /** Nothing can have been traded later than this. */
  latest(): number {
    return (this.#time.isSeen ? this.#time.now() : this.#clock.now()) + AHEAD_MS
  }

  /** Exchange time at which a trade with this stamp, pushed just now, was received; rather too late than too early. */
  receivedAt(timestamp: number): number {
    if (!this.#time.isSeen) return Math.max(this.#clock.now(), timestamp)
    const now = this.#time.now()
    return timestamp <= now + MAYBE_AHEAD_MS ? Math.max(now, timestamp) : now
  }
  /** Whether a trade that is pushed now was made just now. False while wall clock and stamps do not agree. */
  isNow(timestamp: number): boolean {
    const aheadMs = timestamp - this.#time.now()
    return this.#time.isSeen && aheadMs <= TRUSTED_AHEAD_MS && aheadMs >= -ON_THE_WAY_MS
  }
}
