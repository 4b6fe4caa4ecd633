import type { PointOf } from '../../domain/market-data.ts'
import type { Clock } from '../../ports/clock.ts'

/** An answer serves whoever asks within this time. */
const FRESH_MS = 500

/** The latest trade of a market, by REST: one request for all the streams of a collector that ask together. */
export class LatestTrade {
  readonly #load: (signal: AbortSignal) => Promise<PointOf<'trade'> | undefined>
  readonly #clock: Clock
  readonly #ending = new AbortController()
  #asked: { readonly at: number; readonly answer: Promise<PointOf<'trade'> | undefined> } | undefined

  constructor(load: (signal: AbortSignal) => Promise<PointOf<'trade'> | undefined>, clock: Clock) {
    this.#load = load
    this.#clock = clock
  }

  /** Undefined when the market never traded. Rejects when REST cannot tell. */
  get(): Promise<PointOf<'trade'> | undefined> {
    const elapsed = this.#clock.elapsed()
    if (this.#asked === undefined || elapsed - this.#asked.at >= FRESH_MS) {
      this.#asked = { at: elapsed, answer: this.#load(this.#ending.signal) }
    }
    return this.#asked.answer
  }

  stop(): void {
    this.#ending.abort()
  }
}
