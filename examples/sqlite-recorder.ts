/**
 * Keeps trades and candles in a SQLite file, and asks it: with the library, and with plain SQL as any tool would.
 *
 *   npx tsx examples/sqlite-recorder.ts                            against the fake exchange: needs no internet
 *   npx tsx examples/sqlite-recorder.ts --live --file market.db    against the real OKX, keeping the file; run again, and it goes on:
 *                                                                  what was traded meanwhile is read from the exchange
 */
import Database from 'better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createOkxCollector, DataType } from 'tapekeeper'
import { createSqliteRepository } from 'tapekeeper/sqlite'
import { startFakeExchange } from 'tapekeeper/testing'

const { values } = parseArgs({ options: { live: { type: 'boolean', default: false }, file: { type: 'string' } } })
const scratch = values.file === undefined ? mkdtempSync(join(tmpdir(), 'tapekeeper-')) : undefined
const file = values.file ?? join(scratch ?? '.', 'market.db')
const fake = values.live ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })

// One object keeps both. The file is made with the first row, and only its owner may read it.
const repository = createSqliteRepository({ file })
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

// The library's own queries: rows as they were delivered, prices digit by digit. A loop holds nothing in the file, however slow it is.
const market = { exchange: 'okx', symbol: 'BTC-USDT' }
const { rows } = await repository.statistics()
console.log(`${rows.trades ?? 0} trades in the file, ${delivered} delivered in this run; the last ones:`)
for await (const { timestamp, data } of repository.trades({ ...market, order: 'desc', limit: 3 }))
  console.log(`${timeOf(timestamp)}  ${data.side} ${data.size} at ${data.price}`)
for await (const candle of repository.candles({ ...market, timeframe: '1s', order: 'desc', limit: 3 })) {
  const prices = [candle.open, candle.high, candle.low, candle.close].map((price) => price.toFixed())
  console.log(`${timeOf(candle.openTime)}  ${prices.join('  ')}  volume ${candle.volume.toFixed()}`)
}
await repository.close()

// An ordinary database. Prices are text, so that no digit is lost: cast them where a float will do.
const database = new Database(file, { readonly: true })
const sides = database
  .prepare('SELECT side, count(*) AS trades, max(CAST(price AS REAL)) AS highest FROM trades WHERE symbol = ? GROUP BY side')
  .all(market.symbol) as { side: string; trades: number; highest: number }[]
for (const { side, trades, highest } of sides) console.log(`${side}: ${trades} trades, the highest at ${highest}`)
database.close()

if (scratch !== undefined) rmSync(scratch, { recursive: true })

function timeOf(timestamp: number): string {
  return new Date(timestamp).toISOString().slice(11, 23)
}
