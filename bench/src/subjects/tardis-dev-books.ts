import { installedVersion } from '../installed.ts'
import type { BookFeed, BookSubject } from './book-subject.ts'

interface BookChange {
  readonly symbol: string
  readonly timestamp: Date
}
interface Level {
  readonly price: number
  readonly amount: number
}
interface OrderBook {
  update(change: BookChange): void
  bestBid(): Level | undefined
  bestAsk(): Level | undefined
  bids(): IterableIterator<Level>
  asks(): IterableIterator<Level>
}
interface Mapper {
  canHandle(message: unknown): boolean
  map(message: unknown, localTimestamp: Date): IterableIterator<BookChange>
}
interface TardisModule {
  readonly normalizeBookChanges: (exchange: 'okex', localTimestamp: Date) => Mapper
  readonly OrderBook: new () => OrderBook
}

export async function tardisDevBooks({ nativeSymbols, instrumentOfFrame }: BookFeed): Promise<BookSubject> {
  const module = (await import('tardis-dev')) as unknown as TardisModule
  const localTimestamp = new Date()
  const mapper = module.normalizeBookChanges('okex', localTimestamp)
  const books = nativeSymbols.map(() => new module.OrderBook())
  const bySymbol = new Map(nativeSymbols.map((nativeSymbol, place) => [nativeSymbol, books[place]!]))
  const timestamps = new Map<string, Date>()
  let bid: Level | undefined
  let ask: Level | undefined
  return {
    name: 'tardis-dev',
    version: installedVersion('tardis-dev'),
    path: '`JSON.parse(text)`, `mapper.canHandle(message)`, `mapper.map(message, localTimestamp)`, `orderBook.update(change)`; then `orderBook.bestBid()`, `orderBook.bestAsk()`; the async iteration around it is left out',
    lacks: () => undefined,
    consume(text, index) {
      const message: unknown = JSON.parse(text)
      if (mapper.canHandle(message)) {
        for (const change of mapper.map(message, localTimestamp)) {
          bySymbol.get(change.symbol)!.update(change)
          timestamps.set(change.symbol, change.timestamp)
        }
      }
      const book = books[instrumentOfFrame[index]!]!
      bid = book.bestBid()
      ask = book.bestAsk()
      return undefined
    },
    lastTimestamp: (_channel, nativeSymbol) =>
      bid === undefined || ask === undefined ? NaN : Number(timestamps.get(nativeSymbol)),
    levels: (nativeSymbol, side) => [...bySymbol.get(nativeSymbol)![side]()].map(({ price, amount }) => [price, amount] as const),
    close: () => Promise.resolve(),
  }
}
