import { expect, test } from 'vitest'
import { createPrometheusMetrics } from '../../src/metrics/create-prometheus-metrics.ts'
import { FakeSource } from '../support/fake-source.ts'
import { createTestWorld, inVirtualTime } from '../support/test-ports.ts'
import { Exposition } from './exposition.ts'

test('what is given up at the stop is counted', async () => {
  const world = createTestWorld()
  const output = { name: 'bus', publish: () => Promise.reject(new Error('away')), close: () => Promise.resolve() }
  const one = new FakeSource({ outputs: [output] }, world)
  const metrics = createPrometheusMetrics({ collectors: [one], clock: world.clock })
  await inVirtualTime(world.clock, one.start())
  await world.clock.advance(3_500)
  await metrics.metrics()
  await inVirtualTime(world.clock, one.stop())
  const after = new Exposition(await metrics.metrics())
  const lost = after.value('collector_sink_lost_total', { exchange: 'fake', sink: 'bus' })
  metrics.close()
  expect(lost).toBe(3)
})
