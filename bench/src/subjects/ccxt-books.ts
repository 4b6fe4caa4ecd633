import { installedVersion } from '../installed.ts'
import type { BookFeed, BookSubject } from './book-subject.ts'
import { ccxtOffline, type OrderBook } from './ccxt.ts'

export async function ccxtBooks({ nativeSymbols, instrumentOfFrame }: BookFeed): Promise<BookSubject> {
  const { exchange, client, symbols } = await ccxtOffline(nativeSymbols)
  let bid: readonly [number, number] | undefined
  let ask: readonly [number, number] | undefined
  // A snapshot puts a new object in the place of the book.
  const bookOf = (nativeSymbol: string): OrderBook => exchange.orderbooks[exchange.market(nativeSymbol).symbol]!
  return {
    name: 'ccxt',
    version: installedVersion('ccxt'),
    path: "`onMessage(event)` of `ccxt.pro.okx`'s own client, never connected, nobody awaiting: parse, `handleOrderBook` with its check of the sequence; then `exchange.orderbooks[symbol].bids[0]`, `asks[0]`",
    lacks: () => undefined,
    consume(text, index) {
      client.onMessage({ data: text })
      const book = exchange.orderbooks[symbols[instrumentOfFrame[index]!]!]!
      bid = book.bids[0]
      ask = book.asks[0]
      return undefined
    },
    lastTimestamp: (_channel, nativeSymbol) => (bid === undefined || ask === undefined ? NaN : bookOf(nativeSymbol).timestamp),
    levels: (nativeSymbol, side) => Array.from(bookOf(nativeSymbol)[side], ([price, size]) => [price, size] as const),
    close: () => Promise.resolve(),
  }
}
