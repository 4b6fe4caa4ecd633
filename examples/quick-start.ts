/**
 * One pair by configuration, one by the convenience function, callbacks on both.
 *
 *   npx tsx examples/quick-start.ts           against the fake exchange: needs no internet
 *   npx tsx examples/quick-start.ts --live    against the real OKX
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createOkxCollector, DataType, ExchangeFactory } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

// `endpoints` is all that tells a fake, a testnet or a proxy from the exchange itself. Leave it out for the real one.
const fake = process.argv.includes('--live') ? undefined : await startFakeExchange({ exchange: 'okx', seed: 1 })
const endpoints = fake?.endpoints

// By configuration: the exchange is a value, so it can come from a file.
const bitcoin = ExchangeFactory.createCollector({
  exchange: 'okx',
  symbol: 'BTC-USDT',
  dataTypes: [DataType.Trade, DataType.OrderBook],
  autoRestart: true,
  healthCheckIntervalMs: 30_000,
  endpoints,
})
// By the exchange's own function: its parameters are typed.
const ether = createOkxCollector({ symbol: 'ETH-USDT', dataTypes: [DataType.Trade], endpoints })

for (const collector of [bitcoin, ether]) {
  collector.addDataCallback(DataType.Trade, ({ symbol, data }) => {
    console.log(`Trade: ${symbol} ${data.side} ${data.size} at ${data.price}`)
  })
}
bitcoin.addDataCallback(DataType.OrderBook, ({ symbol, data: { bids, asks } }) => {
  console.log(`Book:  ${symbol} ${bids[0]?.[0] ?? 'no bid'} / ${asks[0]?.[0] ?? 'no ask'}`)
})

// True once the exchange has confirmed every subscription; false says that something is amiss, and `lastError` what.
for (const collector of [bitcoin, ether]) {
  if (!(await collector.start()))
    console.error(`${collector.symbol} is ${collector.status}: ${collector.lastError?.message ?? ''}`)
}

await sleep(2_000)
await Promise.all([bitcoin.stop(), ether.stop()])
await fake?.close()
