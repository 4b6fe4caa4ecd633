import { afterEach, describe, expect, test } from 'vitest'
import { createOkxCollector, silentLogger, type OkxCollector, type OkxCollectorConfig, type RestartNotice } from 'tapekeeper'
import { createVirtualExchange, type FakeRequest, type VirtualExchange, type VirtualOptions } from 'tapekeeper/testing'
import { brokenAgainst, logTape, newTapeLog, type TapeLog } from '../core/tape/tape-log.ts'
import { inVirtualTime } from '../support/virtual-time.ts'
import { size } from '../support/runs.ts'

// A stream that stopped is told from a quiet market, and repaired by the smallest means. Virtual time, defaults of the library.

const BTC = 'BTC-USDT'
const ETH = 'ETH-USDT'
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let fake: VirtualExchange
let collectors: OkxCollector[] = []

function open(options: VirtualOptions = {}): void {
  fake = createVirtualExchange({
    seed: 4,
    instruments: [BTC, ETH],
    tradesPerSecond: 20,
    bookUpdatesPerSecond: 0,
    historyMs: 1_000,
    ...options,
  })
}

async function running(config: Partial<OkxCollectorConfig> = {}): Promise<{ collector: OkxCollector; log: TapeLog }> {
  const collector = createOkxCollector({
    symbol: BTC,
    dataTypes: ['trade'],
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    ...config,
  })
  collectors.push(collector)
  const log = collector.dataTypes.includes('trade') ? logTape(collector) : newTapeLog()
  expect(await inVirtualTime(fake.clock, collector.start())).toBe(true)
  return { collector, log }
}

/** What was asked on the wire, pings apart: `subscribe trades BTC-USDT`. */
const asked = (from = 0): string[] =>
  fake.requests
    .filter(({ op, at }: FakeRequest) => op !== 'ping' && at >= from)
    .flatMap(({ op, args }) => args.map(({ channel, instId }) => `${op} ${String(channel)} ${String(instId)}`))

const probes = (): number => fake.restRequests.filter(({ path }) => path === '/api/v5/market/trades').length

/** The market rests, and a last trade shows whatever was missed. */
async function settle(symbol: string): Promise<void> {
  fake.setTradesPerSecond(symbol, 0)
  await fake.clock.advance(1_000)
  fake.trade(symbol)
  await fake.clock.advance(10_000)
}

function expectComplete({ pieces, gaps }: TapeLog, symbol: string): void {
  expect(brokenAgainst(pieces, fake.trades(symbol))).toBeUndefined()
  expect(gaps).toEqual([])
}

afterEach(async () => {
  await inVirtualTime(fake.clock, Promise.all(collectors.map((collector) => collector.stop())))
  collectors = []
  expect(fake.connections).toEqual([])
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})

describe('one of two symbols on a socket falls silent while its market trades at 20 a second', () => {
  test.each([1, 2, 3, 4, 5])(
    'found and repaired within 10 s by subscribing to it again; nothing lost (seed %i)',
    async (seed) => {
      open({ seed })
      const btc = await running()
      const eth = await running({ symbol: ETH })
      await fake.clock.advance(MINUTE_MS)
      const [connection] = fake.connections
      expect(fake.connections).toHaveLength(1)

      const mutedAt = fake.clock.now()
      fake.mute({ symbol: BTC, channel: 'trades' }, { until: 'resubscribed' })
      const isRepaired = (): boolean => {
        const [report] = btc.collector.getStatus().subscriptions
        return report?.repairs === 1 && !report.isStale
      }
      while (!isRepaired() && fake.clock.now() - mutedAt < MINUTE_MS) await fake.clock.advance(100)
      expect(fake.clock.now() - mutedAt).toBeLessThan(10_000)
      expect(asked(mutedAt)).toEqual([`unsubscribe trades ${BTC}`, `subscribe trades ${BTC}`])
      expect(fake.connections.map(({ id }) => id)).toEqual([connection?.id])

      await settle(BTC)
      await settle(ETH)
      expectComplete(btc.log, BTC)
      expectComplete(eth.log, ETH)
      expect(btc.collector.getStatus()).toMatchObject({ status: 'running', statistics: { restarts: 0, reconnects: 0 } })
      expect(btc.collector.getStatus().subscriptions).toMatchObject([{ isStale: false, repairs: 1 }])
      expect(eth.collector.getStatus().subscriptions).toMatchObject([{ isStale: false, repairs: 0 }])
      expect(eth.log.trades.some(({ data }) => data.backfilled)).toBe(false)
    },
  )

  test.each([-10 * MINUTE_MS, 3 * HOUR_MS])(
    'a wall clock that is set by %i ms meanwhile hides nothing and makes nothing up',
    async (stepMs) => {
      open()
      const { collector, log } = await running({ dataTypes: ['trade', 'ticker'] })
      await fake.clock.advance(MINUTE_MS)
      fake.clock.stepWall(stepMs)
      await fake.clock.advance(MINUTE_MS)
      expect(collector.getHealthStatus().issues).toEqual([])
      expect(collector.getStatus().subscriptions).toMatchObject([{ repairs: 0 }, { repairs: 0 }])
      fake.mute({ symbol: BTC, channel: 'trades' }, { until: 'resubscribed' })
      fake.clock.stepWall(stepMs)
      await fake.clock.advance(10_000)
      expect(collector.getStatus().subscriptions).toMatchObject([{ repairs: 1, isStale: false }, { repairs: 0 }])
      await settle(BTC)
      expectComplete(log, BTC)
      expect(collector.getStatus()).toMatchObject({
        status: 'running',
        statistics: { restarts: 0, reconnects: 0, uptimeSeconds: expect.closeTo(141, 0) as number },
      })
    },
  )

  test('where subscribing again does not help: another connection, without a break for the other symbol', async () => {
    open()
    const btc = await running()
    const eth = await running({ symbol: ETH })
    await fake.clock.advance(MINUTE_MS)
    const [connection] = fake.connections
    fake.mute({ symbol: BTC }, { until: 'reconnected' })
    await fake.clock.advance(30_000)
    expect(fake.connections).toHaveLength(1)
    expect(fake.connections[0]?.id).not.toBe(connection?.id)
    await settle(BTC)
    await settle(ETH)
    expectComplete(btc.log, BTC)
    expectComplete(eth.log, ETH)
    expect([btc.collector, eth.collector].map(({ status }) => status)).toEqual(['running', 'running'])
    expect(btc.collector.getStatus().statistics.restarts).toBe(0)
  })

  test('where nothing helps: the collector is restarted, not without end; the other streams go on; and all is well when it speaks', async () => {
    open()
    const restarts: RestartNotice[] = []
    const btc = await running({ dataTypes: ['trade', 'ticker'] })
    btc.collector.on('restart', (notice) => restarts.push(notice))
    let tickers = 0
    btc.collector.addDataCallback('ticker', () => tickers++)
    const eth = await running({ symbol: ETH })
    await fake.clock.advance(MINUTE_MS)
    fake.mute({ symbol: BTC, channel: 'trades' })
    await fake.clock.advance(HOUR_MS)
    expect(restarts.length).toBeGreaterThan(0)
    expect(new Set(restarts.map(({ trigger }) => trigger))).toEqual(new Set(['stale-data']))
    expect(['unhealthy', 'degraded', 'restarting']).toContain(btc.collector.status)
    expect(btc.collector.getHealthStatus().isHealthy).toBe(false)
    expect(tickers).toBeGreaterThan(10_000)
    expect(fake.dials.length).toBeLessThan(100)
    expect(asked().length).toBeLessThan(1_000)

    fake.unmute()
    await fake.clock.advance(3 * MINUTE_MS)
    expect(btc.collector.status).toBe('running')
    expect(btc.collector.getHealthStatus()).toMatchObject({ isHealthy: true, issues: [] })
    await settle(ETH)
    expectComplete(eth.log, ETH)
  })

  test.each(['ticker', 'candle', 'orderbook'] as const)('%s, whose time says nothing of trades: likewise', async (dataType) => {
    open({ bookUpdatesPerSecond: 20 })
    const { collector } = await running({ dataTypes: [dataType], orderBook: { depth: 5 }, candles: { source: 'exchange' } })
    await fake.clock.advance(MINUTE_MS)
    const mutedAt = fake.clock.now()
    fake.mute(BTC, { until: 'resubscribed' })
    await fake.clock.advance(60_000)
    expect(asked(mutedAt).map((words) => words.split(' ', 1)[0])).toEqual(['unsubscribe', 'subscribe'])
    expect(collector.getStatus().subscriptions).toMatchObject([{ isStale: false, repairs: 1 }])
    expect(collector.status).toBe('running')
  })

  test('a book that is kept is rebuilt', async () => {
    open({ bookUpdatesPerSecond: 20 })
    const { collector } = await running({ dataTypes: ['orderbook'], orderBook: { depth: 400 } })
    await fake.clock.advance(MINUTE_MS)
    fake.mute(BTC, { until: 'resubscribed' })
    await fake.clock.advance(20_000)
    expect(collector.getStatus().subscriptions).toMatchObject([{ isStale: false }])
    fake.setTradesPerSecond(BTC, 0)
    await fake.clock.advance(2_000)
    const { bids } = fake.book(BTC)
    expect(collector.book?.isValid).toBe(true)
    expect(collector.book?.bestBid?.[0]).toBe(bids[0]?.[0])
  })
})

describe('a quiet market', () => {
  test('one trade an hour, for hours: healthy throughout, no repair, no restart, few questions', async () => {
    open({ tradesPerSecond: 0 })
    const { collector, log } = await running({ dataTypes: ['trade', 'ticker'] })
    const unhealthy: string[] = []
    const hours = size({ quick: 6, deep: 24 })
    for (let hour = 0; hour < hours; hour++) {
      for (let minute = 0; minute < 60; minute++) {
        await fake.clock.advance(MINUTE_MS)
        unhealthy.push(...collector.getHealthStatus().issues)
      }
      fake.trade(BTC)
    }
    await fake.clock.advance(1_000)
    expect(unhealthy).toEqual([])
    expect(collector.getStatus()).toMatchObject({ status: 'running', statistics: { restarts: 0, reconnects: 0 } })
    expect(collector.getStatus().subscriptions).toMatchObject([{ repairs: 0 }, { repairs: 0 }])
    expect(fake.trades(BTC).length).toBeGreaterThanOrEqual(hours)
    expectComplete(log, BTC)
    // At most one question in five minutes once the market is known to be quiet, and a few after each trade.
    expect(probes()).toBeLessThan(hours * 30)
  })

  test('a market that never traded at all', async () => {
    open({ tradesPerSecond: 0, historyMs: 0 })
    const { collector } = await running()
    await fake.clock.advance(HOUR_MS)
    expect(collector.getHealthStatus().issues).toEqual([])
    expect(collector.getStatus()).toMatchObject({ status: 'running', statistics: { restarts: 0 } })
  })

  test('trades while it was disconnected do not make a quiet market look stale afterwards', async () => {
    open({ tradesPerSecond: 2 })
    const { collector } = await running()
    await fake.clock.advance(MINUTE_MS)
    fake.refuse({ status: 503, forMs: 20_000 })
    fake.drop()
    await fake.clock.advance(10_000)
    fake.setTradesPerSecond(BTC, 0)
    await fake.clock.advance(HOUR_MS)
    expect(collector.getStatus().subscriptions).toMatchObject([{ isStale: false, repairs: 0 }])
    expect(collector.status).toBe('running')
  })

  test('REST that is down tells nothing: no restart; the subscription alone is made again now and then', async () => {
    open({ tradesPerSecond: 0 })
    const { collector } = await running()
    fake.failRest()
    const from = fake.clock.now()
    await fake.clock.advance(2 * HOUR_MS)
    expect(collector.getStatus().statistics.restarts).toBe(0)
    expect(fake.dials).toHaveLength(1)
    const again = asked(from).filter((words) => words.startsWith('subscribe')).length
    expect(again).toBeGreaterThan(5)
    expect(again).toBeLessThanOrEqual(24)
    fake.healRest()
    fake.trade(BTC)
    await fake.clock.advance(MINUTE_MS)
    expect(collector.status).toBe('running')
    expect(collector.getHealthStatus().issues).toEqual([])
  })
})

test('the report of a subscription: acknowledged, first and last data, rhythm', async () => {
  open()
  const { collector } = await running()
  await fake.clock.advance(30_000)
  const [report] = collector.getStatus().subscriptions
  expect(report).toMatchObject({ topic: `trades:${BTC}`, dataType: 'trade', status: 'confirmed', isStale: false, repairs: 0 })
  const times = [report?.acknowledgedTime, report?.firstDataTime, report?.lastDataTime].map((iso) => Date.parse(iso ?? ''))
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(report?.typicalInterval).toBeGreaterThan(0.01)
  expect(report?.typicalInterval).toBeLessThan(0.5)
  expect(report?.silence).toBeLessThan(3)
})
