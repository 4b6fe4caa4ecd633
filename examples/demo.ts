/**
 * Two pairs of OKX, live in the terminal, with one cut of the connection in the middle. Trades and candles are kept in a SQLite file,
 * which is asked at the end.
 *
 *   npm run demo                            against the fake exchange: needs no internet
 *   npm run demo -- --live                  against the real OKX, without a cut
 *   npm run demo -- --seconds 8             shorter
 *   npm run demo -- --file market.sqlite    keep the file there; run again, and it goes on
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createOkxCollector, DataType, silentLogger, type OkxCollector } from 'tapekeeper'
import { createSqliteRepository } from 'tapekeeper/sqlite'
import { startFakeExchange } from 'tapekeeper/testing'
import { Screen, table } from './support/screen.ts'

const SYMBOLS = ['BTC-USDT', 'ETH-USDT']
/** How long to wait for OKX in `--live` before saying that it cannot be reached. Milliseconds. */
const PATIENCE_MS = 10_000

const { values } = parseArgs({
  options: {
    live: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '20' },
    file: { type: 'string' },
  },
})
const durationMs = Number(values.seconds) * 1_000
if (!(durationMs >= 4_000)) throw new RangeError('--seconds must be a number, 4 or more')

const file = values.file ?? join(mkdtempSync(join(tmpdir(), 'tapekeeper-demo-')), 'market.sqlite')
const repository = createSqliteRepository({ file })

const screen = new Screen()
const news = (line: string): void => screen.news(`${new Date().toISOString().slice(11, 19)}  ${line}`)

// Ctrl-C aborts this signal: the collectors were given it and stop, the loop below ends, the summary is printed.
const stopping = new AbortController()
process.once('SIGINT', () => stopping.abort())

/** One collector, and what this demo notes down about it. */
class Pair {
  readonly collector: OkxCollector
  last = '-'
  bid = '-'
  ask = '-'
  trades = 0
  reconnects = 0
  downMs = 0
  #downSince: number | undefined
  #fills = 0
  #firstFill: number | undefined
  #lastFill = 0
  #rate = { since: Date.now(), messages: 0, perSecond: 0 }

  constructor(
    readonly symbol: string,
    endpoints: Record<string, string> | undefined,
  ) {
    this.collector = createOkxCollector({
      symbol,
      dataTypes: [DataType.Trade, DataType.Ticker, DataType.OrderBook, DataType.Candle],
      candles: { timeframes: ['1s', '5s'] },
      repositories: { marketData: repository, rawTrades: repository },
      endpoints,
      startTimeoutMs: PATIENCE_MS,
      signal: stopping.signal,
      // Warnings would be written across the table; the events below tell the same.
      logger: silentLogger,
    })
    // `data` is typed by the data type: a Trade, a Ticker, an OrderBook. Prices are exact text, never floats.
    this.collector.addDataCallback(DataType.Trade, ({ data }) => {
      this.trades++
      this.last = data.price
      this.#noteFills(Number(data.id), data.count ?? 1)
    })
    this.collector.addDataCallback(DataType.Ticker, ({ data }) => (this.last = data.last ?? this.last))
    this.collector.addDataCallback(DataType.OrderBook, ({ data }) => {
      this.bid = data.bids[0]?.[0] ?? '-'
      this.ask = data.asks[0]?.[0] ?? '-'
    })
    // A lost connection is not an error to handle: the collector is `degraded` until its subscriptions are confirmed again.
    this.collector.on('status', ({ to, at, reason }) => {
      if (to === 'degraded') {
        this.#downSince ??= at
        news(`${symbol}  degraded: ${reason ?? 'not everything is confirmed'}`)
      } else if (to === 'running' && this.#downSince !== undefined) {
        this.reconnects++
        this.downMs += at - this.#downSince
        news(`${symbol}  running again after ${at - this.#downSince} ms: every subscription is confirmed`)
        this.#downSince = undefined
      }
    })
  }

  row(): string[] {
    const { status, statistics } = this.collector.getStatus()
    const { isHealthy, issues } = this.collector.getHealthStatus()
    const health = isHealthy ? 'healthy' : issues.join(', ')
    const rate = this.#messagesPerSecond(statistics.messagesReceived).toFixed(0)
    return [
      this.symbol,
      this.last,
      this.bid,
      this.ask,
      rate,
      String(this.trades),
      String(this.reconnects),
      `${status}, ${health}`,
    ]
  }

  /** Fills the exchange made but did not deliver, because the line was down. The fake numbers them without holes. */
  get missedFills(): number {
    return this.#firstFill === undefined ? 0 : this.#lastFill - this.#firstFill + 1 - this.#fills
  }

  /** A trade may stand for several fills; its id is that of the last one. */
  #noteFills(id: number, count: number): void {
    this.#firstFill ??= id - count + 1
    this.#lastFill = id
    this.#fills += count
  }

  #messagesPerSecond(messages: number): number {
    const elapsedMs = Date.now() - this.#rate.since
    if (elapsedMs >= 1_000) {
      const perSecond = ((messages - this.#rate.messages) * 1_000) / elapsedMs
      this.#rate = { since: Date.now(), messages, perSecond }
    }
    return this.#rate.perSecond
  }
}

const beganAt = Date.now()
const fake = values.live ? undefined : await startFakeExchange({ exchange: 'okx', seed: 'demo' })
const where = fake === undefined ? 'the real OKX' : 'a fake OKX on this machine'
news(`collecting ${SYMBOLS.join(' and ')} from ${where} for ${values.seconds} s; Ctrl-C ends it`)

const pairs = SYMBOLS.map((symbol) => new Pair(symbol, fake?.endpoints))
const started = await Promise.all(pairs.map(({ collector }) => collector.start()))

const isUp = started.every((ok) => ok)
if (isUp) {
  await watch()
  process.exitCode = summary() ? 0 : 1
} else if (!stopping.signal.aborted) {
  explainFailure()
  process.exitCode = 1
}

// What waits is written, and everything that was opened is closed, so the process ends by itself.
await Promise.all(pairs.map(({ collector }) => collector.stop()))
if (isUp) await query()
await repository.close()
await fake?.close()

async function watch(): Promise<void> {
  const startedAt = Date.now()
  let cut = false
  for (let elapsed = 0; elapsed < durationMs && !stopping.signal.aborted; elapsed = Date.now() - startedAt) {
    if (fake !== undefined && !cut && elapsed >= durationMs / 2) {
      cut = true
      news('the demo cuts the connection, without a goodbye')
      fake.drop()
    }
    screen.show(view(elapsed))
    // Rejects when the signal aborts; the loop's condition sees that too.
    await sleep(Math.min(screen.repaintMs, durationMs - elapsed), undefined, { signal: stopping.signal }).catch(() => undefined)
  }
  screen.show(view(Date.now() - startedAt))
  screen.end()
}

function view(elapsedMs: number): string[] {
  const head = ['pair', 'last', 'bid', 'ask', 'msg/s', 'trades', 'reconnects', 'status']
  const rows = pairs.map((pair) => pair.row())
  return [`${(elapsedMs / 1_000).toFixed(0)} s of ${durationMs / 1_000} s`, ...table(head, rows)]
}

/** Prints what happened; true when all of it is as it should be. */
function summary(): boolean {
  const reports = pairs.map(({ collector }) => collector.getStatus())
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
  const each = (describe: (pair: Pair) => string): string => pairs.map((pair) => `${pair.symbol} ${describe(pair)}`).join(', ')
  console.log()
  console.log(`messages    ${total(reports.map(({ statistics }) => statistics.messagesReceived))}`)
  console.log(`trades      ${total(pairs.map(({ trades }) => trades))}`)
  console.log(`reconnects  ${each(({ reconnects }) => String(reconnects))}`)
  console.log(`downtime    ${each(({ downMs }) => `${downMs} ms`)}`)
  if (fake !== undefined) console.log(`missed      ${each(({ missedFills }) => `${missedFills} fills`)}`)
  console.log(`errors      ${total(reports.map(({ statistics }) => statistics.errors))} (one per collector and lost connection)`)
  if (stopping.signal.aborted) {
    console.log('result      stopped by hand')
    return true
  }
  const cuts = fake === undefined ? 0 : 1
  const ok = pairs.every(({ collector, reconnects }) => collector.status === 'running' && reconnects >= cuts)
  console.log(`result      ${ok ? 'every stream is running' : 'NOT every stream is running'}`)
  return ok
}

/** Asks the file what this run has put into it. */
async function query(): Promise<void> {
  console.log(`\nkept in ${file}:`)
  for (const { symbol, trades } of pairs) {
    const market = { exchange: 'okx', symbol }
    let stored = 0
    for await (const trade of repository.trades({ ...market, from: beganAt })) if (trade.receivedAt >= beganAt) stored++
    console.log(`${symbol}  ${stored} trades of this run, ${trades} were delivered; its latest candles of 5 s:`)
    for await (const candle of repository.candles({ ...market, timeframe: '5s', order: 'desc', limit: 3 })) {
      const { openTime, open, high, low, close, volume, complete, incompleteReason } = candle
      const prices = [open, high, low, close].map((price) => price.toString()).join('  ')
      const time = new Date(openTime).toISOString().slice(11, 19)
      console.log(`  ${time}  ${prices}  volume ${volume.toString()}  ${complete ? 'complete' : (incompleteReason ?? '')}`)
    }
  }
}

function explainFailure(): void {
  const error = pairs.map(({ collector }) => collector.lastError).find((lastError) => lastError !== undefined)
  const cause = error?.cause instanceof Error ? error.cause : error
  console.error(`${values.live ? 'OKX' : 'The fake exchange'} cannot be reached: ${cause?.message ?? 'no reason known'}`)
  if (values.live) console.error('Without --live the demo needs no internet: npm run demo')
}
