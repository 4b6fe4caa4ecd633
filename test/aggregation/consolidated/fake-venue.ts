import type { DataOf, PointOf, Trade } from '../../../src/domain/market-data.ts'
import type { SizeTerms } from '../../../src/aggregation/quote-rule.ts'
import type { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import type {
  Venue,
  VenueBook,
  VenueDataType,
  VenueGap,
  VenueStatus,
  VenueSubscription,
} from '../../../src/aggregation/consolidated/venue.ts'
import { asDecimal } from '../../support/decimals.ts'

export const SYMBOL = 'BTC-USDT'

type Call = (...args: never[]) => unknown
type Pairs = readonly (readonly [price: string, size: string])[]

/** A collector reduced to what a view sees of one: points and news by hand. */
export class FakeVenue implements Venue {
  readonly exchangeName: string
  book: VenueBook | undefined
  instrument: SizeTerms | undefined
  subscriptions: VenueSubscription[] = []
  state = 'running'
  dataTypes = ['ticker', 'trade', 'orderbook']
  /** The exchange's clock, as elapsed time: it knows nothing of steps of ours. */
  offset: number
  readonly #clock: VirtualClock
  readonly #calls: { readonly name: string; readonly call: Call }[] = []
  #nextId = 1

  constructor(exchangeName: string, clock: VirtualClock) {
    this.exchangeName = exchangeName
    this.#clock = clock
    this.offset = clock.now() - clock.elapsed()
  }

  /** What time it is at the exchange. */
  get time(): number {
    return this.offset + this.#clock.elapsed()
  }

  /** Callbacks and listeners that are attached. */
  get attached(): number {
    return this.#calls.length
  }

  getStatus(): VenueStatus {
    return { status: this.state, dataTypes: this.dataTypes, subscriptions: this.subscriptions }
  }

  on(event: string, listener: Call): void {
    this.#calls.push({ name: event, call: listener })
  }

  off(event: string, listener: Call): void {
    const index = this.#calls.findIndex(({ name, call }) => name === event && call === listener)
    if (index >= 0) this.#calls.splice(index, 1)
  }

  addDataCallback<T extends VenueDataType>(dataType: T, callback: (point: PointOf<T>) => unknown): void {
    this.on(`data ${dataType}`, callback)
  }

  removeDataCallback<T extends VenueDataType>(dataType: T, callback: (point: PointOf<T>) => unknown): void {
    this.off(`data ${dataType}`, callback)
  }

  status(to: string, reason?: string): void {
    this.#emit('status', { to, reason })
  }

  subscription(dataType: string, status: string, symbol = SYMBOL): void {
    this.#emit('subscription', { symbol, dataType, status })
  }

  gap(gap: Partial<VenueGap>): void {
    const nothing = { fromId: undefined, fromTime: undefined, toTime: undefined, trades: undefined }
    this.#emit('gap', { symbol: SYMBOL, reason: 'rest-failed', filled: false, ...nothing, ...gap })
  }

  bookState(state: 'valid' | 'invalid', reason = 'gap', symbol = SYMBOL): void {
    this.#emit('book', { symbol, state, reason })
  }

  ticker(bid: string | undefined, ask: string | undefined, more: Partial<PointOf<'ticker'>> = {}): void {
    const data = {
      ...{ last: undefined, open24h: undefined, high24h: undefined, low24h: undefined },
      ...{ volume24h: undefined, quoteVolume24h: undefined },
      bid: bid === undefined ? undefined : asDecimal(bid),
      bidSize: asDecimal('1'),
      ask: ask === undefined ? undefined : asDecimal(ask),
      askSize: asDecimal('2'),
    }
    this.point('ticker', data, more)
  }

  orderbook(kind: 'snapshot' | 'update', bids: Pairs, asks: Pairs, more: Partial<PointOf<'orderbook'>> = {}): void {
    const levels = (pairs: Pairs) => pairs.map(([price, size]) => [asDecimal(price), asDecimal(size)] as const)
    this.point(
      'orderbook',
      { kind, bids: levels(bids), asks: levels(asks), sequence: undefined, previousSequence: undefined },
      more,
    )
  }

  trade(id = String(this.#nextId++), more: Partial<PointOf<'trade'>> = {}, count?: number, trade: Partial<Trade> = {}): void {
    const data = { id, price: asDecimal('100'), size: asDecimal('1'), side: 'buy', backfilled: false, count, ...trade } as const
    this.point('trade', data, more)
  }

  point<T extends VenueDataType>(dataType: T, data: DataOf[T], more: object): void {
    this.#emit(`data ${dataType}`, {
      ...{ exchange: this.exchangeName, symbol: SYMBOL, dataType, timestamp: this.time, receivedAt: this.#clock.now() },
      data,
      ...more,
    })
  }

  #emit(name: string, value: unknown): void {
    for (const entry of [...this.#calls]) if (entry.name === name) entry.call(value as never)
  }
}
