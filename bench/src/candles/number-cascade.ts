import type { BenchTrade } from './generated-trades.ts'

export interface NumberCandle {
  readonly exchange: string
  readonly symbol: string
  readonly timeframe: string
  readonly openTime: number
  readonly closeTime: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly volume: number
  readonly quoteVolume: number
  readonly takerBuyVolume: number
  readonly tradesCount: number
  readonly status: 'closed'
}

interface Level {
  readonly timeframe: string
  readonly length: number
  readonly targets: Level[]
  count: number
  openTime: number
  closeTime: number
  open: number
  high: number
  low: number
  close: number
  volume: number
  quoteVolume: number
  takerBuyVolume: number
}

/**
 * The same cascade without exactness, as one would write it for speed: one bar per timeframe, `number`s, closed when a trade of a later
 * bucket comes. It knows no lateness, no revision, no gap; of duplicates only the one that repeats the trade before.
 */
export class NumberCascade {
  readonly #levels: Level[]
  readonly #onCandle: (candle: NumberCandle) => void
  #lastId = ''

  constructor(timeframes: readonly (readonly [timeframe: string, length: number])[], onCandle: (candle: NumberCandle) => void) {
    this.#onCandle = onCandle
    this.#levels = []
    for (const [timeframe, length] of timeframes) {
      const level: Level = {
        timeframe,
        length,
        targets: [],
        count: 0,
        openTime: NaN,
        closeTime: NaN,
        open: NaN,
        high: NaN,
        low: NaN,
        close: NaN,
        volume: NaN,
        quoteVolume: NaN,
        takerBuyVolume: NaN,
      }
      this.#levels.findLast((shorter) => length % shorter.length === 0)?.targets.push(level)
      this.#levels.push(level)
    }
  }

  add(trade: BenchTrade): void {
    if (trade.id === this.#lastId) return
    this.#lastId = trade.id
    const { timestamp } = trade
    const bar = this.#levels[0]!
    if (bar.count > 0 && timestamp >= bar.closeTime) this.#closeUntil(timestamp)
    const price = Number(trade.price)
    const size = Number(trade.size)
    if (bar.count === 0) {
      this.#start(bar, timestamp)
      bar.open = bar.high = bar.low = price
    } else if (price > bar.high) bar.high = price
    else if (price < bar.low) bar.low = price
    bar.close = price
    bar.volume += size
    bar.quoteVolume += price * size
    if (trade.side === 'buy') bar.takerBuyVolume += size
    bar.count++
  }

  flush(): void {
    this.#closeUntil(Infinity)
  }

  #closeUntil(time: number): void {
    for (const level of this.#levels) if (level.count > 0 && level.closeTime <= time) this.#close(level)
  }

  #close(bar: Level): void {
    for (const target of bar.targets) {
      if (target.count === 0) {
        this.#start(target, bar.openTime)
        target.open = bar.open
        target.high = bar.high
        target.low = bar.low
      } else {
        if (bar.high > target.high) target.high = bar.high
        if (bar.low < target.low) target.low = bar.low
      }
      target.close = bar.close
      target.volume += bar.volume
      target.quoteVolume += bar.quoteVolume
      target.takerBuyVolume += bar.takerBuyVolume
      target.count += bar.count
    }
    this.#onCandle({
      exchange: 'okx',
      symbol: 'BTC-USDT',
      timeframe: bar.timeframe,
      openTime: bar.openTime,
      closeTime: bar.closeTime,
      open: bar.open,
      high: bar.high,
      low: bar.low,
      close: bar.close,
      volume: bar.volume,
      quoteVolume: bar.quoteVolume,
      takerBuyVolume: bar.takerBuyVolume,
      tradesCount: bar.count,
      status: 'closed',
    })
    bar.count = 0
  }

  #start(bar: Level, time: number): void {
    bar.openTime = time - (time % bar.length)
    bar.closeTime = bar.openTime + bar.length
    bar.volume = bar.quoteVolume = bar.takerBuyVolume = 0
  }
}
