import { Registry, type OpenMetricsContentType } from 'prom-client'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BaseCollectorOptions } from '../../src/core/collector/base-options.ts'
import type { CollectorStatusReport } from '../../src/core/collector/status-report.ts'
import type { MarketDataPoint } from '../../src/domain/market-data.ts'
import type { SinkStatus } from '../../src/ports/sink.ts'
import { METRICS } from '../../src/metrics/catalog.ts'
import { createPrometheusMetrics, type PrometheusMetrics } from '../../src/metrics/create-prometheus-metrics.ts'
import type { PrometheusOptions } from '../../src/metrics/options.ts'
import { FakeSource } from '../support/fake-source.ts'
import { createTestWorld, inVirtualTime, type TestWorld } from '../support/test-ports.ts'
import { Exposition } from './exposition.ts'
import { fakeSink } from './fake-sink.ts'

/** A source that delivers what the test says, and may be unable to say how it is. */
class Source extends FakeSource {
  broken: 'status' | 'connections' | 'nonsense' | undefined
  halfReport = false
  sinks: readonly SinkStatus[] = []

  push(fields: Partial<MarketDataPoint> = {}): void {
    this.deliver({ ...this.trade('1'), ...fields } as MarketDataPoint)
  }
  override getStatus(): CollectorStatusReport {
    if (this.broken === 'status') throw new Error('no status')
    if (this.broken === 'nonsense') return {} as CollectorStatusReport
    const report = { ...super.getStatus(), sinks: this.sinks }
    if (!this.halfReport) return report
    const sinks = [fakeSink({ name: 'a > sqlite', queued: NaN, delivered: undefined as never, rejected: 1 })]
    return { ...report, sinks, statistics: { ...report.statistics, uptimeSeconds: undefined as never, gaps: NaN } }
  }
  override getConnections() {
    if (this.broken === 'connections') throw new Error('no connections')
    return super.getConnections()
  }
}

let world: TestWorld = createTestWorld()
const opened: PrometheusMetrics[] = []
const sources: Source[] = []

function source(options: Partial<BaseCollectorOptions> = {}): Source {
  const made = new Source(options, world)
  sources.push(made)
  return made
}

function create(options: PrometheusOptions = {}): PrometheusMetrics {
  const metrics = createPrometheusMetrics({ clock: world.clock, ...options })
  opened.push(metrics)
  return metrics
}

const scrape = async (metrics: PrometheusMetrics): Promise<Exposition> => new Exposition(await metrics.metrics())
const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(world.clock, promise)
const trades = (exposition: Exposition, symbol = 'ABC-USD') =>
  exposition.value('collector_messages_total', { exchange: 'fake', symbol, type: 'trade' })

afterEach(async () => {
  for (const metrics of opened.splice(0)) metrics.close()
  await later(Promise.all(sources.splice(0).map((each) => each.stop(true))))
  expect(world.clock.pending).toBe(0)
  world = createTestWorld()
})

describe('counters', () => {
  test('are those of the statistics, also of what was before', async () => {
    const one = source()
    one.push()
    one.push()
    const metrics = create({ collectors: [one] })
    expect(trades(await scrape(metrics))).toBe(2)
    one.push()
    expect(trades(await scrape(metrics))).toBe(3)
    expect(trades(await scrape(metrics))).toBe(3)
  })

  test('never fall: not by a restart, nor when a collector goes, comes back, or is replaced', async () => {
    const [one, two] = [source(), source()]
    const metrics = create({ collectors: [one, two] })
    let before = 0
    const expectTrades = async (count: number): Promise<void> => {
      const exposition = await scrape(metrics)
      expect(trades(exposition)).toBe(count)
      const total = exposition.series.filter(({ name }) => name.endsWith('_total')).reduce((sum, { value }) => sum + value, 0)
      expect(total).toBeGreaterThanOrEqual(before)
      before = total
    }
    one.push()
    two.push()
    await expectTrades(2)
    expect(await later(one.start())).toBe(true)
    expect(await later(one.restart())).toBe(true)
    one.push()
    await expectTrades(3)
    two.push()
    metrics.unobserve(two) // not scraped since the last point
    two.push()
    await expectTrades(4)
    metrics.observe(two)
    metrics.observe(two)
    // What it delivered meanwhile counts, and nothing counts twice.
    await expectTrades(5)
    metrics.unobserve(two)
    metrics.unobserve(two)
    const three = source()
    three.push()
    metrics.observe(three)
    await expectTrades(6)
  })

  test('restarts by trigger, each there before the first', async () => {
    const one = source({ restartDelayMs: 10 })
    const metrics = create({ collectors: [one] })
    const restarts = async () =>
      Object.fromEntries(
        (await scrape(metrics)).of('collector_restarts_total').map(({ labels, value }) => [labels['trigger']!, value] as const),
      )
    const none = { 'connection-failure': 0, 'error-state': 0, manual: 0, 'no-heartbeat': 0, 'stale-data': 0 }
    expect(await restarts()).toEqual(none)
    await later(one.start())
    await later(one.restart())
    one.loopFails = true
    await world.clock.advance(1_005)
    one.loopFails = false
    await world.clock.advance(1_000)
    expect(await restarts()).toEqual({ ...none, manual: 1, 'connection-failure': 1 })
  })

  test('restarts from before it was observed have their trigger, too', async () => {
    const one = source()
    await later(one.start())
    await later(one.restart())
    const metrics = create({ collectors: [one] })
    await later(one.restart())
    const restarts = (await scrape(metrics)).of('collector_restarts_total').filter(({ value }) => value > 0)
    expect(restarts).toMatchObject([{ labels: { exchange: 'fake', trigger: 'manual' }, value: 2 }])
  })
})

describe('several symbols in one collector', () => {
  const symbols = ['ABC-USD', 'DEF-USD']

  test('each has its count and its silence; what was delivered unheard has no symbol', async () => {
    const one = source({ symbols })
    one.silent = true
    await later(one.start())
    one.push({ symbol: 'ABC-USD' })
    const metrics = create({ collectors: [one] })
    one.push({ symbol: 'ABC-USD' })
    one.push({ symbol: 'DEF-USD' })
    await world.clock.advance(5_000)
    one.push({ symbol: 'DEF-USD' })
    one.push({ symbol: 'NOT-ASKED-FOR' })
    const exposition = await scrape(metrics)
    expect([trades(exposition), trades(exposition, 'DEF-USD'), trades(exposition, '')]).toEqual([1, 2, 2])
    expect(exposition.of('collector_messages_total')).toHaveLength(3)
    const silence = (symbol: string) => exposition.value('collector_seconds_since_data', { exchange: 'fake', symbol })
    expect([silence('ABC-USD'), silence('DEF-USD')]).toEqual([5, 0])
  })

  test('a symbol that never had data is silent since it is observed', async () => {
    const one = source({ symbols })
    one.silent = true
    await later(one.start())
    const metrics = create({ collectors: [one] })
    await world.clock.advance(9_000)
    one.push({ symbol: 'ABC-USD' })
    const labels = { exchange: 'fake', symbol: 'DEF-USD' }
    expect((await scrape(metrics)).value('collector_seconds_since_data', labels)).toBe(9)
  })
})

describe('labels', () => {
  test('without `symbolLabel` no series has one, and the sums are the same', async () => {
    const many = Array.from({ length: 50 }, (_, index) => source({ symbols: [`C${index}-USD`] }))
    const [withSymbol, without] = [create({ collectors: many }), create({ collectors: many, symbolLabel: false })]
    for (const each of many) each.push({ symbol: each.symbols[0]! })
    const [full, short] = [await scrape(withSymbol), await scrape(without)]
    expect(full.of('collector_messages_total')).toHaveLength(50)
    expect(short.series.filter(({ labels }) => 'symbol' in labels)).toEqual([])
    expect(short.value('collector_messages_total', { exchange: 'fake', type: 'trade' })).toBe(50)
    expect(short.series.length).toBeLessThan(60)
  })

  test('are those of the catalogue, for every series', async () => {
    const { manager, state } = fakeManager()
    const one = source()
    one.sinks = state.sinks = [fakeSink()]
    const metrics = create({ collectors: [one, source({ exchangeName: 'other' })], manager })
    const exposition = await scrape(metrics)
    for (const { name, type, labels } of METRICS) {
      expect(exposition.types.get(name), name).toBe(type)
      for (const series of exposition.of(name)) expect(Object.keys(series.labels).sort(), name).toEqual([...labels].sort())
    }
    expect([...exposition.types.keys()].sort()).toEqual(METRICS.map(({ name }) => name).sort())
  })
})

describe('gauges', () => {
  test('an exchange whose collectors are all gone has none, and says so', async () => {
    const one = source()
    const metrics = create({ collectors: [one] })
    await later(one.start())
    const up = await scrape(metrics)
    expect(up.value('collectors', { exchange: 'fake', status: 'running' })).toBe(1)
    expect(up.value('collectors', { exchange: 'fake', status: 'error' })).toBe(0)
    metrics.unobserve(one)
    const gone = await scrape(metrics)
    expect(gone.of('collectors')).toEqual([{ name: 'collectors', labels: { exchange: 'fake', status: 'running' }, value: 0 }])
    expect(gone.of('collector_uptime_seconds')).toEqual([])
  })

  test('the uptime is that of the longest run, the silence that of the most silent', async () => {
    const [one, two] = [source(), source()]
    const metrics = create({ collectors: [one, two] })
    one.silent = true
    await later(one.start())
    await world.clock.advance(10_000)
    await later(two.start())
    await world.clock.advance(5_000)
    const exposition = await scrape(metrics)
    expect(exposition.value('collector_uptime_seconds', { exchange: 'fake' })).toBeGreaterThanOrEqual(15)
    const labels = { exchange: 'fake', symbol: 'ABC-USD' }
    expect(exposition.value('collector_seconds_since_data', labels)).toBeGreaterThanOrEqual(15)
  })
})

test.each(['status', 'connections', 'nonsense'] as const)(
  'a collector that fails to give its %s is left out and counted; the scrape goes on',
  async (what) => {
    const [good, bad] = [source(), source({ exchangeName: 'bad' })]
    const metrics = create({ collectors: [bad, good] })
    good.push()
    bad.push()
    expect((await scrape(metrics)).value('collector_scrape_errors_total', { exchange: 'bad' })).toBe(0)
    bad.push()
    bad.broken = what
    const exposition = await scrape(metrics)
    expect(exposition.value('collector_scrape_errors_total', { exchange: 'bad' })).toBe(1)
    expect(exposition.value('collector_scrape_errors_total', { exchange: 'fake' })).toBe(0)
    expect(exposition.value('collectors', { exchange: 'bad', status: 'stopped' })).toBeUndefined()
    expect(exposition.value('collectors', { exchange: 'fake', status: 'stopped' })).toBe(1)
    expect(trades(exposition)).toBe(1)
    bad.broken = undefined
    const well = await scrape(metrics)
    expect(well.value('collector_messages_total', { exchange: 'bad', symbol: 'ABC-USD', type: 'trade' })).toBe(2)
    // Removing one that cannot answer does not throw either.
    bad.broken = what
    metrics.unobserve(bad)
    expect((await scrape(metrics)).value('collector_scrape_errors_total', { exchange: 'bad' })).toBe(2)
  },
)

test('a report that lacks a number lacks that series', async () => {
  const one = source()
  const metrics = create({ collectors: [one] })
  one.halfReport = true
  one.push()
  const exposition = await scrape(metrics)
  expect(exposition.of('collector_uptime_seconds')).toEqual([])
  expect(exposition.of('collector_sink_queued')).toEqual([])
  expect(exposition.value('collector_sink_rejected_total', { exchange: 'fake', sink: 'sqlite' })).toBe(1)
  expect(trades(exposition)).toBe(1)
})

/** What a manager offers to metrics. */
function fakeManager(...collectors: Source[]) {
  const list = new Map(collectors.map((each, index) => [`c${index}`, each]))
  const listeners = new Set<() => void>()
  const state = { fails: false, heapUsedBytes: 1_000 as number | null, sinks: [] as readonly SinkStatus[] }
  return {
    list,
    listeners,
    state,
    tell: () => listeners.forEach((listener) => listener()),
    manager: {
      listCollectors: () => [...list.keys()],
      getCollector: (name: string) => list.get(name),
      getStatus: () => {
        if (state.fails) throw new Error('no status')
        const { heapUsedBytes, sinks } = state
        return { statistics: { failedCollectors: 2 }, resources: { heapUsedBytes, eventLoopDelayMs: 3 }, sinks }
      },
      on: (_event: string, listener: () => void) => listeners.add(listener),
      off: (_event: string, listener: () => void) => listeners.delete(listener),
    },
  }
}

describe('a manager', () => {
  test('is followed: collectors added and removed later, one by hand beside them', async () => {
    const [one, two, byHand] = [source(), source(), source()]
    const { manager, list, tell } = fakeManager(one)
    const metrics = create({ manager, collectors: [byHand] })
    for (const each of [one, two, byHand]) each.push()
    expect(trades(await scrape(metrics))).toBe(2)
    list.set('two', two)
    list.set('hand', byHand)
    tell()
    const latency = async () =>
      (await scrape(metrics)).value('collector_latency_seconds_count', { exchange: 'fake', type: 'trade' })
    expect(await latency()).toBe(2)
    two.push()
    expect(await latency()).toBe(3)
    expect(trades(await scrape(metrics))).toBe(4)
    list.clear()
    for (const each of [one, two, byHand]) each.push()
    tell()
    // Those that went had a last word; the one by hand stays.
    expect(trades(await scrape(metrics))).toBe(7)
    for (const each of [one, two, byHand]) each.push()
    expect(trades(await scrape(metrics))).toBe(8)
  })

  test('unobserve holds for a collector of the manager too', async () => {
    const one = source()
    const { manager, tell } = fakeManager(one)
    const metrics = create({ manager })
    metrics.unobserve(one)
    one.push()
    tell()
    expect(trades(await scrape(metrics))).toBe(0)
    metrics.observe(one)
    expect(trades(await scrape(metrics))).toBe(1)
  })

  test('has gauges of its own', async () => {
    const { manager, state } = fakeManager()
    state.heapUsedBytes = null
    const metrics = create({ manager })
    expect((await scrape(metrics)).value('collector_manager_heap_used_bytes')).toBe(0)
    state.heapUsedBytes = 5_000
    const exposition = await scrape(metrics)
    expect(exposition.value('collector_manager_heap_used_bytes')).toBe(5_000)
    expect(exposition.value('collector_manager_event_loop_delay_seconds')).toBe(0.003)
    expect(exposition.value('collector_manager_failed_collectors')).toBe(2)
    state.fails = true
    const failing = await scrape(metrics)
    expect(failing.value('collector_scrape_errors_total', { exchange: '(manager)' })).toBe(1)
    expect(failing.value('collector_manager_heap_used_bytes')).toBe(5_000)
  })

  test('close() lets go of everything', () => {
    const one = source()
    const { manager, listeners } = fakeManager(one)
    const removed = vi.spyOn(one, 'removeDataCallback')
    const metrics = create({ manager, defaultMetrics: true })
    expect(listeners.size).toBeGreaterThan(0)
    metrics.close()
    metrics.close()
    expect(listeners.size).toBe(0)
    expect(removed).toHaveBeenCalledWith('trade', expect.any(Function))
    expect(metrics.registry.getMetricsAsArray()).toEqual([])
  })
})

describe('registries', () => {
  test('two instances on registries of their own do not interfere', async () => {
    const [one, two] = [source(), source()]
    const [first, second] = [create({ collectors: [one, two] }), create({ collectors: [one] })]
    one.push()
    two.push()
    expect(trades(await scrape(first))).toBe(2)
    expect(trades(await scrape(second))).toBe(1)
    first.close()
    one.push()
    expect(trades(await scrape(second))).toBe(2)
  })

  test('a second instance on the same registry is refused, with what to do about it', () => {
    const registry = new Registry()
    const first = create({ registry })
    const second = () => create({ registry })
    expect(second).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message:
          'this registry has metrics of these names already: close() what made them, or give a registry of its own or another prefix',
      }) as Error,
    )
    expect(registry.getMetricsAsArray()).toHaveLength(METRICS.length - 3)
    create({ registry, prefix: 'other_' })
    first.close()
    expect(second).not.toThrow()
  })

  test("a registry of the host's: its own metrics stay, default metrics are refused when it has them", async () => {
    const registry = new Registry()
    const first = create({ registry, defaultMetrics: true, prefix: 'a_' })
    expect(await first.metrics()).toContain('a_process_cpu_user_seconds_total')
    expect(() => create({ registry, defaultMetrics: true, prefix: 'a_' })).toThrow('already')
    first.close()
    const second = create({ registry, defaultMetrics: true })
    second.close()
    expect(registry.getMetricsAsArray()).toEqual([])
  })

  test('the prefix is put before every name', async () => {
    const exposition = await scrape(create({ prefix: 'tape_', collectors: [source()] }))
    expect([...exposition.types.keys()].filter((name) => !name.startsWith('tape_collector'))).toEqual([])
  })

  test('OpenMetrics', async () => {
    const registry = new Registry<OpenMetricsContentType>()
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const one = source()
    const metrics = create({ registry, collectors: [one] })
    one.push()
    expect(metrics.contentType).toMatch(/^application\/openmetrics-text/)
    const text = await metrics.metrics()
    expect(text).toMatch(/^# TYPE collector_messages counter\n.*\n?collector_messages_total\{.*\} 1$/m)
    expect(text.endsWith('# EOF\n')).toBe(true)
    expect(await metrics.metrics()).toBe(text)
  })

  test('as JSON too, for those who merge the registries of a cluster', async () => {
    const one = source()
    const { registry } = create({ collectors: [one] })
    one.push()
    const metrics = await registry.getMetricsAsJSON()
    expect(metrics.find(({ name }) => name === 'collector_messages_total')?.values).toEqual([
      { labels: { exchange: 'fake', symbol: 'ABC-USD', type: 'trade' }, value: 1 },
    ])
  })
})

test.each<[name: string, options: object, message: string]>([
  ['a misspelt option', { symbolLabels: false }, 'unknown key "symbolLabels", did you mean "symbolLabel"?'],
  ['a prefix that is no name', { prefix: '1-' }, 'prefix: may hold letters, digits, _ and :, and starts with no digit'],
  ['buckets out of order', { latencyBuckets: [1, 0.5] }, 'latencyBuckets: must be in ascending order'],
  ['no buckets', { latencyBuckets: [] }, 'latencyBuckets must have at least 1 item'],
  ['something else for a collector', { collectors: [{}] }, 'collectors.0: must be a collector'],
  ['something else for a manager', { manager: {} }, 'manager: must be a CollectorManager'],
  ['something else for a registry', { registry: {} }, 'registry: must be a Registry of prom-client'],
])('wrong options: %s', (_name, options, message) => {
  expect(() => createPrometheusMetrics(options as PrometheusOptions)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) as string }) as Error,
  )
})
