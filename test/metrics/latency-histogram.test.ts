import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { LatencyHistogram } from '../../src/metrics/latency-histogram.ts'

const buckets = [0.001, 0.005, 0.57, 1, 10]
/** Milliseconds: on the bounds, beside them, far outside. */
const OBSERVED = [0, 1, 2, 5, 6, 569, 570, 571, 999, 1_000, 1_001, 10_000, 10_001, 86_400_000]

test("says what prom-client's own histogram says of the same observations", async () => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const histogram = new LatencyHistogram('', buckets)
  ours.registerMetric(histogram as never)
  const { name, help } = histogram
  const reference = new Histogram({ name, help, labelNames: ['exchange', 'type'], buckets, registers: [theirs] })
  for (const [exchange, type] of [
    ['okx', 'trade'],
    ['okx', 'ticker'],
    ['say "hi"\\\n', 'trade'],
  ] as const) {
    const cell = histogram.cell(exchange, type)
    for (const ms of OBSERVED) {
      cell.observe(ms)
      reference.observe({ exchange, type }, ms / 1_000)
    }
  }
  const lines = async (registry: Registry) =>
    (await registry.metrics()).replace(/\{([^}]*)\}/g, (_match, labels: string) => `{${labels.split(',').sort().join()}}`)
  expect(await lines(ours)).toBe(await lines(theirs))
})

test('the same labels are the same cell', () => {
  const histogram = new LatencyHistogram('', buckets)
  expect(histogram.cell('okx', 'trade')).toBe(histogram.cell('okx', 'trade'))
  expect(histogram.cell('okx', 'trade')).not.toBe(histogram.cell('okx', 'ticker'))
})

test('a clock that is behind counts as no latency', async () => {
  const histogram = new LatencyHistogram('', buckets)
  histogram.cell('okx', 'trade').observe(-250)
  const { values } = await histogram.get()
  expect(values.map(({ value }) => value)).toEqual([1, 1, 1, 1, 1, 1, 0, 1])
})

test('resetMetrics() empties it, and its cells go on', async () => {
  const registry = new Registry()
  const histogram = new LatencyHistogram('', buckets)
  registry.registerMetric(histogram as never)
  const cell = histogram.cell('okx', 'trade')
  cell.observe(2)
  registry.resetMetrics()
  cell.observe(3)
  const count = (await histogram.get()).values.find(({ metricName }) => metricName.endsWith('_count'))
  expect(count?.value).toBe(1)
})
