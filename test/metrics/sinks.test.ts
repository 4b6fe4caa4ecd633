import { afterEach, expect, test } from 'vitest'
import { CollectorManager, silentLogger, type Output } from 'tapekeeper'
import type { CollectorStatusReport } from '../../src/core/collector/status-report.ts'
import { createPrometheusMetrics, type PrometheusMetrics } from '../../src/metrics/create-prometheus-metrics.ts'
import type { ObservedManager } from '../../src/metrics/observed-manager.ts'
import type { PrometheusOptions } from '../../src/metrics/options.ts'
import type { SinkStatus } from '../../src/ports/sink.ts'
import { FakeSource } from '../support/fake-source.ts'
import { createTestWorld, inVirtualTime, type TestWorld } from '../support/test-ports.ts'
import { Exposition } from './exposition.ts'
import { fakeSink } from './fake-sink.ts'

/** Its sinks say what the test says. */
class Source extends FakeSource {
  sinks: readonly SinkStatus[] = []

  override getStatus(): CollectorStatusReport {
    return { ...super.getStatus(), sinks: this.sinks }
  }
}

let world: TestWorld = createTestWorld()
const opened: PrometheusMetrics[] = []

const source = (): Source => new Source({}, world)

function create(options: PrometheusOptions = {}): PrometheusMetrics {
  const metrics = createPrometheusMetrics({ clock: world.clock, ...options })
  opened.push(metrics)
  return metrics
}

const scrape = async (metrics: PrometheusMetrics): Promise<Exposition> => new Exposition(await metrics.metrics())

afterEach(() => {
  for (const metrics of opened.splice(0)) metrics.close()
  expect(world.clock.pending).toBe(0)
  world = createTestWorld()
})

const of = (exposition: Exposition, what: string, sink: string, exchange = 'fake') =>
  exposition.value(`collector_sink_${what}`, { exchange, sink })

test('are added up by exchange and by where they lead; away is one of them', async () => {
  const [one, two] = [source(), source()]
  const metrics = create({ collectors: [one, two] })
  one.sinks = [
    fakeSink({
      name: 'fake_ABC-USD > sqlite',
      queued: 1,
      maxQueued: 10,
      spooled: 2,
      spooledBytes: 300,
      delivered: 4,
      state: 'away',
    }),
    fakeSink({ name: 'fake_ABC-USD > redis', rejected: 5, lost: 6, failures: 7, state: 'away' }),
    fakeSink({ name: 'fake_ABC-USD > redis', rejected: 50 }),
  ]
  two.sinks = [fakeSink({ name: 'a > b > sqlite', queued: 1, maxQueued: 10, delivered: 40, state: 'away', awaySince: 1 })]
  const exposition = await scrape(metrics)
  const values = (sink: string) =>
    [
      'queued',
      'max_queued',
      'spooled',
      'spooled_bytes',
      'away',
      'delivered_total',
      'rejected_total',
      'lost_total',
      'failures_total',
    ].map((what) => of(exposition, what, sink))
  expect(values('sqlite')).toEqual([2, 20, 2, 300, 1, 44, 0, 0, 0])
  expect(values('redis')).toEqual([0, 200, 0, 0, 1, 0, 55, 6, 7])
  expect(exposition.of('collector_sink_delivered_total')).toHaveLength(2)
})

test.each(['working', 'draining', 'closed'] as const)('one that is %s is not away', async (state) => {
  const one = source()
  one.sinks = [fakeSink({ state, awaySince: 1 })]
  expect(of(await scrape(create({ collectors: [one] })), 'away', 'sqlite')).toBe(0)
})

test('their counters stay when they are closed, and go on with those of the next start', async () => {
  const one = source()
  const metrics = create({ collectors: [one] })
  const delivered = async (...sinks: readonly SinkStatus[]) => {
    one.sinks = sinks
    return of(await scrape(metrics), 'delivered_total', 'sqlite')
  }
  expect(await delivered()).toBeUndefined()
  expect(await delivered(fakeSink())).toBe(0)
  expect(await delivered(fakeSink({ delivered: 10 }))).toBe(10)
  expect(await delivered()).toBe(10)
  expect((await scrape(metrics)).of('collector_sink_away')).toEqual([])
  expect(await delivered(fakeSink({ delivered: 3 }))).toBe(13)
  expect(await delivered(fakeSink({ delivered: 5 }))).toBe(15)
  one.sinks = [fakeSink({ delivered: 7 })]
  metrics.unobserve(one) // not scraped since
  expect(of(await scrape(metrics), 'delivered_total', 'sqlite')).toBe(17)
  metrics.observe(one)
  expect(of(await scrape(metrics), 'delivered_total', 'sqlite')).toBe(17)
})

test("the manager's own have its name for an exchange", async () => {
  const one = source()
  const state = { fails: false, sinks: [] as readonly SinkStatus[] }
  const manager: ObservedManager = {
    listCollectors: () => ['one'],
    getCollector: () => one,
    getStatus: () => {
      if (state.fails) throw new Error('no status')
      const resources = { heapUsedBytes: 1, eventLoopDelayMs: 1 }
      return { statistics: { failedCollectors: 0 }, resources, sinks: state.sinks }
    },
    on: () => undefined,
    off: () => undefined,
  }
  const metrics = create({ manager })
  one.sinks = [fakeSink({ name: 'fake > redis', delivered: 1 })]
  state.sinks = [fakeSink({ name: 'production > redis', state: 'away', queued: 8, delivered: 2 })]
  const both = await scrape(metrics)
  expect([of(both, 'delivered_total', 'redis'), of(both, 'delivered_total', 'redis', '(manager)')]).toEqual([1, 2])
  expect([of(both, 'away', 'redis'), of(both, 'away', 'redis', '(manager)')]).toEqual([0, 1])
  state.sinks = [fakeSink({ name: 'production > redis', delivered: 1 })]
  const again = await scrape(metrics)
  expect(of(again, 'delivered_total', 'redis', '(manager)')).toBe(3)
  state.fails = true
  const failing = await scrape(metrics)
  expect(of(failing, 'delivered_total', 'redis', '(manager)')).toBe(3)
  expect(of(failing, 'away', 'redis', '(manager)')).toBeUndefined()
  expect(of(failing, 'away', 'redis')).toBe(0)
})

test('series stay few, however many collectors there are', async () => {
  const many = Array.from({ length: 50 }, () => source())
  many.forEach((each, index) => (each.sinks = [fakeSink({ name: `fake_C${index} > postgres`, delivered: 1 })]))
  const sinkSeries = (await scrape(create({ collectors: many }))).series.filter(({ labels }) => 'sink' in labels)
  expect(sinkSeries).toHaveLength(9)
  expect(sinkSeries).toContainEqual({
    name: 'collector_sink_delivered_total',
    labels: { exchange: 'fake', sink: 'postgres' },
    value: 50,
  })
})

test('a real manager and a real collector: what each publishes is counted, and goes on after a stop and a start', async () => {
  const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(world.clock, promise)
  const published = { shared: 0, own: 0 }
  const output = (name: keyof typeof published): Output => ({
    name,
    publish: (messages) => {
      published[name] += messages.length
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  })
  const one = new FakeSource({ outputs: [output('own')] }, world)
  const manager = new CollectorManager({
    managerName: 'm',
    logger: silentLogger,
    ports: world.ports,
    outputs: [output('shared')],
  })
  manager.addCollector(one)
  const metrics = create({ manager })
  const expectAll = async (): Promise<void> => {
    const exposition = await scrape(metrics)
    expect(of(exposition, 'delivered_total', 'own')).toBe(published.own)
    expect(of(exposition, 'delivered_total', 'shared', '(manager)')).toBe(published.shared)
  }
  expect(await later(manager.start())).toBe(true)
  await world.clock.advance(3_500)
  await expectAll()
  expect(published.own).toBeGreaterThan(2)
  await later(manager.stop())
  await expectAll()
  expect(await later(manager.start())).toBe(true)
  await world.clock.advance(1_500)
  await expectAll()
  await later(manager.stop())
})
