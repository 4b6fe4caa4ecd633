/**
 * Twelve collectors, one of them for a pair that does not exist. The eleven others do not notice, and all share two sockets:
 * one of OKX's public endpoint, one of the business endpoint that serves candles.
 *
 *   npx tsx examples/many-collectors.ts [--live]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { DataType, ExchangeFactory } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

const fake = process.argv.includes('--live') ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })
const endpoints = fake?.endpoints

// What the exchange lists right now, from its own instrument list.
const pairs = await ExchangeFactory.getSupportedPairs('okx', { endpoints })
const symbols = [...pairs.slice(0, 11), 'NOPE-USDT']

const collectors = ExchangeFactory.createMultipleCollectors(
  symbols.map((symbol) => ({
    exchange: 'okx',
    symbol,
    dataTypes: [DataType.Trade, DataType.Ticker, DataType.Candle],
    candles: { timeframes: ['1m'], source: 'exchange' },
    endpoints,
  })),
)
// An error reaches the collector it concerns, and no other.
for (const collector of collectors) {
  collector.on('error', (error) => console.log(`${collector.symbol}: ${error.code}, ${error.message}`))
}

// Together rather than one after the other: their subscriptions then travel in few requests.
const started = await Promise.all(collectors.map((collector) => collector.start()))
console.log(`${started.filter((ok) => ok).length} of ${collectors.length} collectors run`)

await sleep(2_000)

console.table(
  collectors.map((collector) => {
    const { symbols, status, statistics, subscriptions } = collector.getStatus()
    const confirmed = subscriptions.filter((subscription) => subscription.status === 'confirmed').length
    const { isHealthy } = collector.getHealthStatus()
    return {
      symbol: symbols.join(),
      status,
      healthy: isHealthy,
      confirmed,
      messages: statistics.messagesReceived,
      errors: statistics.errors,
    }
  }),
)
if (fake !== undefined) {
  const topics = fake.connections.map(({ path, subscriptions }) => `${path} carries ${subscriptions.length}`)
  console.log(`${fake.connections.length} sockets for all of them: ${topics.join(', ')}`)
}

await Promise.all(collectors.map((collector) => collector.stop()))
await fake?.close()
