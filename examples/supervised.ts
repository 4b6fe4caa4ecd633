/**
 * Three collectors in the care of a manager. One of two streams on a socket falls silent while its market trades; that is told from a
 * quiet market, and repaired by subscribing to it again. The third has no market that trades, and nobody minds.
 *
 *   npx tsx examples/supervised.ts
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { CollectorManager, createOkxCollector, DataType, silentLogger } from 'tapekeeper'
import { startFakeExchange } from 'tapekeeper/testing'

const fake = await startFakeExchange({ exchange: 'okx', seed: 1, tradesPerSecond: 20 })
fake.setTradesPerSecond('SOL-USDT', 0)

const manager = new CollectorManager({ managerName: 'example', globalHealthCheckIntervalMs: 2_000, logger: silentLogger })
for (const symbol of ['BTC-USDT', 'ETH-USDT', 'SOL-USDT']) {
  const collector = createOkxCollector({
    symbol,
    dataTypes: [DataType.Trade],
    endpoints: fake.endpoints,
    logger: silentLogger,
  })
  manager.addCollector(collector, { name: symbol })
}

const from = Date.now()
const say = (line: string): void => console.log(`${((Date.now() - from) / 1_000).toFixed(1)} s  ${line}`)
manager.on('collectorStatus', ({ collector, from: before, to, reason }) =>
  say(`${collector}: ${before} -> ${to} (${reason ?? ''})`),
)
manager.on('gap', ({ collector, gap }) => say(`${collector}: ${gap.missing ?? 'some'} trades are missing`))
manager.on('health', ({ unhealthy }) => {
  for (const { name, issues } of unhealthy) say(`health: ${name}: ${issues.join(', ')}`)
})

if (!(await manager.start())) throw new Error(`not up: ${manager.getFailedCollectors().join(', ')}`)
await sleep(3_000)

say('the exchange forgets BTC-USDT: no error, no close, no data')
fake.mute({ symbol: 'BTC-USDT', channel: 'trades' }, { until: 'resubscribed' })

const isRepaired = (): boolean => {
  const stream = manager.getCollectorStatus('BTC-USDT')?.subscriptions[0]
  return stream !== undefined && stream.repairs > 0 && !stream.isStale
}
for (let waited = 0; !isRepaired() && waited < 30_000; waited += 100) await sleep(100)
await sleep(1_000)

const { statistics, resources, collectors } = manager.getStatus()
console.table(
  Object.entries(collectors).map(([name, { status, isHealthy, messagesReceived, restarts, timeSinceData }]) => {
    const repairs = manager.getCollectorStatus(name)?.subscriptions[0]?.repairs
    return { name, status, isHealthy, messagesReceived, repairs, restarts, timeSinceData }
  }),
)
const { runningCollectors, missingTrades, collectorRestarts } = statistics
console.log(
  `${runningCollectors} running over ${resources.openSockets} socket, ${collectorRestarts} restarts, ${missingTrades} trades missing`,
)

await manager.stop({ deadlineMs: 5_000 })
await fake.close()
