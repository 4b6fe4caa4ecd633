import { loadTapekeeper } from '../built.ts'
import { takeTask, type Client } from './task.ts'

// One client in a process of its own, which its parent can end however busy it is. It says so when the first trade is there.
process.on('disconnect', () => process.exit())
const { client, endpoints, built, longestMs } = takeTask(process.argv[2]!)
setTimeout(() => process.exit(1), longestMs)

let isStreaming = false
function onTrades(): void {
  if (!isStreaming) process.send?.('streaming')
  isStreaming = true
}
const ignore = (): void => undefined

const start: Record<Client, () => Promise<void>> = {
  async tapekeeper() {
    const { createOkxCollector, DataType, silentLogger } = await loadTapekeeper(built)
    const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: [DataType.Trade], endpoints, logger: silentLogger })
    collector.on('error', ignore)
    collector.addDataCallback(DataType.Trade, onTrades)
    await collector.start()
  },

  async 'okx-api'() {
    const { WebsocketClient } = (await import('okx-api')) as unknown as OkxApi
    const client = new WebsocketClient({ wsUrl: endpoints.public }, { trace: ignore, info: ignore, error: ignore })
    client.on('update', onTrades)
    client.on('exception', ignore)
    client.subscribe({ channel: 'trades', instId: 'BTC-USDT' })
  },

  async 'tardis-dev'() {
    // One URL replaces all of the exchange's; individual trades come from the business endpoint.
    process.env['WSS_URL_OKEX'] = endpoints.business
    const { streamNormalized, normalizeTrades } = (await import('tardis-dev')) as unknown as TardisDev
    const options = { exchange: 'okex', symbols: ['BTC-USDT'], onError: ignore }
    for await (const message of streamNormalized(options, normalizeTrades)) if (message.type === 'trade') onTrades()
  },

  async ccxt() {
    const { pro } = ((await import('ccxt')) as unknown as { default: Ccxt }).default
    const urls = { api: { rest: endpoints.rest, ws: endpoints.public.replace(/\/public$/, '') } }
    const exchange = new pro.okx({ urls, has: { fetchCurrencies: false } })
    // Sockets without TLS need this agent.
    await exchange.loadHttpProxyAgent()
    await exchange.loadMarkets()
    for (;;) {
      try {
        await exchange.watchTrades('BTC/USDT')
        onTrades()
      } catch {
        // The loop of ccxt's manual: what failed is asked for again.
        await new Promise((resolve) => setTimeout(resolve, 0))
      }
    }
  },
}
await start[client]()

interface OkxApi {
  readonly WebsocketClient: new (
    options: object,
    logger: object,
  ) => { on(event: string, listener: () => void): void; subscribe(topic: object): unknown }
}
interface TardisDev {
  readonly streamNormalized: (options: object, ...normalizers: unknown[]) => AsyncIterable<{ readonly type: string }>
  readonly normalizeTrades: unknown
}
interface Ccxt {
  readonly pro: {
    readonly okx: new (options: object) => {
      loadHttpProxyAgent(): Promise<unknown>
      loadMarkets(): Promise<unknown>
      watchTrades(symbol: string): Promise<unknown>
    }
  }
}
