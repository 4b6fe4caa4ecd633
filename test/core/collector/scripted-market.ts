import { StreamWatch, type StaleFinding, type TradeMark } from '../../../src/core/collector/stream-watch.ts'
import { momentOf, sleep } from '../../../src/ports/clock.ts'
import type { Random } from '../../../src/ports/random.ts'
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts'

/** The stream delivers a trade at most this long after it was made. Milliseconds. */
const LATENCY_MS = 500
const HOUR_MS = 3_600_000

interface RestSettings {
  /** Longest answer. Milliseconds. */
  readonly delayMs: number
  /** A trade shows this long after it was made. Milliseconds. */
  readonly lagMs: number
  /** Share of requests that are rejected. */
  readonly failing: number
}

export interface MarketSettings {
  readonly isTrades: boolean
  readonly maxSilenceMs: number
  readonly rest: RestSettings
  readonly random: Random
}

/** A market that trades at scripted times, a stream that brings its trades or does not, REST that knows them, and a watch over the stream. */
export class ScriptedMarket {
  readonly clock: VirtualClock = createVirtualClock()
  readonly watch: StreamWatch
  readonly found: (StaleFinding & { readonly at: number })[] = []
  recovered = 0
  probes = 0
  /** Data that came. */
  arrivals = 0
  /** Requests that have not been answered. */
  restPending = 0
  /** The stream brings what is traded. */
  delivers = true
  readonly #settings: MarketSettings
  readonly #trades: number[] = []
  #lastArrival = 0
  #epoch = 0

  constructor(settings: MarketSettings) {
    this.#settings = settings
    const { isTrades, maxSilenceMs, random } = settings
    this.watch = new StreamWatch({
      isTrades,
      clock: this.clock,
      random,
      latestTrade: () => this.#ask(),
      maxSilenceMs: () => maxSilenceMs,
      onStale: (finding) => this.found.push({ ...finding, at: this.now }),
      onRecovered: () => {
        this.recovered++
      },
    })
  }

  /** The market's own time: our wall clock may be stepped, see `trades`. */
  get now(): number {
    return this.clock.elapsed()
  }

  /** Since the market last traded. */
  get quietMs(): number {
    return this.now - (this.#trades.at(-1) ?? 0)
  }

  confirm(): void {
    this.#epoch++
    this.watch.confirmed(momentOf(this.clock))
  }

  interrupt(): void {
    this.#epoch++
    this.watch.interrupted()
  }

  /** A trade is made now. What had been made before a connection was lost does not come on the next one. */
  trade(): void {
    const { isTrades, random } = this.#settings
    const at = this.now
    this.#trades.push(at)
    if (!this.delivers) return
    const epoch = this.#epoch
    // In order, however they are delayed.
    this.#lastArrival = Math.max(this.#lastArrival, at + Math.floor(random() * LATENCY_MS))
    this.clock.after(this.#lastArrival - at, () => {
      if (epoch !== this.#epoch) return
      this.arrivals++
      this.watch.data(momentOf(this.clock), isTrades ? tradeAt(at) : undefined)
    })
  }

  /** Trades come one after the other, at random, `perSecond` on average, or in bursts of `burst` of them. */
  async trades(durationMs: number, perSecond: number, burst = 1): Promise<void> {
    if (this.#settings.random() < 0.3) this.clock.stepWall((this.#settings.random() - 0.5) * 2 * HOUR_MS)
    const until = this.now + durationMs
    const next = (): void => {
      const gapMs = Math.max(1, Math.round((-Math.log(1 - this.#settings.random()) * 1_000 * burst) / perSecond))
      if (this.now + gapMs >= until) return
      this.clock.after(gapMs, () => {
        for (let i = 0; i < burst; i++) this.trade()
        next()
      })
    }
    if (perSecond > 0) next()
    await this.clock.advance(durationMs)
  }

  async #ask(): Promise<TradeMark | undefined> {
    const { rest, random } = this.#settings
    this.probes++
    this.restPending++
    await sleep(this.clock, Math.floor(random() * rest.delayMs))
    this.restPending--
    if (random() < rest.failing) throw new Error('REST failed')
    const at = this.#trades.findLast((time) => time <= this.now - rest.lagMs)
    return at === undefined ? undefined : tradeAt(at)
  }
}

/** The trade of a moment; its id is that moment, too. */
export const tradeAt = (timestamp: number, id = String(timestamp)): TradeMark => ({ timestamp, data: { id } })
