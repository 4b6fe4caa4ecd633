import { Decimal, type DecimalString } from '../../../src/domain/decimal.ts'
import type { Level, OrderBook, PointOf } from '../../../src/domain/market-data.ts'
import type { BookSideName } from '../../../src/core/book/local-book.ts'

export const level = (price: string, size: string): Level => [price as DecimalString, size as DecimalString]

/** Levels written as `price:size`. */
export const levels = (...pairs: readonly string[]): Level[] =>
  pairs.map((pair) => {
    const [price = '', size = ''] = pair.split(':')
    return level(price, size)
  })

export interface FrameParts extends Partial<Omit<OrderBook, 'bids' | 'asks'>> {
  readonly bids?: readonly Level[]
  readonly asks?: readonly Level[]
  readonly at?: number
}

export function bookFrame({ at = 1_000, ...parts }: FrameParts): PointOf<'orderbook'> {
  const data = { kind: 'update' as const, bids: [], asks: [], sequence: undefined, previousSequence: undefined, ...parts }
  return { exchange: 'okx', symbol: 'BTC-USDT', dataType: 'orderbook', timestamp: at, receivedAt: at, data }
}

/** One side as slowly and as plainly as can be. */
export class NaiveSide {
  #levels: Level[] = []
  readonly #side: BookSideName

  constructor(side: BookSideName) {
    this.#side = side
  }

  apply(changes: readonly Level[]): void {
    for (const [price, size] of changes) {
      this.#levels = this.#levels.filter(([other]) => !new Decimal(other).eq(price))
      if (!new Decimal(size).isZero()) this.#levels.push([price, size])
    }
    const direction = this.#side === 'bids' ? -1 : 1
    this.#levels.sort(([a], [b]) => direction * new Decimal(a).cmp(b))
  }

  get levels(): readonly Level[] {
    return this.#levels
  }
}
