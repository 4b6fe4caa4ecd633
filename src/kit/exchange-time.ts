import type { Clock } from '../ports/clock.ts'

/** Samples of one clock differ by delays on the way; more than this is another clock, a damaged stamp, or a backlog. Milliseconds. */
const TOLERANCE_MS = 5_000
/** Less delayed than what is believed by more than this: rather a damaged stamp, unless the next ones say the same. Milliseconds. */
export const TRUSTED_AHEAD_MS = 500
/** So many samples in a row, with different stamps, must agree before what was believed is given up. */
const WITNESSES = 3
/** How long the least delayed sample speaks for the exchange, so that two clocks that run apart do not part. Milliseconds. */
const WINDOW_MS = 60_000

/** A wall clock that differs from an exchange's by no more than this is right, as far as it goes. Milliseconds. */
const WALL_AGREES_MS = 5_000

/**
 * A moment in exchange time, not earlier than it was: stamps are delayed on their way, so that what they tell is a little early; this
 * machine's wall clock of that moment is not, where it agrees. Whole epoch milliseconds.
 */
export const notBefore = (told: number, wall: number): number =>
  Math.ceil(Math.abs(wall - told) <= WALL_AGREES_MS ? Math.max(wall, told) : told)

/** Samples that agree with each other and not with what is believed. */
interface Doubt {
  offset: number
  witnesses: number
  lastStamp: number
}

/**
 * What time it is at an exchange: its own stamps, carried on by elapsed time. Until it has been seen, the wall clock of the moment at
 * which this was made. A single damaged stamp changes nothing, a step of this machine's clock neither; an exchange whose time is
 * stepped (or that differs from ours from the start) is believed after three stamps in a row that agree; so is one that runs more than half a
 * second before what was believed.
 */
export class ExchangeTime {
  readonly #clock: Clock
  /** Exchange time at elapsed 0, by the least delayed sample. */
  #offset: number
  #isSeen = false
  /** The least delayed sample of the window under way. */
  #recent = -Infinity
  #windowEnds = 0
  #doubt: Doubt | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offset = clock.now() - clock.elapsed()
  }

  /** Whether a stamp of the exchange has confirmed or corrected the wall clock. */
  get isSeen(): boolean {
    return this.#isSeen
  }

  /** @param timestamp exchange time of something that was pushed just now, epoch milliseconds; never of something read again. */
  observe(timestamp: number): void {
    const elapsed = this.#clock.elapsed()
    const offset = timestamp - elapsed
    const aheadMs = offset - this.#offset
    if (aheadMs > TRUSTED_AHEAD_MS || aheadMs < -TOLERANCE_MS) {
      // Two clocks that agree so far confirm each other, whichever of them is right.
      this.#isSeen ||= Math.abs(aheadMs) <= TOLERANCE_MS
      this.#witness(offset, timestamp, elapsed)
      return
    }
    this.#doubt = undefined
    this.#recent = Math.max(this.#recent, offset)
    if (!this.#isSeen || offset > this.#offset) {
      this.#offset = offset
      this.#isSeen = true
    }
    if (elapsed < this.#windowEnds) return
    this.#offset = this.#recent
    this.#recent = offset
    this.#windowEnds = elapsed + WINDOW_MS
  }

  /** The exchange was asked what time it is, and has just answered: that is believed until its stamps say otherwise. */
  learn(now: number): void {
    if (this.#isSeen) return
    const elapsed = this.#clock.elapsed()
    this.#isSeen = true
    this.#offset = this.#recent = now - elapsed
    this.#windowEnds = elapsed + WINDOW_MS
  }

  /** Epoch milliseconds by the exchange's clock. */
  now(): number {
    return this.at(this.#clock.elapsed())
  }

  /** Its time at another moment, given as elapsed time. */
  at(elapsed: number): number {
    return this.#offset + elapsed
  }

  #witness(offset: number, stamp: number, elapsed: number): void {
    const doubt = this.#doubt
    if (doubt === undefined || Math.abs(offset - doubt.offset) > TOLERANCE_MS) {
      this.#doubt = { offset, witnesses: 1, lastStamp: stamp }
      return
    }
    if (stamp === doubt.lastStamp) return
    // The least: what one of them says alone is not believed.
    doubt.offset = Math.min(doubt.offset, offset)
    doubt.lastStamp = stamp
    if (++doubt.witnesses < WITNESSES) return
    this.#doubt = undefined
    this.#offset = this.#recent = doubt.offset
    this.#isSeen = true
    this.#windowEnds = elapsed + WINDOW_MS
  }
}
