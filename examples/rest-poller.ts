/**
 * Tickers of several pairs from a REST endpoint, as a collector on BaseDataCollector. A failed request is counted; only when nothing
 * answers for three rounds in a row is the connection lost, and the base class restarts the collector. Symbols come and go meanwhile.
 *
 *   npx tsx examples/rest-poller.ts           against the fake exchange, about three seconds
 *   npx tsx examples/rest-poller.ts --live    against the real OKX, where nothing fails on purpose
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BaseDataCollector,
  DataType,
  decimalString,
  silentLogger,
  TapekeeperError,
  type BaseCollectorOptions,
  type DecimalString,
  type PointOf,
} from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

/** One row of OKX's `market/ticker`; every field is text, and empty where there is nothing. */
type Row = Readonly<Partial<Record<'last' | 'bidPx' | 'bidSz' | 'askPx' | 'askSz' | 'ts', string>>> &
  Readonly<Partial<Record<'open24h' | 'high24h' | 'low24h' | 'vol24h' | 'volCcy24h', string>>>

interface Answer {
  readonly symbol: string
  readonly row: Row
}

interface TickerPollerOptions extends Omit<BaseCollectorOptions, 'exchangeName' | 'dataTypes'> {
  readonly restUrl: string
  /** From the beginning of one round to the beginning of the next. Default: 1,000. */
  readonly everyMs?: number
}

const FAILED_ROUNDS_ALLOWED = 2
const REQUEST_TIMEOUT_MS = 5_000

/** Asks for the ticker of every symbol, once per round. */
export class TickerPoller extends BaseDataCollector {
  readonly #restUrl: string
  readonly #everyMs: number
  #failedRounds = 0

  constructor({ restUrl, everyMs = 1_000, ...options }: TickerPollerOptions) {
    super({ exchangeName: 'okx-rest', dataTypes: [DataType.Ticker], ...options })
    this.#restUrl = restUrl
    this.#everyMs = everyMs
  }

  /** A server that does not answer fails the start. */
  protected async connect(signal: AbortSignal): Promise<boolean> {
    this.#failedRounds = 0
    await this.#get('/api/v5/public/time', signal)
    return true
  }

  protected async handleMessages(signal: AbortSignal): Promise<void> {
    const roundAt = this.now()
    // `this.symbols` is what is wanted now, so there is nothing to subscribe to.
    const answers = await Promise.all(this.symbols.map((symbol) => this.#ask(symbol, signal)))
    for (const answer of answers) if (answer !== undefined) await this.receive(answer)
    // By rounds: one symbol that nobody knows must not cost the others their connection.
    const isFailed = answers.length > 0 && answers.every((answer) => answer === undefined)
    this.#failedRounds = isFailed ? this.#failedRounds + 1 : 0
    if (this.#failedRounds > FAILED_ROUNDS_ALLOWED) throw new Error(`no answer in ${this.#failedRounds} rounds`)
    await this.pause(roundAt + this.#everyMs - this.now(), signal)
  }

  /** A throw costs this one row, counted as an error. */
  protected processMessage({ symbol, row }: Answer): PointOf<'ticker'> | undefined {
    // Removed while its request was under way.
    if (!this.symbols.includes(symbol)) return undefined
    const timestamp = Number(row.ts)
    if (!(timestamp > 0)) throw new Error(`${symbol}: no time in ${JSON.stringify(row)}`)
    return { exchange: this.exchangeName, symbol, dataType: 'ticker', timestamp, receivedAt: this.now(), data: toTicker(row) }
  }

  /** A request that fails is counted, and the others are not harmed. */
  async #ask(symbol: string, signal: AbortSignal): Promise<Answer | undefined> {
    try {
      const { data } = await this.#get(`/api/v5/market/ticker?instId=${symbol}`, signal)
      if (data?.[0] === undefined) throw new Error(`nothing is known of ${symbol}`)
      return { symbol, row: data[0] }
    } catch (error) {
      signal.throwIfAborted()
      this.reportError(TapekeeperError.from(error, 'REST_FAILED', { symbol }))
      return undefined
    }
  }

  async #get(path: string, signal: AbortSignal): Promise<{ readonly data?: readonly Row[] }> {
    const { status, text } = await this.ports.http({ url: this.#restUrl + path, signal, timeoutMs: REQUEST_TIMEOUT_MS })
    if (status !== 200) throw new Error(`the server answered ${status}`)
    return JSON.parse(text) as { data?: Row[] }
  }

  // Nothing is held open between two requests.
  protected async disconnect(): Promise<void> {}
  protected async subscribeToData(): Promise<boolean> {
    return true
  }
  protected async unsubscribeFromData(): Promise<boolean> {
    return true
  }
}

function toTicker(row: Row): PointOf<'ticker'>['data'] {
  return {
    last: decimalIn(row.last),
    bid: decimalIn(row.bidPx),
    bidSize: decimalIn(row.bidSz),
    ask: decimalIn(row.askPx),
    askSize: decimalIn(row.askSz),
    open24h: decimalIn(row.open24h),
    high24h: decimalIn(row.high24h),
    low24h: decimalIn(row.low24h),
    volume24h: decimalIn(row.vol24h),
    quoteVolume24h: decimalIn(row.volCcy24h),
  }
}

/** Where the source has nothing, neither have we: undefined, and not 0. */
const decimalIn = (text: string | undefined): DecimalString | undefined =>
  text === undefined || text === '' ? undefined : decimalString(text)

// Only when run, not when its class is imported.
if (process.argv[1] === import.meta.filename) {
  const fake = process.argv.includes('--live') ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })
  const poller = new TickerPoller({
    restUrl: fake?.endpoints.rest ?? 'https://openapi.okx.com',
    symbols: ['BTC-USDT', 'ETH-USDT'],
    // Impatient, so that this example is short.
    everyMs: 200,
    restartDelayMs: 300,
    // What it would warn of is told below.
    logger: silentLogger,
  })
  poller.addDataCallback(DataType.Ticker, ({ symbol, data }) => console.log(`${symbol}: ${data.bid ?? '-'} / ${data.ask ?? '-'}`))
  poller.on('error', ({ code, consequence, message }) => console.log(`${code} (${consequence}): ${message}`))
  poller.on('status', ({ from, to }) => console.log(`${from} -> ${to}`))
  poller.on('restart', ({ trigger, attempt, delayMs }) =>
    console.log(`restart ${attempt}, ${trigger}, after ${Math.round(delayMs)} ms`),
  )

  if (!(await poller.start())) throw new Error('not started', { cause: poller.lastError })
  await sleep(500)
  poller.addSymbol('SOL-USDT')
  poller.removeSymbol('ETH-USDT')
  fake?.failRest({ status: 503, times: 1 })
  await sleep(500)
  const { errors, restarts } = poller.getStatus().statistics
  console.log(`one request failed: ${errors} error, ${restarts} restarts`)
  fake?.failRest({ status: 503, forMs: 600 })
  await sleep(1_800)

  console.log(poller.getHealthStatus())
  console.log(`the server was away: ${poller.getStatus().statistics.restarts > 0 ? 'restarted' : 'NOT restarted'}`)
  await poller.stop()
  await fake?.close()
}
