/**
 * One process collects and publishes to Redis, another one listens: here both in one, for three seconds.
 *
 *   npx tsx examples/redis-pub-sub.ts                               with a Redis on 127.0.0.1:6379
 *   REDIS_URL=redis://:password@host npx tsx examples/redis-pub-sub.ts    with another one
 *
 * Without a Redis it says so and ends. Only channels are used: nothing is left behind in it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createOkxCollector, DataType } from 'tapekeeper'
import { createRedisOutput, createRedisSubscriber } from 'tapekeeper/redis'
import { startFakeExchange } from 'tapekeeper/testing'

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const prefix = `tapekeeper-example-${process.pid}`

// The other process. Each message has a number, so it knows what it missed; nothing comes twice.
const subscriber = createRedisSubscriber({ url, prefix, streams: [{ exchange: 'okx', dataType: DataType.Trade }] })
subscriber.on('point', (point, { sequence }) => {
  if (point.dataType === 'trade' && sequence % 10 === 1) console.log(`${sequence}: ${point.symbol} at ${point.data.price}`)
})
subscriber.on('gap', ({ fromId, toId, reason }) => console.log(`the collector itself lacks ${fromId} to ${toId}: ${reason}`))
subscriber.on('loss', ({ stream, fromSequence, toSequence }) => console.log(`lost: ${stream} ${fromSequence} to ${toSequence}`))
subscriber.on('session', ({ stream, session }) => console.log(`${stream} is published by ${session}`))
const isThere = await Promise.race([
  subscriber.start().then(() => true),
  new Promise<boolean>((resolve) => {
    subscriber.on('error', ({ message }) => {
      console.log(message)
      resolve(false)
    })
  }),
])

if (isThere) {
  const fake = await startFakeExchange({ seed: 1, tradesPerSecond: { 'BTC-USDT': 20, 'ETH-USDT': 10 } })
  const output = createRedisOutput({ url, prefix, dataTypes: [DataType.Trade] })
  const collectors = ['BTC-USDT', 'ETH-USDT'].map((symbol) =>
    createOkxCollector({ symbol, dataTypes: [DataType.Trade], endpoints: fake.endpoints, outputs: [output] }),
  )
  await Promise.all(collectors.map((collector) => collector.start()))
  await sleep(3_000)
  // Everything that was taken is published before `stop()` resolves.
  await Promise.all(collectors.map((collector) => collector.stop()))
  await output.close()
  await fake.close()
  await sleep(200)
  const { received, lost } = subscriber.statistics
  console.log(`result: ${received} messages received, ${lost} missing`)
} else {
  console.log('result: there is no Redis to try this with; start one, for example with: docker run -p 6379:6379 redis')
}
await subscriber.close()
