import type { Cancel, Clock } from '../../ports/clock.ts'
import type { ConsolidatedTrade } from './view-events.ts'

interface Held {
  readonly trade: ConsolidatedTrade
  /** Exchange time, raised where a venue's own order says otherwise. */
  readonly key: number
  /** Elapsed time. */
  readonly dueAt: number
}

/** Trades held at most; beyond, the earliest goes out before its time. */
const MOST_HELD = 10_000
/** A time further ahead than this is an exchange's mistake, and must not push everybody else's trades into the past. Milliseconds. */
const FARTHEST_AHEAD_MS = 60_000

/**
 * Merges trades by exchange time, as far as a short wait allows. The order within a venue is its own and is never changed. A trade
 * that comes after later ones have been handed on is handed on at once: holding it would help nobody.
 */
export class HoldBack {
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #release: (trade: ConsolidatedTrade) => void
  /** In order of `key`, then of arrival. */
  readonly #held: Held[] = []
  readonly #lastKeys = new Map<string, number>()
  #handedKey = -Infinity
  #cancel: Cancel | undefined

  constructor(clock: Clock, waitMs: number, release: (trade: ConsolidatedTrade) => void) {
    this.#clock = clock
    this.#waitMs = waitMs
    this.#release = release
  }

  /** @param exchangeTime what time it is at its exchange. */
  accept(trade: ConsolidatedTrade, exchangeTime: number): void {
    const time = Math.min(trade.timestamp, exchangeTime + FARTHEST_AHEAD_MS)
    const key = Math.max(time, this.#lastKeys.get(trade.venue) ?? -Infinity)
    this.#lastKeys.set(trade.venue, key)
    if (key < this.#handedKey) {
      this.#release(trade)
      return
    }
    const place = this.#held.findLastIndex((held) => held.key <= key) + 1
    this.#held.splice(place, 0, { trade, key, dueAt: this.#clock.elapsed() + this.#waitMs })
    if (this.#held.length > MOST_HELD) this.#hand(1)
    this.#cancel ??= this.#clock.after(this.#waitMs, this.#wake)
  }

  /** The next trade of this venue follows nothing. */
  forget(venue: string): void {
    this.#lastKeys.delete(venue)
  }

  /** Hands on everything at once. */
  flush(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#hand(this.#held.length)
  }

  readonly #wake = (): void => {
    const now = this.#clock.elapsed()
    // Whatever is earlier than a trade whose time is up goes before it.
    this.#hand(this.#held.findLastIndex(({ dueAt }) => dueAt <= now) + 1)
    const next = this.#held.reduce((least, { dueAt }) => Math.min(least, dueAt), Infinity)
    this.#cancel = next === Infinity ? undefined : this.#clock.after(next - now, this.#wake)
  }

  #hand(count: number): void {
    // One by one: a listener may flush what is left.
    for (let left = count; left > 0; left--) {
      const held = this.#held.shift()
      if (held === undefined) return
      this.#handedKey = held.key
      this.#release(held.trade)
    }
  }
}
