/**
 * Keeps trades and candles in PostgreSQL, and asks it: with the library, and with plain SQL as any tool would.
 *
 *   docker compose up -d --wait postgres                                                   a server, when you have none
 *   POSTGRES_URL=postgres://tapekeeper:tapekeeper@127.0.0.1:5432/tapekeeper npx tsx examples/postgres.ts
 *                                                                          against the fake exchange: needs no internet
 *   POSTGRES_URL=… npx tsx examples/postgres.ts --live                     against the real OKX; run again, and it goes on:
 *                                                                          what was traded meanwhile is read from the exchange
 */
import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createOkxCollector, DataType } from 'tapekeeper'
import { createPostgresRepository } from 'tapekeeper/postgres'
import { startFakeExchange } from 'tapekeeper/testing'

const { values } = parseArgs({ options: { live: { type: 'boolean', default: false } } })
const connectionString = process.env['POSTGRES_URL']
if (connectionString === undefined) {
  console.log('no POSTGRES_URL, nothing to do: name a database, for example that of compose.yaml,')
  console.log('POSTGRES_URL=postgres://tapekeeper:tapekeeper@127.0.0.1:5432/tapekeeper')
  process.exit()
}
// The fake exchange's trades are not mixed with real ones.
const schema = values.live ? 'tapekeeper' : 'tapekeeper_fake'
const fake = values.live ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })

// One object keeps both. It connects and makes its tables with the first row; a server that is away later is waited for.
const repository = createPostgresRepository({ connectionString, schema })
const { isHealthy, issue } = await repository.healthCheck()
if (!isHealthy) {
  console.error(`the database cannot be used: ${issue ?? ''}`)
  process.exit(1)
}
const collector = createOkxCollector({
  symbol: 'BTC-USDT',
  dataTypes: [DataType.Trade, DataType.Candle],
  candles: { timeframes: ['1s'] },
  repositories: { marketData: repository, rawTrades: repository },
  endpoints: fake?.endpoints,
})
let delivered = 0
collector.addDataCallback(DataType.Trade, () => delivered++)

if (!(await collector.start())) console.error(`not started: ${collector.lastError?.message ?? ''}`)
await sleep(3_500)
// Whatever waits is written before this resolves.
await collector.stop()
await fake?.close()

// The library's own queries: rows as they were delivered, prices digit by digit. A loop holds nothing in the server, however slow it is.
const market = { exchange: 'okx', symbol: 'BTC-USDT' }
const { rows } = await repository.statistics()
console.log(`${rows.trades ?? 0} trades in the database, ${delivered} delivered in this run; the last ones:`)
for await (const { timestamp, data } of repository.trades({ ...market, order: 'desc', limit: 3 }))
  console.log(`${timeOf(timestamp)}  ${data.side} ${data.size} at ${data.price}`)
for await (const candle of repository.candles({ ...market, timeframe: '1s', order: 'desc', limit: 3 })) {
  const prices = [candle.open, candle.high, candle.low, candle.close].map((price) => price.toFixed())
  console.log(`${timeOf(candle.openTime)}  ${prices.join('  ')}  volume ${candle.volume.toFixed()}`)
}
await repository.close()

// Ordinary tables: numeric prices, timestamptz times.
const client = new pg.Client({ connectionString })
await client.connect()
const sides = await client.query<{ side: string; trades: string; vwap: string }>(
  `SELECT side, count(*) AS trades, round(sum(price * size) / sum(size), 2) AS vwap FROM ${schema}.trades WHERE symbol = $1 GROUP BY side`,
  [market.symbol],
)
for (const { side, trades, vwap } of sides.rows) console.log(`${side}: ${trades} trades, on average at ${vwap}`)
// The invented trades have been looked at; real ones stay.
if (!values.live) await client.query(`DROP SCHEMA ${schema} CASCADE`)
await client.end()

function timeOf(timestamp: number): string {
  return new Date(timestamp).toISOString().slice(11, 23)
}
