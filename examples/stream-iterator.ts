/**
 * Trades as an async iterator: `for await` instead of callbacks, with a bounded queue between the socket and a slow consumer.
 *
 *   npx tsx examples/stream-iterator.ts [--live]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createOkxCollector, DataType } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

const fake = process.argv.includes('--live')
  ? undefined
  : await startFakeExchange({ exchange: 'okx', seed: 1, tradesPerSecond: 100 })

// `await using` stops the collector at the end of its scope, whatever happens in between.
{
  await using collector = createOkxCollector({
    symbol: 'BTC-USDT',
    dataTypes: [DataType.Trade],
    endpoints: fake?.endpoints,
  })
  // Streams taken before the start miss nothing. Aborting the signal ends the loop quietly; it does not throw.
  const trades = collector.stream(DataType.Trade, {
    signal: AbortSignal.timeout(3_500),
    highWaterMark: 20,
    onOverflow: 'drop-oldest', // or 'drop-newest', or 'throw'
  })
  collector.on('error', (error) => console.log(`${error.code}: ${error.message}`))
  await collector.start()

  let read = 0
  for await (const { data, timestamp } of trades) {
    read++
    if (read % 25 === 0) console.log(`trade ${data.id} at ${data.price}, ${Date.now() - timestamp} ms old`)
    await sleep(20) // a consumer slower than the market
  }
  // Nothing is dropped in silence: the stream counts it, and so does the collector, as `statistics.streamDropped`.
  console.log(`read ${read} trades; the queue was full for ${trades.dropped} more`)
}
await fake?.close()
