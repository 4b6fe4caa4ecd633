import type { Decimal as DecimalType } from 'tapekeeper'
import type { BenchTrade } from './generated-trades.ts'

interface Bar {
  openTime: number
  closeTime: number
  open: DecimalType
  high: DecimalType
  low: DecimalType
  close: DecimalType
  volume: DecimalType
  quoteVolume: DecimalType
  takerBuyVolume: DecimalType
  tradesCount: number
}

/** What one writes first: exact, each trade added to the bar of every timeframe with the operations of decimal.js. */
export class DecimalFold {
  readonly #Decimal: typeof DecimalType
  readonly #timeframes: readonly (readonly [timeframe: string, length: number])[]
  readonly #bars: (Bar | undefined)[]
  readonly #onCandle: (candle: Bar & { readonly timeframe: string; readonly status: 'closed' }) => void
  #lastId = ''

  constructor(
    decimal: typeof DecimalType,
    timeframes: readonly (readonly [timeframe: string, length: number])[],
    onCandle: (candle: Bar & { readonly timeframe: string; readonly status: 'closed' }) => void,
  ) {
    this.#Decimal = decimal
    this.#timeframes = timeframes
    this.#bars = timeframes.map(() => undefined)
    this.#onCandle = onCandle
  }

  add(trade: BenchTrade): void {
    if (trade.id === this.#lastId) return
    this.#lastId = trade.id
    const price = new this.#Decimal(trade.price)
    const size = new this.#Decimal(trade.size)
    const none = new this.#Decimal(0)
    this.#timeframes.forEach(([, length], level) => {
      let bar = this.#bars[level]
      if (bar !== undefined && trade.timestamp >= bar.closeTime) {
        this.#close(level, bar)
        bar = undefined
      }
      const openTime = trade.timestamp - (trade.timestamp % length)
      bar ??= this.#bars[level] = {
        openTime,
        closeTime: openTime + length,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: none,
        quoteVolume: none,
        takerBuyVolume: none,
        tradesCount: 0,
      }
      if (price.gt(bar.high)) bar.high = price
      if (price.lt(bar.low)) bar.low = price
      bar.close = price
      bar.volume = bar.volume.plus(size)
      bar.quoteVolume = bar.quoteVolume.plus(price.times(size))
      if (trade.side === 'buy') bar.takerBuyVolume = bar.takerBuyVolume.plus(size)
      bar.tradesCount++
    })
  }

  flush(): void {
    this.#bars.forEach((bar, level) => bar !== undefined && this.#close(level, bar))
  }

  #close(level: number, bar: Bar): void {
    this.#bars[level] = undefined
    this.#onCandle({ timeframe: this.#timeframes[level]![0], ...bar, status: 'closed' })
  }
}
