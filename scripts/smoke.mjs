// The built package on whichever Node runs this: collects trades, books and completeness from the fake exchange, and ends by itself.
import assert from 'node:assert/strict'
import { createOkxCollector, silentLogger } from '../dist/index.js'
import { startFakeExchange } from '../dist/testing.js'

const fake = await startFakeExchange({ exchange: 'okx', seed: 1, tradesPerSecond: 50 })
const collector = createOkxCollector({
  symbol: 'BTC-USDT',
  dataTypes: ['trade', 'orderbook'],
  orderBook: { depth: 400 },
  endpoints: fake.endpoints,
  logger: silentLogger,
})
const trades = []
collector.addDataCallback('trade', ({ data }) => trades.push(data))
assert.equal(await collector.start(), true)
while (trades.length < 20 || collector.book?.isValid !== true) await new Promise((resolve) => setTimeout(resolve, 20))
fake.drop()
const before = trades.length
while (trades.length < before + 20) await new Promise((resolve) => setTimeout(resolve, 20))
assert.equal(collector.getCompleteness().missing, 0)
await collector.stop()
await fake.close()
console.log(`ok on Node ${process.versions.node}: ${trades.length} trades, none missing`)
