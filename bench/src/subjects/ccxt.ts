import { installedVersion } from '../installed.ts'
import { instrument } from './instruments.ts'
import type { Subject } from './subject.ts'

type Stamped = Readonly<Record<string, { readonly timestamp: number } | undefined>>
type Levels = readonly (readonly [price: number, amount: number])[]
export interface OrderBook {
  readonly timestamp: number
  readonly bids: Levels
  readonly asks: Levels
}
interface Client {
  subscriptions: Record<string, unknown>
  onMessage(event: { readonly data: string }): void
}
interface Exchange {
  readonly trades: Readonly<Record<string, readonly { readonly timestamp: number }[] | undefined>>
  readonly tickers: Stamped
  readonly orderbooks: Readonly<Record<string, OrderBook | undefined>>
  parseMarket(instrument: object): object
  setMarkets(markets: readonly object[]): void
  market(nativeSymbol: string): { readonly symbol: string }
  client(url: string): Client
}
interface CcxtModule {
  readonly pro: { readonly okx: new (options: object) => Exchange }
}

/** The exchange, knowing these instruments as it does after `loadMarkets`, and the client whose `onMessage` its socket would call. */
export interface Offline {
  readonly exchange: Exchange
  /** A real client that was never told to connect. */
  readonly client: Client
  /** ccxt's names of the instruments. */
  readonly symbols: readonly string[]
}

export async function ccxtOffline(nativeSymbols: readonly string[]): Promise<Offline> {
  const { pro } = ((await import('ccxt')) as unknown as { default: CcxtModule }).default
  const exchange = new pro.okx({})
  exchange.setMarkets(nativeSymbols.map((id) => exchange.parseMarket(instrument(id))))
  const symbols = nativeSymbols.map((id) => exchange.market(id).symbol)
  const client = exchange.client('wss://ws.okx.com/ws/v5/public')
  // Books are only kept for what somebody watches.
  for (const symbol of symbols) {
    for (const channel of ['books', 'books5']) client.subscriptions[`${channel}:${symbol}`] = true
  }
  return { exchange, client, symbols }
}

/** Symbols whose frames follow must be known beforehand, as they are after `loadMarkets`. */
export async function ccxt(nativeSymbols: readonly string[]): Promise<Subject> {
  const { exchange, client } = await ccxtOffline(nativeSymbols)
  return {
    name: 'ccxt',
    version: installedVersion('ccxt'),
    path: "`onMessage(event)` of `ccxt.pro.okx`'s own client, never connected: parse, `handleMessage`, caches and books updated; nobody awaits a `watch…` promise",
    lacks: () => undefined,
    consume(text) {
      client.onMessage({ data: text })
      return undefined
    },
    lastTimestamp(channel, nativeSymbol) {
      const { symbol } = exchange.market(nativeSymbol)
      const kept = { trades: exchange.trades[symbol]?.at(-1), tickers: exchange.tickers[symbol] }
      return Number((channel === 'trades' || channel === 'tickers' ? kept[channel] : exchange.orderbooks[symbol])?.timestamp)
    },
  }
}
