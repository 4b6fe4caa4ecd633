import { afterEach, expect, test } from 'vitest'
import { createOkxCollector, DATA_TYPES, silentLogger, type OkxCollector, type OkxCollectorConfig } from 'tapekeeper'
import { createPrometheusMetrics, type PrometheusMetrics, type PrometheusOptions } from 'tapekeeper/prometheus'
import { createVirtualExchange, DEFAULT_CREDENTIALS, type VirtualExchange } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'
import { Exposition } from './exposition.ts'

// Real OKX collectors against the fake exchange in virtual time: what is exposed is what happened.

const SYMBOL = 'BTC-USDT'
const NETWORK_DELAY_MS = 7

let fake: VirtualExchange
let metrics: PrometheusMetrics
const collectors: OkxCollector[] = []

function open(options: PrometheusOptions = {}): void {
  fake = createVirtualExchange({
    seed: 3,
    instruments: [SYMBOL, 'ETH-USDT'],
    networkDelayMs: NETWORK_DELAY_MS,
    tradesPerSecond: 10,
    historyMs: 1_000,
  })
  metrics = createPrometheusMetrics({ clock: fake.clock, ...options })
}

async function running(config: Partial<OkxCollectorConfig> = {}): Promise<OkxCollector> {
  const { endpoints, ports } = fake
  const collector = createOkxCollector({
    symbol: SYMBOL,
    dataTypes: ['trade'],
    endpoints,
    ports,
    logger: silentLogger,
    ...config,
  })
  collectors.push(collector)
  metrics.observe(collector)
  expect(await later(collector.start())).toBe(true)
  return collector
}

const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(fake.clock, promise)
const scrape = async (): Promise<Exposition> => new Exposition(await metrics.metrics())

afterEach(async () => {
  await later(Promise.all(collectors.splice(0).map((collector) => collector.stop())))
  metrics.close()
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})

test('trades: each fill of the exchange is counted once, also through a cut and a hole', async () => {
  open()
  const collector = await running({ customParams: { tradeChannel: 'trades-all' } })
  const ids: number[] = []
  collector.addDataCallback('trade', ({ data }) => ids.push(Number(data.id)))
  await fake.clock.advance(1_000)
  const early = ids.length
  expect((await scrape()).value('collector_messages_total', { exchange: 'okx', symbol: SYMBOL, type: 'trade' })).toBe(
    collector.getStatus().statistics.messagesProcessed,
  )
  expect(early).toBeGreaterThan(0)

  fake.drop()
  fake.emitTrades(SYMBOL, 20)
  await fake.clock.advance(20_000)
  fake.skip(SYMBOL, 3)
  await fake.clock.advance(20_000)
  fake.setTradesPerSecond(SYMBOL, 0)
  await fake.clock.advance(5_000)

  const exposition = await scrape()
  const made = fake.trades(SYMBOL).filter(({ id }) => Number(id) >= ids[0]!).length
  expect(ids.length).toBe(made)
  expect(exposition.value('collector_messages_total', { exchange: 'okx', symbol: SYMBOL, type: 'trade' })).toBe(made)
  expect(exposition.value('collector_reconnects_total', { exchange: 'okx' })).toBe(1)
  expect(exposition.value('collector_errors_total', { exchange: 'okx', error_type: 'SOCKET_LOST' })).toBe(1)
  expect(exposition.value('collector_gaps_total', { exchange: 'okx' })).toBe(0)
  expect(exposition.value('collector_missing_trades', { exchange: 'okx' })).toBe(0)

  // Latency is that of the live ones.
  const { backfilled } = collector.getCompleteness()
  expect(backfilled).toBeGreaterThanOrEqual(20)
  const labels = { exchange: 'okx', type: 'trade' }
  expect(exposition.value('collector_latency_seconds_count', labels)).toBe(made - backfilled)
})

test("latency: from the exchange's timestamp to the callback", async () => {
  open({ latencyBuckets: [0.01, 0.02, 5] })
  const collector = await running()
  const latencies: number[] = []
  collector.addDataCallback('trade', ({ timestamp }) => latencies.push(fake.clock.now() - timestamp))
  await fake.clock.advance(10_000)
  const exposition = await scrape()
  const labels = { exchange: 'okx', type: 'trade' }
  const within = (ms: number): number => latencies.filter((latency) => latency <= ms).length
  expect(Math.min(...latencies)).toBeGreaterThanOrEqual(NETWORK_DELAY_MS)
  expect(latencies.length).toBeGreaterThan(50)
  for (const [le, ms] of [
    ['0.01', 10],
    ['0.02', 20],
    ['5', 5_000],
    ['+Inf', Infinity],
  ] as const)
    expect(exposition.value('collector_latency_seconds_bucket', { ...labels, le }), le).toBe(within(ms))
  expect(exposition.value('collector_latency_seconds_count', labels)).toBe(latencies.length)
  const sum = latencies.reduce((total, latency) => total + latency, 0) / 1_000
  expect(exposition.value('collector_latency_seconds_sum', labels)).toBeCloseTo(sum, 9)
})

test('every type of data, the account included: labels are the configured symbol, never an asset; candles have no latency', async () => {
  open()
  const collector = await running({
    dataTypes: [...DATA_TYPES],
    candles: { source: 'exchange' },
    credentials: DEFAULT_CREDENTIALS,
  })
  await fake.clock.advance(5_000)
  const exposition = await scrape()
  const { messagesByType, bytesReceived, messagesReceived } = collector.getStatus().statistics
  for (const type of DATA_TYPES) {
    expect(messagesByType[type], type).toBeGreaterThan(0)
    const labels = { exchange: 'okx', symbol: SYMBOL, type }
    expect(exposition.value('collector_messages_total', labels), type).toBe(messagesByType[type])
  }
  expect(exposition.of('collector_messages_total')).toHaveLength(DATA_TYPES.length)
  const timed = new Set(exposition.of('collector_latency_seconds_count').map(({ labels }) => labels['type']))
  expect([...timed].sort()).toEqual(['balance', 'orderbook', 'ticker', 'trade'])
  expect(exposition.value('collector_received_messages_total', { exchange: 'okx' })).toBe(messagesReceived)
  expect(exposition.value('collector_received_bytes_total', { exchange: 'okx' })).toBe(bytesReceived)
  expect(bytesReceived).toBeGreaterThan(1_000)
  // Public, business and private endpoint.
  expect(exposition.value('collector_connections', { exchange: 'okx' })).toBe(3)
})

test('two collectors of one exchange add up, and their shared connection counts once', async () => {
  open()
  const [bitcoin, ether] = [await running(), await running({ symbol: 'ETH-USDT', dataTypes: ['trade', 'ticker'] })]
  await fake.clock.advance(5_000)
  const exposition = await scrape()
  const received = [bitcoin, ether].map((collector) => collector.getStatus().statistics.messagesReceived)
  expect(exposition.value('collector_received_messages_total', { exchange: 'okx' })).toBe(received[0]! + received[1]!)
  expect(exposition.value('collector_connections', { exchange: 'okx' })).toBe(1)
  expect(exposition.value('collector_subscriptions', { exchange: 'okx', state: 'confirmed' })).toBe(3)
  expect(exposition.value('collector_subscriptions', { exchange: 'okx', state: 'pending' })).toBe(0)
  expect(exposition.value('collectors', { exchange: 'okx', status: 'running' })).toBe(2)
  expect(exposition.value('collectors', { exchange: 'okx', status: 'degraded' })).toBe(0)
  expect(exposition.value('collector_seconds_since_data', { exchange: 'okx', symbol: SYMBOL })).toBeLessThan(2)
  expect(exposition.value('collector_uptime_seconds', { exchange: 'okx' })).toBe(bitcoin.getStatus().statistics.uptimeSeconds)
  const labels = { exchange: 'okx', type: 'trade' }
  const trades = [bitcoin, ether].reduce((sum, one) => sum + one.getStatus().statistics.messagesByType.trade!, 0)
  expect(exposition.value('collector_latency_seconds_count', labels)).toBe(trades)
})

test('what goes wrong: a damaged frame, a gap, a cut', async () => {
  open()
  const collector = await running({ tape: { repairTimeoutMs: 1_000 } })
  fake.corrupt('truncated', { symbol: SYMBOL, channel: 'trades' })
  await fake.clock.advance(5_000)
  expect((await scrape()).value('collector_decode_errors_total', { exchange: 'okx' })).toBe(1)

  fake.failRest({ path: 'history-trades', status: 503 })
  fake.skip({ symbol: SYMBOL, channel: 'trades' }, 2)
  await fake.clock.advance(5_000)
  const { gaps, missingTrades } = collector.getStatus().statistics
  expect(missingTrades).toBeGreaterThanOrEqual(2)
  const broken = await scrape()
  expect(broken.value('collector_gaps_total', { exchange: 'okx' })).toBe(gaps)
  expect(broken.value('collector_missing_trades', { exchange: 'okx' })).toBe(missingTrades)

  // Found after all: nothing is missing any more, but there was a gap.
  fake.healRest()
  await fake.clock.advance(60_000)
  const healed = await scrape()
  expect(healed.value('collector_missing_trades', { exchange: 'okx' })).toBe(0)
  expect(healed.value('collector_gaps_total', { exchange: 'okx' })).toBe(gaps)

  fake.refuse()
  fake.drop()
  await fake.clock.advance(1_000)
  const cut = await scrape()
  expect(cut.value('collector_connections', { exchange: 'okx' })).toBe(0)
  expect(cut.value('collectors', { exchange: 'okx', status: 'degraded' })).toBe(1)
  expect(cut.value('collector_subscriptions', { exchange: 'okx', state: 'pending' })).toBe(1)
})

test('a stream that is read too slowly', async () => {
  open()
  const collector = await running()
  collector.stream('trade', { highWaterMark: 5 })
  await fake.clock.advance(5_000)
  const { streamDropped } = collector.getStatus().statistics
  expect(streamDropped).toBeGreaterThan(0)
  expect((await scrape()).value('collector_dropped_points_total', { exchange: 'okx' })).toBe(streamDropped)
})

test('a silent market grows stale; a stopped collector is stopped, not stale', async () => {
  open()
  const collector = await running()
  await fake.clock.advance(2_000)
  fake.setTradesPerSecond(SYMBOL, 0)
  await fake.clock.advance(60_000)
  const silence = (await scrape()).value('collector_seconds_since_data', { exchange: 'okx', symbol: SYMBOL })
  expect(silence).toBeGreaterThan(58)
  await later(collector.stop())
  const exposition = await scrape()
  expect(exposition.of('collector_seconds_since_data')).toEqual([])
  expect(exposition.value('collectors', { exchange: 'okx', status: 'stopped' })).toBe(1)
})
