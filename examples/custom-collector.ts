/**
 * A source of your own on BaseDataCollector: here one that polls a REST endpoint. The class says how to fetch and how to read;
 * the base class supervises it: in the middle the server fails for a while, and the collector is restarted by itself.
 *
 *   npx tsx examples/custom-collector.ts [--live]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { BaseDataCollector, DataType, decimalString, type PointOf } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

interface Row {
  readonly tradeId: string
  readonly px: string
  readonly sz: string
  readonly side: 'buy' | 'sell'
  readonly ts: string
}

/** The latest trades of one pair, asked for twice a second. */
class TradePoller extends BaseDataCollector {
  readonly #url: string
  #lastId = 0

  constructor(restUrl: string, symbol: string) {
    super({
      exchangeName: 'okx-rest',
      symbols: [symbol],
      dataTypes: [DataType.Trade],
      healthCheckIntervalMs: 1_000,
      restartDelayMs: 500,
    })
    this.#url = `${restUrl}/api/v5/market/trades?instId=${symbol}&limit=20`
  }

  /** Fails the start when the server does not answer. */
  protected async connect(signal: AbortSignal): Promise<boolean> {
    await this.#fetch(signal)
    return true
  }

  /** One turn: wait, ask, hand on what is new. A rejection means that the connection is lost. */
  protected async handleMessages(signal: AbortSignal): Promise<void> {
    await this.pause(500, signal)
    const rows = await this.#fetch(signal)
    for (const row of rows.toReversed()) if (Number(row.tradeId) > this.#lastId) await this.receive(row)
  }

  /** A throw here would cost this one row, counted as an error. */
  protected processMessage(row: Row): PointOf<'trade'> {
    this.#lastId = Number(row.tradeId)
    const { tradeId: id, side } = row
    const data = { id, price: decimalString(row.px), size: decimalString(row.sz), side, backfilled: false }
    const symbol = this.symbols[0] ?? ''
    return { exchange: this.exchangeName, symbol, dataType: 'trade', timestamp: Number(row.ts), receivedAt: this.now(), data }
  }

  async #fetch(signal: AbortSignal): Promise<readonly Row[]> {
    const { status, text } = await this.ports.http({ url: this.#url, signal })
    if (status !== 200) throw new Error(`the server answered ${status}`)
    return (JSON.parse(text) as { data: Row[] }).data
  }

  // Polling holds nothing open, and there is nothing to subscribe to.
  protected async disconnect(): Promise<void> {}
  protected async subscribeToData(): Promise<boolean> {
    return true
  }
  protected async unsubscribeFromData(): Promise<boolean> {
    return true
  }
}

const fake = process.argv.includes('--live') ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })
const poller = new TradePoller(fake?.endpoints.rest ?? 'https://openapi.okx.com', 'BTC-USDT')

poller.addDataCallback(DataType.Trade, ({ data }) => console.log(`trade ${data.id}: ${data.side} ${data.size} at ${data.price}`))
poller.on('error', (error) => console.log(`${error.code} (${error.consequence}): ${error.message}`))
poller.on('restart', ({ trigger, attempt, delayMs }) =>
  console.log(`restart ${attempt}, ${trigger}, after ${Math.round(delayMs)} ms`),
)
poller.on('status', ({ from, to }) => console.log(`${from} -> ${to}`))

if (!(await poller.start())) throw new Error('not started', { cause: poller.lastError })
await sleep(1_500)
fake?.failRest({ status: 503, times: 1 })
await sleep(2_500)

console.log(poller.getHealthStatus())
console.log(`restarts: ${poller.getStatus().statistics.restarts}`)
await poller.stop()
await fake?.close()
