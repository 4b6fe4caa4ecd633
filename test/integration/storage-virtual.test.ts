import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TapekeeperError } from 'tapekeeper'
import {
  aggregateTrades,
  CollectorManager,
  createMemoryRepository,
  createOkxCollector,
  DatabaseOperationError,
  silentLogger,
  type Gap,
  type MemoryRepository,
  type OhlcvData,
  type OkxCollector,
  type OkxCollectorConfig,
  type Output,
  type OutputMessage,
  type PointOf,
} from 'tapekeeper'
import { createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'

// Whole collectors with repositories and outputs, against the fake exchange, in virtual time.

const BTC = 'BTC-USDT'
const ETH = 'ETH-USDT'
const MARKET = { exchange: 'okx', symbol: BTC }

let fake: VirtualExchange
beforeEach(() => {
  fake = createVirtualExchange({
    seed: 4,
    instruments: [BTC, ETH],
    tradesPerSecond: 5,
    bookUpdatesPerSecond: 0,
    historyMs: 5_000,
  })
})
afterEach(async () => {
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})

const later = <T>(promise: Promise<T>, limitMs?: number): Promise<T> => inVirtualTime(fake.clock, promise, limitMs)

const collect = (config: Partial<OkxCollectorConfig> = {}): OkxCollector =>
  createOkxCollector({
    symbol: BTC,
    dataTypes: ['trade', 'candle'],
    candles: { timeframes: ['1s', '1m'] },
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    ...config,
  })

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

const both = (repository: MemoryRepository) => ({ marketData: repository, rawTrades: repository })

/** The fills that the stored trades stand for, one by one. */
const fillsOf = (trades: readonly PointOf<'trade'>[]): number[] =>
  trades.flatMap(({ data: { id, count = 1 } }) => Array.from({ length: count }, (_, i) => Number(id) - count + 1 + i))

/** Everything the exchange traded from the first stored trade on is there, once, in order. */
async function expectWhole(repository: MemoryRepository, symbol = BTC): Promise<number> {
  const fills = fillsOf(await all(repository.trades({ exchange: 'okx', symbol })))
  const [from, to] = [fills[0] ?? Infinity, fills.at(-1) ?? -Infinity]
  const traded = fake.trades(symbol).map(({ id }) => Number(id))
  expect(fills).toEqual(traded.filter((id) => id >= from && id <= to))
  // What was traded while the collector stopped is not its business.
  expect((traded.at(-1) ?? 0) - to).toBeLessThan(100)
  return fills.length
}

/** A repository that is away for as long as one says so. */
function fickle(): MemoryRepository & { isAway: boolean; closed: number } {
  const inner = createMemoryRepository()
  const state = { isAway: false, closed: 0 }
  const guard =
    <A extends unknown[], R>(operation: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      state.isAway
        ? Promise.reject(new DatabaseOperationError('no answer', { operation: 'write', table: 'rows', fault: 'away' }))
        : operation(...args)
  return Object.assign(state, {
    name: 'fickle',
    capabilities: inner.capabilities,
    saveTrades: guard((rows: Parameters<MemoryRepository['saveTrades']>[0]) => inner.saveTrades(rows)),
    saveCandles: guard((...args: Parameters<MemoryRepository['saveCandles']>) => inner.saveCandles(...args)),
    saveFrames: guard((rows: Parameters<MemoryRepository['saveFrames']>[0]) => inner.saveFrames(rows)),
    saveGaps: guard((gaps: Parameters<MemoryRepository['saveGaps']>[0]) => inner.saveGaps(gaps)),
    openGaps: guard((stream: string) => inner.openGaps(stream)),
    trades: inner.trades.bind(inner),
    candles: inner.candles.bind(inner),
    frames: inner.frames.bind(inner),
    latestTrade: inner.latestTrade.bind(inner),
    latestCandle: inner.latestCandle.bind(inner),
    cursor: (stream: string) => {
      const cursor = inner.cursor(stream)
      return { load: guard(() => cursor.load()), save: guard((...args: Parameters<typeof cursor.save>) => cursor.save(...args)) }
    },
    healthCheck: () => Promise.resolve({ isHealthy: !state.isAway, latencyMs: 0, issue: state.isAway ? 'away' : undefined }),
    statistics: inner.statistics.bind(inner),
    close: () => {
      state.closed++
      return inner.close()
    },
  })
}

describe('a collector with repositories', () => {
  test('keeps every trade, once and in order, and each candle as it was last', async () => {
    const repository = createMemoryRepository()
    const collector = collect({ repositories: both(repository) })
    const latest = new Map<string, OhlcvData>()
    collector.addDataCallback('candle', ({ data }) => {
      if (data.status !== 'open') latest.set(`${data.timeframe} ${data.openTime}`, data)
    })
    await later(collector.start())
    const random = seededRandom(1)
    for (let i = 0; i < 10; i++) {
      await fake.clock.advance(random() * 30_000)
      if (random() < 0.5) fake.drop()
      else fake.skip(BTC, 2)
    }
    await fake.clock.advance(60_000)
    await later(collector.stop())
    expect(await expectWhole(repository)).toBeGreaterThan(500)
    for (const timeframe of ['1s', '1m'] as const)
      for (const candle of await all(repository.candles({ ...MARKET, timeframe })))
        expect(JSON.stringify(candle)).toBe(JSON.stringify(latest.get(`${timeframe} ${candle.openTime}`)))
    expect((await repository.statistics()).rows).toMatchObject({ candles: latest.size, cursors: 1, frames: 0 })
  })

  test('goes on where it was stopped, and where it was killed', async () => {
    const repository = createMemoryRepository()
    const first = collect({ repositories: both(repository) })
    await later(first.start())
    await fake.clock.advance(45_000)
    await later(first.stop())
    await fake.clock.advance(30_000)
    const second = collect({ repositories: both(repository) })
    await later(second.start())
    await fake.clock.advance(70_000)
    await expectWhole(repository)
    await later(second.stop())

    const trades = fake.trades(BTC).map(({ id, price, size, side, timestamp }) => ({ id, price, size, side, timestamp }))
    const stored = await all(repository.candles({ ...MARKET, timeframe: '1m' }))
    const [, ...whole] = stored
    expect(whole.length).toBeGreaterThan(0)
    const truth = new Map<number, OhlcvData>()
    for await (const candle of aggregateTrades(trades, { ...MARKET, timeframes: ['1m'] })) truth.set(candle.openTime, candle)
    for (const candle of whole)
      expect(JSON.stringify({ ...candle, status: 'closed' })).toBe(JSON.stringify(truth.get(candle.openTime)))
  })

  test('raw frames, with storeRawData', async () => {
    const repository = createMemoryRepository()
    const collector = collect({ dataTypes: ['trade'], storeRawData: true, repositories: both(repository) })
    const texts: string[] = []
    collector.on('raw', ({ text }) => texts.push(text))
    await later(collector.start())
    await fake.clock.advance(10_000)
    await later(collector.stop())
    expect((await all(repository.frames(MARKET))).map(({ text }) => text)).toEqual(texts)
    expect(texts.length).toBeGreaterThan(10)
  })

  test('candles alone keep no trades, and yet go on', async () => {
    const repository = createMemoryRepository()
    const collector = collect({ dataTypes: ['candle'], repositories: both(repository) })
    await later(collector.start())
    await fake.clock.advance(10_000)
    await later(collector.stop())
    expect((await repository.statistics()).rows).toMatchObject({ trades: 0, cursors: 1 })
  })

  test('trades that are found late are stored in their place', async () => {
    const repository = createMemoryRepository()
    const collector = collect({ repositories: both(repository), tape: { repairTimeoutMs: 1_000 } })
    const gaps: Gap[] = []
    collector.on('gap', (gap) => gaps.push(gap))
    await later(collector.start())
    await fake.clock.advance(5_000)
    fake.failRest({ path: 'history' })
    fake.skip(BTC, 3)
    await fake.clock.advance(20_000)
    expect(gaps).toMatchObject([{ filled: false, reason: 'rest-failed' }])
    fake.healRest()
    await fake.clock.advance(120_000)
    expect(gaps.at(-1)).toMatchObject({ filled: true })
    await later(collector.stop())
    await expectWhole(repository)
  })

  test('a repository that is away holds up nothing; when it is back, everything is there', async () => {
    const repository = fickle()
    const collector = collect({ repositories: both(repository) })
    const errors: TapekeeperError[] = []
    collector.on('error', (error) => errors.push(error))
    await later(collector.start())
    await fake.clock.advance(5_000)
    let delivered = 0
    collector.addDataCallback('trade', () => delivered++)
    repository.isAway = true
    await fake.clock.advance(60_000)
    expect(delivered).toBeGreaterThan(100)
    expect(collector.status).toBe('running')
    expect(collector.getStatus().sinks).toMatchObject([{ state: 'away', lost: 0 }])
    expect(collector.getHealthStatus().issues.join()).toMatch(/away/)
    expect(errors.map(({ code }) => code)).toEqual(['DATABASE_FAILED'])
    repository.isAway = false
    await fake.clock.advance(60_000)
    expect(collector.getStatus().sinks).toMatchObject([{ state: 'working', lost: 0, awaySince: undefined }])
    expect(collector.getHealthStatus().isHealthy).toBe(true)
    await later(collector.stop())
    await expectWhole(repository)
    expect(repository.closed).toBe(0)
  })

  test('started before its repository is there: what the last run left open is found all the same', async () => {
    const repository = fickle()
    const first = collect({ repositories: both(repository) })
    await later(first.start())
    await fake.clock.advance(20_000)
    await later(first.stop())
    repository.isAway = true
    await fake.clock.advance(20_000)
    const second = collect({ repositories: both(repository) })
    const gaps: Gap[] = []
    second.on('gap', (gap) => gaps.push(gap)).on('error', () => undefined)
    await later(second.start())
    await fake.clock.advance(40_000)
    repository.isAway = false
    await fake.clock.advance(180_000)
    expect(gaps).toMatchObject([
      { reason: 'cursor-late', filled: false },
      { reason: 'cursor-late', filled: true },
    ])
    await later(second.stop())
    await expectWhole(repository)
  })

  test('what cannot wait any longer becomes a gap that is not the tape’s', async () => {
    const repository = fickle()
    const collector = collect({ repositories: both(repository), storage: { maxQueuedRows: 50, batchRows: 10 } })
    const gaps: Gap[] = []
    collector.on('gap', (gap) => gaps.push(gap)).on('error', () => undefined)
    await later(collector.start())
    await fake.clock.advance(2_000)
    repository.isAway = true
    await fake.clock.advance(60_000)
    repository.isAway = false
    await fake.clock.advance(60_000)
    await later(collector.stop())
    expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['not-stored']))
    expect(collector.getCompleteness().missing).toBe(0)
    const stored = new Set(fillsOf(await all(repository.trades(MARKET))))
    const missing = gaps.flatMap(({ fromId, toId }) => {
      const [from, to] = [Number(fromId), Number(toId)]
      return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    })
    const from = Math.min(...stored)
    expect([...stored, ...missing].sort((a, b) => a - b)).toEqual(
      fake
        .trades(BTC)
        .map(({ id }) => Number(id))
        .filter((id) => id >= from && id <= Math.max(...stored)),
    )
  })

  test('stopped while the repository is away: it ends, and says what is not stored', async () => {
    const repository = fickle()
    const collector = collect({ repositories: both(repository) })
    const gaps: Gap[] = []
    collector.on('gap', (gap) => gaps.push(gap)).on('error', () => undefined)
    await later(collector.start())
    await fake.clock.advance(5_000)
    repository.isAway = true
    await fake.clock.advance(5_000)
    await later(collector.stop(), 120_000)
    expect(collector.status).toBe('stopped')
    expect(gaps.some(({ reason }) => reason === 'not-stored')).toBe(true)
    // The cursor did not run ahead: the next start finds the hole.
    repository.isAway = false
    const next = collect({ repositories: both(repository) })
    await later(next.start())
    await fake.clock.advance(20_000)
    await later(next.stop())
    await expectWhole(repository)
  })
})

describe('who closes what', () => {
  test('what is handed in stays open; what a function makes is closed, and made again at the next start', async () => {
    const handed = fickle()
    const made: ReturnType<typeof fickle>[] = []
    const manager = new CollectorManager({
      repositories: () => {
        const repository = fickle()
        made.push(repository)
        return Promise.resolve(both(repository))
      },
      logger: silentLogger,
      ports: fake.ports,
    })
    for (const symbol of [BTC, ETH]) manager.addCollector(collect({ symbol, repositories: both(handed) }))
    for (let run = 1; run <= 2; run++) {
      expect(await later(manager.start())).toBe(true)
      await fake.clock.advance(20_000)
      expect(manager.getStatus().sinks).toMatchObject([{ state: 'working', lost: 0 }])
      await later(manager.stop())
      expect(made.map(({ closed }) => closed)).toEqual(Array.from({ length: run }, () => 1))
    }
    expect(handed.closed).toBe(0)
    for (const symbol of [BTC, ETH]) expect(await expectWhole(handed, symbol)).toBeGreaterThan(100)
  })

  test('a maker that fails makes the start fail, and what was made before is closed', async () => {
    const output = {
      name: 'made',
      publish: () => Promise.resolve(),
      closed: 0,
      close: () => {
        output.closed++
        return Promise.resolve()
      },
    }
    const collector = collect({
      repositories: () => Promise.reject(new Error('no such disk')),
      outputs: [() => output],
      autoRestart: false,
    })
    collector.on('error', () => undefined)
    expect(await later(collector.start())).toBe(false)
    expect(collector.lastError?.message).toBe('no such disk')
    await later(collector.stop())
    const manager = new CollectorManager({
      outputs: [() => output, () => ({}) as Output],
      logger: silentLogger,
      ports: fake.ports,
    })
    const errors: TapekeeperError[] = []
    manager.on('error', (error) => errors.push(error))
    expect(await later(manager.start())).toBe(false)
    await later(manager.stop())
    expect(manager.status).toBe('stopped')
    expect(errors[0]).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(errors[0]?.message).toMatch(/publish, close/)
    expect(output.closed).toBe(1)
  })

  test('a wrong repository is named when the collector is made', () => {
    expect(() => collect({ repositories: { rawTrades: {} as never } })).toThrow(
      /repositories.rawTrades: must have the methods saveTrades, trades, latestTrade/,
    )
    expect(() => collect({ repositories: { rawTrade: undefined } as never })).toThrow(
      /unknown key "repositories.rawTrade", did you mean "rawTrades"/,
    )
    expect(() => collect({ repositories: createMemoryRepository() as never })).toThrow(/marketData: it, rawTrades: it/)
    expect(() => collect({ outputs: [{}] as never })).toThrow(/outputs.0: must have the methods publish, close/)
    expect(() => collect({ storage: { batchRow: 1 } as never })).toThrow(/did you mean "batchRows"/)
    expect(() => new CollectorManager({ storage: { maxQueuedRows: -1 } })).toThrow(/storage.maxQueuedRows/)
  })
})

describe('outputs', () => {
  test('get every point and gap, numbered per stream; a manager’s get those of all collectors', async () => {
    const messages: OutputMessage[] = []
    const output: Output = {
      name: 'list',
      publish: (batch) => {
        messages.push(...batch)
        return Promise.resolve()
      },
      close: () => Promise.resolve(),
    }
    const manager = new CollectorManager({ outputs: [output], logger: silentLogger, ports: fake.ports })
    for (const symbol of [BTC, ETH]) manager.addCollector(collect({ symbol }))
    await later(manager.start())
    await fake.clock.advance(30_000)
    await later(manager.stop())
    const streams = new Map<string, OutputMessage[]>()
    for (const message of messages) streams.set(message.stream, [...(streams.get(message.stream) ?? []), message])
    expect([...streams.keys()]).toEqual(expect.arrayContaining(['okx:BTC-USDT:trade', 'okx:ETH-USDT:candle:1s']))
    for (const list of streams.values()) expect(list.map(({ sequence }) => sequence)).toEqual(list.map((_, i) => i + 1))
    const trades = (streams.get('okx:BTC-USDT:trade') ?? []).flatMap(({ payload }) =>
      payload.type === 'point' && payload.point.dataType === 'trade' ? [payload.point] : [],
    )
    const from = fillsOf(trades)[0] ?? Infinity
    const last = fillsOf(trades).at(-1) ?? 0
    expect(fillsOf(trades)).toEqual(
      fake
        .trades(BTC)
        .map(({ id }) => Number(id))
        .filter((id) => id >= from && id <= last),
    )
  })
})
