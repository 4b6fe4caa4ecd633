import { expect, test } from 'vitest'
import type { MarketDataPoint } from '../../src/domain/market-data.ts'
import { storageOptions } from '../../src/storage/storage-options.ts'
import { StorageSink } from '../../src/storage/storage-sink.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { createVirtualClock } from '../../src/testing/virtual-clock.ts'
import { candle, HostileDatabase, HostileSpool, trade } from './writer/hostile-world.ts'

const STREAM = 'okx trades BTC-USDT'
const candlePoint = (revision: number, status: 'open' | 'closed' | 'revised'): MarketDataPoint => ({
  ...trade(''),
  dataType: 'candle',
  data: { ...candle(0, revision), status },
})

function world(isShared: boolean) {
  const clock = createVirtualClock()
  const random = seededRandom('sink')
  const [one, other] = [new HostileDatabase({ clock, random }), new HostileDatabase({ clock, random })]
  const disk = new HostileSpool({ clock, random })
  const rawTrades = one.repository()
  const marketData = isShared ? rawTrades : other.repository()
  const lost: string[] = []
  const sink = new StorageSink({
    name: 's',
    repositories: { rawTrades, marketData },
    spool: disk.spool(),
    clock,
    random,
    onLost: (trades, reason) => void lost.push(...trades.map(({ data }) => `${data.id} ${reason}`)),
  })
  return { clock, one, other, disk, sink, lost }
}

test('keeps trades, closed candles, found trades and frames, each in its place', async () => {
  const { clock, one, other, disk, sink } = world(false)
  const { exchange, symbol } = trade('')
  sink.point(trade('1'))
  sink.point(candlePoint(1, 'open'))
  sink.point(candlePoint(2, 'closed'))
  sink.gap({
    exchange,
    symbol,
    stream: STREAM,
    fromId: '2',
    toId: '2',
    fromTime: 1,
    toTime: 2,
    missing: 1,
    reason: 'rest-failed',
    filled: false,
    trades: undefined,
    at: 1,
  })
  sink.gap({
    exchange,
    symbol,
    stream: STREAM,
    fromId: '2',
    toId: '2',
    fromTime: 1,
    toTime: 2,
    missing: 1,
    reason: 'rest-failed',
    filled: true,
    trades: [trade('2')],
    at: 1,
  })
  for (const text of ['a', 'b']) sink.frame({ exchange, symbol, dataType: 'trade', topic: 't', receivedAt: 1, text })
  const closing = sink.close()
  await clock.advance(300)
  await closing
  expect([...one.trades.keys()]).toEqual(['1', '2'])
  expect(other.candles.get(0)?.volume.toNumber()).toBe(2)
  expect([...one.frames.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ text }) => text)).toEqual(['a', 'b'])
  expect([...disk.lanes.keys()].sort()).toEqual(['s.market-data', 's.raw-trades'])
  expect(sink.status().map(({ name, state }) => [name, state])).toEqual([
    ['s > hostile', 'closed'],
    ['s > hostile', 'closed'],
  ])
})

test('one writer for one repository', async () => {
  const { clock, disk, sink } = world(true)
  const closing = sink.close()
  await clock.advance(300)
  await closing
  expect([...disk.lanes.keys()]).toEqual(['s'])
  expect(sink.status()).toHaveLength(1)
})

test('a cursor waits for the candles, too', async () => {
  const { clock, one, other, sink } = world(false)
  other.mood = 'down'
  sink.point(trade('1'))
  sink.point(candlePoint(1, 'closed'))
  let isSaved = false
  const saved = sink.cursorStore?.save(STREAM, { id: '1', timestamp: 1 }).then(() => (isSaved = true))
  await clock.advance(10_000)
  expect([one.trades.size, one.cursors.size, isSaved]).toEqual([1, 0, false])
  other.mood = 'up'
  await clock.advance(60_000)
  await saved
  expect(await sink.cursorStore?.load(STREAM)).toEqual({ id: '1', timestamp: 1 })
})

test('lost trades are told, candles are not', async () => {
  const { clock, sink, lost } = world(true)
  sink.point(trade('poison-row'))
  sink.point({ ...candlePoint(1, 'closed'), data: { ...candle(0, 1), incompleteReason: 'poison-row' } } as MarketDataPoint)
  await clock.advance(1_000)
  expect(lost).toEqual(['poison-row rejected'])
})

test('options have defaults, and a spool is known by its shape', () => {
  expect(storageOptions.parse({})).toEqual({
    batchRows: 1_000,
    maxBatchRows: 5_000,
    maxDelayMs: 250,
    maxQueuedRows: 20_000,
    operationTimeoutMs: 30_000,
  })
  expect(storageOptions.safeParse({ spool: {} }).success).toBe(false)
  expect(storageOptions.safeParse({ batchRow: 1 }).success).toBe(false)
})
