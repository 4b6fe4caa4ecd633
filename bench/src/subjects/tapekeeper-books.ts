import type { Level, LocalBook } from 'tapekeeper'
import { loadTapekeeper, type Built } from '../built.ts'
import type { BookFeed, BookSubject } from './book-subject.ts'
import { scriptedExchange } from './scripted-exchange.ts'

/** One running collector per instrument, as a user has them; their sockets are scripted. */
export async function tapekeeperBooks(built: Built, { nativeSymbols, instrumentOfFrame }: BookFeed): Promise<BookSubject> {
  const { createOkxCollector, DataType, silentLogger, systemPorts } = await loadTapekeeper(built)
  const exchange = scriptedExchange(systemPorts, nativeSymbols)
  const collectors = nativeSymbols.map((nativeSymbol) =>
    createOkxCollector({
      symbol: nativeSymbol.replace(/-SWAP$/, '-PERP'),
      dataTypes: [DataType.OrderBook],
      orderBook: { depth: 'full', updates: false, snapshotIntervalMs: Number.MAX_SAFE_INTEGER },
      logger: silentLogger,
      ports: exchange.ports,
    }),
  )
  for (const started of await Promise.all(collectors.map((collector) => collector.start()))) {
    if (!started) throw new Error('a collector did not start')
  }
  const books = collectors.map(({ book }) => book!)
  const sockets = nativeSymbols.map((nativeSymbol) => exchange.socketOf(nativeSymbol))
  let bid: Level | undefined
  let ask: Level | undefined
  const bookOf = (nativeSymbol: string): LocalBook => {
    const book = books[nativeSymbols.indexOf(nativeSymbol)]!
    if (!book.isValid) throw new Error(`the book of ${nativeSymbol} is not valid`)
    return book
  }
  return {
    name: 'tapekeeper',
    version: built.version,
    path: "one running collector per instrument, `orderBook: { depth: 'full', updates: false }` and no periodic snapshots, on a scripted `ports.socket` that hands over the text: link, decoder, checks of sequence and crossing, `collector.book`; then `book.bestBid`, `book.bestAsk`",
    lacks: () => undefined,
    consume(text, index) {
      const place = instrumentOfFrame[index]!
      sockets[place]!.onText(text)
      const book = books[place]!
      bid = book.bestBid
      ask = book.bestAsk
      return undefined
    },
    lastTimestamp: (_channel, nativeSymbol) =>
      bid === undefined || ask === undefined ? NaN : Number(bookOf(nativeSymbol).timestamp),
    levels: (nativeSymbol, side) =>
      [...bookOf(nativeSymbol).levels(side)].map(([price, size]) => [Number(price), Number(size)] as const),
    async close() {
      await Promise.all(collectors.map((collector) => collector.stop()))
    },
  }
}
