import { expect, test } from 'vitest'
import { CollectorManager, createOkxCollector, silentLogger } from 'tapekeeper'
import { createPrometheusMetrics } from 'tapekeeper/prometheus'
import { createVirtualExchange } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'
import { Exposition } from './exposition.ts'

test('a real manager: collectors come, restart and go; what they counted stays to the last point', async () => {
  const fake = createVirtualExchange({ seed: 5, instruments: ['BTC-USDT', 'ETH-USDT'], tradesPerSecond: 10, historyMs: 1_000 })
  const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(fake.clock, promise)
  const { endpoints, ports } = fake
  const manager = new CollectorManager({ managerName: 'test', logger: silentLogger, ports })
  const counts = { 'BTC-USDT': 0, 'ETH-USDT': 0 }
  const add = (symbol: keyof typeof counts): void => {
    const collector = createOkxCollector({ symbol, dataTypes: ['trade'], endpoints, ports, logger: silentLogger })
    collector.addDataCallback('trade', () => counts[symbol]++)
    manager.addCollector(collector, { name: symbol })
  }
  const metrics = createPrometheusMetrics({ manager, clock: fake.clock })
  const scrape = async (): Promise<Exposition> => new Exposition(await metrics.metrics())
  const trades = (exposition: Exposition, symbol: string) =>
    exposition.value('collector_messages_total', { exchange: 'okx', symbol, type: 'trade' })

  add('BTC-USDT')
  expect(await later(manager.start())).toBe(true)
  add('ETH-USDT')
  await fake.clock.advance(5_000)
  const both = await scrape()
  expect([trades(both, 'BTC-USDT'), trades(both, 'ETH-USDT')]).toEqual([counts['BTC-USDT'], counts['ETH-USDT']])
  expect(both.value('collectors', { exchange: 'okx', status: 'running' })).toBe(2)
  expect(both.value('collector_manager_failed_collectors')).toBe(0)
  expect(both.value('collector_manager_heap_used_bytes')).toBeGreaterThan(1e6)
  expect(both.value('collector_manager_event_loop_delay_seconds')).toBe(0)

  expect(await later(manager.restartCollector('BTC-USDT'))).toBe(true)
  await fake.clock.advance(5_000)
  const restarted = await scrape()
  expect(restarted.value('collector_restarts_total', { exchange: 'okx', trigger: 'manual' })).toBe(1)
  expect(trades(restarted, 'BTC-USDT')).toBe(counts['BTC-USDT'])
  expect(counts['BTC-USDT']).toBeGreaterThan(both.sum('collector_messages_total') / 2)

  const removal = manager.removeCollector('ETH-USDT')
  // It has left the list, and still delivers what is under way.
  expect(trades(await scrape(), 'ETH-USDT')).toBe(counts['ETH-USDT'])
  await later(removal)
  await fake.clock.advance(5_000)
  const alone = await scrape()
  expect(trades(alone, 'ETH-USDT')).toBe(counts['ETH-USDT'])
  expect(trades(alone, 'BTC-USDT')).toBe(counts['BTC-USDT'])
  expect(alone.value('collectors', { exchange: 'okx', status: 'running' })).toBe(1)
  expect(alone.of('collector_seconds_since_data')).toHaveLength(1)

  await later(manager.stop())
  metrics.close()
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})
