import { installedVersion } from '../installed.ts'
import type { Subject } from './subject.ts'

type Stamped = Readonly<Record<string, { readonly timestamp: number } | undefined>>
interface Client {
  subscriptions: Record<string, unknown>
  onMessage(event: { readonly data: string }): void
}
interface Exchange {
  readonly trades: Readonly<Record<string, readonly { readonly timestamp: number }[] | undefined>>
  readonly tickers: Stamped
  readonly orderbooks: Stamped
  parseMarket(instrument: object): object
  setMarkets(markets: readonly object[]): void
  market(nativeSymbol: string): { readonly symbol: string }
  client(url: string): Client
}
interface CcxtModule {
  readonly pro: { readonly okx: new (options: object) => Exchange }
}

/** A row of OKX's instrument list, as far as ccxt reads it. */
function instrument(instId: string): object {
  const [base, quote, kind] = instId.split('-')
  const shared = {
    instId,
    tickSz: '0.1',
    lotSz: '1',
    minSz: '1',
    state: 'live',
    listTime: '1548133413000',
    expTime: '',
    lever: '10',
  }
  if (kind === undefined) return { ...shared, instType: 'SPOT', baseCcy: base, quoteCcy: quote, settleCcy: '', uly: '' }
  const inverse = quote === 'USD'
  return {
    ...shared,
    instType: kind === 'SWAP' ? 'SWAP' : 'FUTURES',
    expTime: kind === 'SWAP' ? '' : '1798185600000',
    baseCcy: '',
    quoteCcy: '',
    uly: `${base}-${quote}`,
    settleCcy: inverse ? base : quote,
    ctType: inverse ? 'inverse' : 'linear',
    ctVal: '1',
    ctMult: '1',
    ctValCcy: inverse ? quote : base,
  }
}

/** Symbols whose frames follow must be known beforehand, as they are after `loadMarkets`. */
export async function ccxt(nativeSymbols: readonly string[]): Promise<Subject> {
  const { pro } = ((await import('ccxt')) as unknown as { default: CcxtModule }).default
  const exchange = new pro.okx({})
  exchange.setMarkets(nativeSymbols.map((id) => exchange.parseMarket(instrument(id))))
  const symbols = nativeSymbols.map((id) => exchange.market(id).symbol)
  // A real client that was never told to connect: its `onMessage` is what the socket would call.
  const client = exchange.client('wss://ws.okx.com/ws/v5/public')
  // Books are only kept for what somebody watches.
  for (const symbol of symbols) {
    for (const channel of ['books', 'books5']) client.subscriptions[`${channel}:${symbol}`] = true
  }
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
