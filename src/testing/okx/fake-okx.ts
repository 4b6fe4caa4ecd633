import type { Clock } from '../../ports/clock.ts'
import type {
  ConnectionFilter,
  FakeBook,
  FakeConnection,
  FakeDial,
  FakeEndpoints,
  FakeExchange,
  FakeFill,
  FakeOrder,
  FakeRequest,
  FakeRestRequest,
} from '../fake-exchange.ts'
import type { BookLevel } from './book-model.ts'
import type { OkxEngine } from './engine.ts'
import { FaultPanel } from './fault-panel.ts'
import type { FakeInstrument } from './instruments.ts'
import type { Market } from './market.ts'
import type { Session } from './session.ts'
import type { Fill } from './tape.ts'

/** The fake's public face: symbols in either spelling and plain words, turned into calls of the engine. */
export class FakeOkx extends FaultPanel implements FakeExchange {
  readonly endpoints: FakeEndpoints
  readonly clock: Clock
  readonly #closeTransport: () => Promise<void>
  #closing: Promise<void> | undefined

  constructor(engine: OkxEngine, clock: Clock, endpoints: FakeEndpoints, closeTransport: () => Promise<void>) {
    super(engine)
    this.clock = clock
    this.endpoints = endpoints
    this.#closeTransport = closeTransport
  }

  get connections(): readonly FakeConnection[] {
    return this.sessionsAt().map(viewOf)
  }

  get dials(): readonly FakeDial[] {
    return this.engine.dials.entries
  }

  get requests(): readonly FakeRequest[] {
    return this.engine.requests.entries
  }

  get restRequests(): readonly FakeRestRequest[] {
    return this.engine.restApi.log.entries
  }

  get instruments(): readonly FakeInstrument[] {
    return this.engine.instruments.all
  }

  trades(symbol: string): readonly FakeFill[] {
    const market = this.#market(symbol)
    return market.tape.all.map((fill) => fillOf(market, fill))
  }

  book(symbol: string): FakeBook {
    const market = this.#market(symbol)
    const level = ({ price, size, orders }: BookLevel): readonly [string, string, number] => [
      market.contract.price(price),
      market.contract.size(size),
      orders,
    ]
    return {
      bids: market.book.bids.map(level),
      asks: market.book.asks.map(level),
      sequence: market.bookSequence,
      timestamp: market.bookTimestamp,
    }
  }

  trade(symbol: string, order: FakeOrder = {}): readonly FakeFill[] {
    const market = this.#market(symbol)
    const { contract } = market
    const { side = 'buy', count = 1, source = '0', timestamp = this.engine.now() } = order
    const lots = order.size === undefined ? Math.max(count, market.randomLots()) : contract.lots(order.size)
    if (!Number.isInteger(count) || count < 1 || lots < count)
      throw new RangeError(`cannot split ${lots} lots into ${count} fills`)
    const each = Math.floor(lots / count)
    const sizes = Array.from({ length: count }, (_, index) => (index === 0 ? lots - each * (count - 1) : each))
    const price = order.price === undefined ? market.bestPrice(side) : contract.ticks(order.price)
    return this.#publish(symbol, market, market.execute({ price, sizes, side, source, timestamp }))
  }

  emitTrades(symbol: string, count: number): readonly FakeFill[] {
    const market = this.#market(symbol)
    return this.#publish(symbol, market, market.executeRandom(count, this.engine.now()))
  }

  setBalance(asset: string, { available, frozen = '0' }: { readonly available: string; readonly frozen?: string }): void {
    this.engine.account.set(asset, available, frozen, this.engine.now())
    this.engine.pushAccount([asset])
  }

  setTradesPerSecond(symbol: string, tradesPerSecond: number): void {
    if (!(tradesPerSecond >= 0)) throw new RangeError(`tradesPerSecond must not be negative: ${tradesPerSecond}`)
    this.#market(symbol).tradesPerSecond = tradesPerSecond
  }

  send(text: string, filter: ConnectionFilter = {}): void {
    this.sessionsAt(filter).at(-1)?.send(text)
  }

  broadcast(text: string, filter: ConnectionFilter = {}): void {
    for (const session of this.sessionsAt(filter)) session.send(text)
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #shutDown(): Promise<void> {
    this.engine.shutDown()
    await this.#closeTransport()
  }

  #publish(symbol: string, market: Market, fills: readonly Fill[]): FakeFill[] {
    this.engine.board.feeds(this.engine.instruments.find(symbol)).publishFills(fills, this.engine.now())
    return fills.map((fill) => fillOf(market, fill))
  }

  #market(symbol: string): Market {
    return this.engine.board.market(this.engine.instruments.find(symbol))
  }
}

function viewOf(session: Session): FakeConnection {
  const { id, path, openedAt, loggedIn, deaf } = session
  return {
    id,
    path,
    openedAt,
    loggedIn,
    deaf,
    subscriptions: [...session.subscriptions.values()],
    send: (text) => session.send(text),
    close: (code = 1000, reason = '') => session.close(code, reason),
    terminate: () => session.terminate(),
  }
}

function fillOf({ contract }: Market, { id, price, size, side, source, timestamp, order }: Fill): FakeFill {
  return { id: String(id), price: contract.price(price), size: contract.size(size), side, source, timestamp, order }
}
