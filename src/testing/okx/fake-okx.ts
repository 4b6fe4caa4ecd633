import type { Clock } from '../../ports/clock.ts'
import type {
  ConnectionFilter,
  DataFilter,
  FakeBook,
  FakeConnection,
  FakeDial,
  FakeEndpoints,
  FakeExchange,
  FakeFill,
  FakeOrder,
  FakeRequest,
  FakeRestRequest,
  RestFault,
} from '../fake-exchange.ts'
import type { BookLevel } from './book-model.ts'
import type { CorruptKind } from './corrupt.ts'
import type { DataTarget } from './data-faults.ts'
import type { OkxEngine } from './engine.ts'
import type { FakeInstrument } from './instruments.ts'
import type { Market } from './market.ts'
import type { Session } from './session.ts'
import type { Fill } from './tape.ts'
import { wireError } from './wire-errors.ts'

/** The fake's public face: symbols in either spelling and plain words, turned into calls of the engine. */
export class FakeOkx implements FakeExchange {
  readonly endpoints: FakeEndpoints
  readonly clock: Clock
  readonly #engine: OkxEngine
  readonly #closeTransport: () => Promise<void>
  #closing: Promise<void> | undefined

  constructor(engine: OkxEngine, clock: Clock, endpoints: FakeEndpoints, closeTransport: () => Promise<void>) {
    this.#engine = engine
    this.clock = clock
    this.endpoints = endpoints
    this.#closeTransport = closeTransport
  }

  get connections(): readonly FakeConnection[] {
    return this.#sessions().map(viewOf)
  }

  get dials(): readonly FakeDial[] {
    return this.#engine.dials.entries
  }

  get requests(): readonly FakeRequest[] {
    return this.#engine.requests.entries
  }

  get restRequests(): readonly FakeRestRequest[] {
    return this.#engine.restApi.log.entries
  }

  get instruments(): readonly FakeInstrument[] {
    return this.#engine.instruments.all
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
    const { side = 'buy', count = 1, source = '0', timestamp = this.clock.now() } = order
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
    return this.#publish(symbol, market, market.executeRandom(count, this.clock.now()))
  }

  setBalance(asset: string, { available, frozen = '0' }: { readonly available: string; readonly frozen?: string }): void {
    this.#engine.account.set(asset, available, frozen, this.clock.now())
    this.#engine.pushAccount([asset])
  }

  send(text: string, filter: ConnectionFilter = {}): void {
    this.#sessions(filter).at(-1)?.send(text)
  }

  broadcast(text: string, filter: ConnectionFilter = {}): void {
    for (const session of this.#sessions(filter)) session.send(text)
  }

  drop(filter: ConnectionFilter = {}): number {
    const sessions = this.#sessions(filter)
    for (const session of sessions) session.terminate()
    return sessions.length
  }

  closeAfterAck({
    on = true,
    forMs,
    code = 1000,
  }: { readonly on?: boolean; readonly forMs?: number; readonly code?: number } = {}): void {
    this.#engine.sessionFaults.setCloseAfterAck(on ? code : undefined, forMs)
  }

  halfOpen({ includeNew = false, ...filter }: ConnectionFilter & { readonly includeNew?: boolean } = {}): number {
    const sessions = this.#sessions(filter)
    for (const session of sessions) session.goDeaf()
    if (includeNew) this.#engine.sessionFaults.newConnectionsDeaf = true
    return sessions.length
  }

  refuse(
    options: {
      readonly status?: number
      readonly retryAfterSeconds?: number
      readonly forMs?: number
      readonly hang?: boolean
    } = {},
  ): void {
    const { status = 429, retryAfterSeconds, forMs, hang = false } = options
    this.#engine.sessionFaults.refuse(hang ? { hang } : { hang, status, retryAfterSeconds }, forMs)
  }

  accept(): void {
    this.#engine.sessionFaults.refuse(undefined)
  }

  mute(target: string | DataFilter): void {
    this.#engine.dataFaults.mute(this.#target(target))
  }

  unmute(target?: string | DataFilter): void {
    this.#engine.dataFaults.unmute(target === undefined ? undefined : this.#target(target))
  }

  skip(target: string | DataFilter, count = 1): void {
    this.#engine.dataFaults.skip(this.#target(target), count)
  }

  resend(symbol: string, count = 1): void {
    this.#engine.board.feeds(this.#engine.instruments.find(symbol)).resend(count)
  }

  reorder(symbol: string): void {
    this.#engine.dataFaults.swapTrades(this.#engine.instruments.find(symbol).native.instId)
  }

  corrupt(kind: CorruptKind = 'truncated', target: string | DataFilter = {}): void {
    this.#engine.dataFaults.damage(kind, this.#target(target))
  }

  slow(ms: number): void {
    this.#engine.sessionFaults.delayMs = ms
  }

  notice({ closeAfterMs = 60_000, ...filter }: ConnectionFilter & { readonly closeAfterMs?: number } = {}): void {
    const { code, message } = wireError('64008')
    const sessions = this.#sessions(filter)
    for (const session of sessions) session.send(JSON.stringify({ event: 'notice', code, msg: message, connId: session.id }))
    this.#engine.timers.after(closeAfterMs, () => {
      for (const session of sessions) session.close(1001, 'service upgrade')
    })
  }

  failRest(fault: RestFault = { status: 503 }): void {
    this.#engine.restApi.fail(fault)
  }

  restDelay(ms: number): void {
    this.#engine.restApi.delayMs = ms
  }

  healRest(): void {
    this.#engine.restApi.heal()
  }

  rejectSubscriptions(
    code: string,
    message = 'rejected by the test',
    { symbol, times }: { readonly symbol?: string; readonly times?: number } = {},
  ): void {
    this.#engine.sessionFaults.reject(
      { code, message },
      this.#target({ ...(symbol === undefined ? {} : { symbol }) }).instId,
      times,
    )
  }

  rejectLogins(code: string, message = 'rejected by the test'): void {
    this.#engine.sessionFaults.loginError = { code, message }
  }

  acceptSubscriptions(): void {
    this.#engine.sessionFaults.acceptSubscriptions()
  }

  silenceAcks(symbol?: string, { withData = false }: { readonly withData?: boolean } = {}): void {
    const { instId } = this.#target({ ...(symbol === undefined ? {} : { symbol }) })
    this.#engine.sessionFaults.silence(instId, withData)
  }

  resetSequence(symbol: string): void {
    this.#market(symbol).restartSequence()
  }

  heal(): void {
    this.#engine.sessionFaults.clear()
    this.#engine.dataFaults.clear()
    this.#engine.restApi.heal()
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #shutDown(): Promise<void> {
    this.#engine.shutDown()
    await this.#closeTransport()
  }

  #publish(symbol: string, market: Market, fills: readonly Fill[]): FakeFill[] {
    this.#engine.board.feeds(this.#engine.instruments.find(symbol)).publishFills(fills)
    return fills.map((fill) => fillOf(market, fill))
  }

  #market(symbol: string): Market {
    return this.#engine.board.market(this.#engine.instruments.find(symbol))
  }

  #target(target: string | DataFilter): DataTarget {
    const { symbol, channel } = typeof target === 'string' ? { symbol: target, channel: undefined } : target
    return { instId: symbol === undefined ? undefined : this.#engine.instruments.find(symbol).native.instId, channel }
  }

  #sessions({ path }: ConnectionFilter = {}): Session[] {
    return [...this.#engine.sessions].filter(
      (session) => path === undefined || session.path === path || session.path.endsWith(`/${path}`),
    )
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
