import { compareCandles, type CandleDifference } from '../../aggregation/compare-candles.ts'
import type { OhlcvData } from '../../domain/market-data.ts'

/** A candle made of trades that is not the exchange's own. */
export interface CandleMismatch {
  readonly ours: OhlcvData
  readonly theirs: OhlcvData
  readonly differences: readonly CandleDifference[]
}

/** Candles that wait for their counterpart. */
const KEPT = 1_000

/** Compares closed candles from two sources, whichever comes first. */
export class CandleCheck {
  readonly #onMismatch: (mismatch: CandleMismatch) => void
  readonly #ours = new Map<string, OhlcvData>()
  readonly #theirs = new Map<string, OhlcvData>()

  constructor(onMismatch: (mismatch: CandleMismatch) => void) {
    this.#onMismatch = onMismatch
  }

  /** Made of trades. One that is known to be incomplete is not compared; its revision is. */
  ours(candle: OhlcvData): void {
    if (candle.status === 'open') return
    if (candle.complete) this.#take(candle, this.#ours)
    else this.#ours.delete(keyOf(candle))
  }

  /** The exchange's own. */
  theirs(candle: OhlcvData): void {
    if (candle.status === 'closed') this.#take(candle, this.#theirs)
  }

  #take(candle: OhlcvData, own: Map<string, OhlcvData>): void {
    const key = keyOf(candle)
    own.set(key, candle)
    if (own.size > KEPT) own.delete(own.keys().next().value ?? key)
    const [ours, theirs] = [this.#ours.get(key), this.#theirs.get(key)]
    if (ours === undefined || theirs === undefined) return
    const differences = compareCandles(ours, theirs)
    if (differences.length > 0) this.#onMismatch({ ours, theirs, differences })
  }
}

const keyOf = ({ timeframe, openTime }: OhlcvData): string => `${timeframe} ${openTime}`
