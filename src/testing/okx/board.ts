import type { TimerScope } from '../timer-scope.ts'
import type { Cancel } from '../../ports/clock.ts'
import type { DataFaults } from './data-faults.ts'
import { MarketFeeds, type FeedOptions } from './feeds.ts'
import type { FakeInstrument } from './instruments.ts'
import { Market, type MarketOptions } from './market.ts'
import type { Session } from './session.ts'

/** The pace of every market and every channel. Whole ticks of the epoch, so that candles close exactly. */
const TICK_MS = 100

interface Entry {
  readonly market: Market
  readonly feeds: MarketFeeds
}

/**
 * All markets. One timer drives those that somebody watches; the others are made up to date when they are asked for.
 * A market's past does not depend on when it was first looked at.
 */
export class MarketBoard {
  readonly #timers: TimerScope
  readonly #faults: DataFaults
  readonly #options: MarketOptions & FeedOptions
  readonly #entries = new Map<string, Entry>()
  readonly #watched = new Set<Entry>()
  readonly #startAt: number
  #tickAt: number
  #cancelTick: Cancel | undefined
  #isHeld = false

  constructor(timers: TimerScope, faults: DataFaults, options: MarketOptions & FeedOptions) {
    this.#timers = timers
    this.#faults = faults
    this.#options = options
    this.#startAt = lastTick(timers.now())
    this.#tickAt = this.#startAt
  }

  /** Time stands still while `run` runs: no tick comes between a subscription and its first data, however slow the machine. */
  atOneInstant(run: () => void): void {
    this.#catchUp()
    this.#isHeld = true
    try {
      run()
    } finally {
      this.#isHeld = false
    }
  }

  /** The market as it is now. */
  market(instrument: FakeInstrument): Market {
    return this.#entry(instrument).market
  }

  /** The market and its channels, up to date. */
  feeds(instrument: FakeInstrument): MarketFeeds {
    return this.#entry(instrument).feeds
  }

  watch(session: Session, instrument: FakeInstrument, channel: string): void {
    const entry = this.#entry(instrument)
    entry.feeds.add(session, channel)
    this.#watched.add(entry)
    this.#scheduleTick()
  }

  unwatch(session: Session, instrument: FakeInstrument, channel: string): void {
    const entry = this.#entries.get(instrument.native.instId)
    entry?.feeds.remove(session, channel)
    if (entry === undefined || entry.feeds.isWatched) return
    this.#watched.delete(entry)
    if (this.#watched.size > 0) return
    this.#cancelTick?.()
    this.#cancelTick = undefined
  }

  #entry(instrument: FakeInstrument): Entry {
    this.#catchUp()
    const { instId } = instrument.native
    let entry = this.#entries.get(instId)
    if (entry === undefined) {
      const market = new Market(instrument, this.#startAt, this.#options)
      entry = { market, feeds: new MarketFeeds(market, this.#faults, this.#options) }
      this.#entries.set(instId, entry)
    }
    while (entry.market.now < this.#tickAt) entry.market.skip(TICK_MS)
    return entry
  }

  /** Plays the ticks that are due: a late timer costs no tick. */
  #catchUp(): void {
    if (this.#isHeld) return
    const due = lastTick(this.#timers.now())
    if (this.#watched.size === 0) this.#tickAt = Math.max(this.#tickAt, due)
    while (this.#tickAt < due) {
      this.#tickAt += TICK_MS
      for (const { market, feeds } of [...this.#watched]) feeds.publish(market.step(TICK_MS), this.#tickAt)
    }
  }

  #scheduleTick(): void {
    if (this.#cancelTick !== undefined) return
    this.#cancelTick = this.#timers.after(this.#tickAt + TICK_MS - this.#timers.now(), () => {
      this.#cancelTick = undefined
      this.#catchUp()
      if (this.#watched.size > 0) this.#scheduleTick()
    })
  }
}

const lastTick = (now: number): number => Math.floor(now / TICK_MS) * TICK_MS
