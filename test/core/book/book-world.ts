import { createVirtualExchange, seededRandom, type FakeBook, type VirtualExchange, type VirtualOptions } from 'tapekeeper/testing'
import { BookKeeper, type BookKeeperOptions, type BookStateChange } from '../../../src/core/book/book-keeper.ts'
import { MaintainedBook, type LocalBook } from '../../../src/core/book/local-book.ts'
import type { Level, PointOf } from '../../../src/domain/market-data.ts'
import { createDecoder } from '../../../src/exchanges/okx/decode.ts'
import { decodeBook } from '../../../src/exchanges/okx/decode-book.ts'
import type { Socket } from '../../../src/ports/socket.ts'
import { noList } from '../../exchanges/okx/support.ts'

const REDIAL_MS = 1_000
const ACK_TIMEOUT_MS = 5_000

/** One symbol's keeper, what it said, and what a consumer made of that. */
export class KeptSymbol {
  readonly keeper: BookKeeper
  readonly emitted: PointOf<'orderbook'>[] = []
  readonly changes: BookStateChange[] = []
  readonly mirror: MaintainedBook
  /** Subscriptions wait for the unsubscribe's answer. */
  leaving: (() => void) | undefined

  constructor(world: BookWorld, symbol: string, options: Partial<BookKeeperOptions>) {
    const { clock, http } = world.fake.ports
    this.mirror = new MaintainedBook(symbol)
    this.keeper = new BookKeeper(
      { symbol, clock, random: seededRandom(`${symbol}/keeper`), updates: true, ...options },
      {
        emit: (point) => {
          this.emitted.push(point)
          if (point.data.kind === 'snapshot') this.mirror.replace(point.data, point.timestamp)
          else this.mirror.apply(point.data, point.timestamp)
        },
        onState: (change) => this.changes.push(change),
        resubscribe: () => world.resubscribe(symbol),
        reconnect: () => world.reconnect(),
        fetchSnapshot: async (signal) => {
          const url = `${world.fake.endpoints.rest}/api/v5/market/books?instId=${symbol}&sz=400&source=0`
          const { status, text } = await http({ url, signal })
          const row = status === 200 ? (JSON.parse(text) as { data: Readonly<Record<string, unknown>>[] }).data[0] : undefined
          const point = row === undefined ? 'no row' : decodeBook(row, 'snapshot', true, symbol, clock.now())
          if (typeof point === 'string') throw new Error(point)
          return point
        },
      },
    )
  }
}

/** Keepers over one plain connection to the fake exchange: as little as is needed, and nothing of the collector's. */
export class BookWorld {
  readonly fake: VirtualExchange
  readonly symbols = new Map<string, KeptSymbol>()
  readonly #decode = createDecoder(noList)
  #socket: Socket | undefined
  #dials = 0
  #cancelRedial: () => void = () => undefined

  constructor(symbols: readonly string[], exchange: VirtualOptions, options: Partial<BookKeeperOptions> = {}) {
    this.fake = createVirtualExchange({ instruments: symbols, historyMs: 0, tradesPerSecond: 0, ...exchange })
    for (const symbol of symbols) this.symbols.set(symbol, new KeptSymbol(this, symbol, options))
    this.#dial()
  }

  of(symbol: string): KeptSymbol {
    const kept = this.symbols.get(symbol)
    if (kept === undefined) throw new Error(`no ${symbol} here`)
    return kept
  }

  resubscribe(symbol: string): void {
    const kept = this.of(symbol)
    this.#request('unsubscribe', symbol)
    kept.leaving?.()
    kept.leaving = this.fake.clock.after(ACK_TIMEOUT_MS, () => this.#left(symbol))
  }

  reconnect(): void {
    this.#socket?.terminate()
    this.#lost()
  }

  async end(): Promise<void> {
    // Whatever the old socket still says is no longer ours.
    this.#dials++
    this.#cancelRedial()
    for (const kept of this.symbols.values()) {
      kept.keeper.stop()
      kept.leaving?.()
    }
    this.#socket?.terminate()
    await this.fake.close()
  }

  #dial(): void {
    const own = ++this.#dials
    const isCurrent = (): boolean => own === this.#dials
    this.#socket = this.fake.ports.socket(this.fake.endpoints.public, {
      onOpen: () => {
        if (isCurrent()) for (const symbol of this.symbols.keys()) this.#request('subscribe', symbol)
      },
      onText: (text) => {
        if (isCurrent()) this.#received(text)
      },
      onBinary: () => undefined,
      onClose: () => {
        if (isCurrent()) this.#lost()
      },
    })
  }

  #lost(): void {
    this.#dials++
    this.#socket = undefined
    for (const kept of this.symbols.values()) {
      kept.leaving?.()
      kept.leaving = undefined
      kept.keeper.onLost()
    }
    this.#cancelRedial = this.fake.clock.after(REDIAL_MS, () => this.#dial())
  }

  #received(text: string): void {
    const frame = this.#decode(text, this.fake.clock.now())
    const symbolOf = (topicKey: string): string => topicKey.replace('books:', '')
    if (frame.kind === 'subscribed') this.of(symbolOf(frame.topicKey)).keeper.onConfirmed()
    else if (frame.kind === 'unsubscribed') this.#left(symbolOf(frame.topicKey))
    else if (frame.kind === 'data') {
      for (const point of frame.points) if (point.dataType === 'orderbook') this.of(point.symbol).keeper.onFrame(point)
    } else if (frame.kind === 'invalid') {
      for (const [symbol, { keeper }] of this.symbols) if (text.includes(`"${symbol}"`)) keeper.onBadFrame(this.fake.clock.now())
    }
  }

  #left(symbol: string): void {
    const kept = this.of(symbol)
    if (kept.leaving === undefined) return
    kept.leaving()
    kept.leaving = undefined
    this.#request('subscribe', symbol)
  }

  #request(op: string, symbol: string): void {
    this.#socket?.send(JSON.stringify({ op, args: [{ channel: 'books', instId: symbol }] }))
  }
}

/** Remembers the exchange's books, to tell whether one of ours is the exchange's of the same number. */
export class Truth {
  readonly #books = new Map<number, FakeBook[]>()

  note(book: FakeBook): void {
    const known = this.#books.get(book.sequence)
    // Numbers begin again after maintenance.
    if (known === undefined) this.#books.set(book.sequence, [book])
    else if (known.at(-1)?.timestamp !== book.timestamp) known.push(book)
  }

  knows(book: LocalBook): boolean {
    return this.#books.get(book.sequence ?? -1)?.some((known) => isSame(book, known)) === true
  }
}

export function isSame(own: LocalBook, { bids, asks }: Pick<FakeBook, 'bids' | 'asks'>): boolean {
  const agrees = (side: 'bids' | 'asks', expected: readonly (readonly [string, string, ...unknown[]])[]): boolean => {
    let isAlike = own.depth(side) === expected.length
    own.forEachLevel(side, (price, size, index) => (isAlike &&= expected[index]?.[0] === price && expected[index][1] === size))
    return isAlike
  }
  return agrees('bids', bids) && agrees('asks', asks)
}

export function isSameBook(own: LocalBook, other: LocalBook): boolean {
  const listed = (book: LocalBook): { bids: readonly Level[]; asks: readonly Level[] } => book.snapshot()
  return own.sequence === other.sequence && isSame(own, listed(other) as never)
}
