import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  aggregateTrades,
  createMemoryRepository,
  createOkxCollector,
  silentLogger,
  type CandleTimeframe,
  type MarketDataPoint,
  type MarketDataRepository,
  type OhlcvData,
  type OkxCollector,
  type RawTradeRepository,
  type Trade,
} from 'tapekeeper'
import { createFileSpool, createReplay } from 'tapekeeper/node'
import { createPostgresRepository } from 'tapekeeper/postgres'
import { createRedisOutput, createRedisSubscriber } from 'tapekeeper/redis'
import { createSqliteRepository } from 'tapekeeper/sqlite'
import * as testing from 'tapekeeper/testing'
import { candleAt, frameAt, MARKET, tradeAt } from '../../src/testing/repository-contract/sample-rows.ts'
import { postgresMissing, startPostgres, type TestPostgres } from '../support/postgres.ts'
import { describeRedis, startRedis, until } from '../support/redis.ts'
import { inVirtualTime } from '../support/virtual-time.ts'
import { expectedOf, fixture, plain, versions, type Expected } from './expected.ts'
import { BEGAN_AT, liveThrough, newFake, SYMBOL } from './life.ts'

// What earlier versions left (scripts/write-fixtures.ts) is opened, brought up to date, read to the last digit, and written on.

const temporary = mkdtempSync(join(tmpdir(), 'tapekeeper-upgrade-'))
afterAll(() => rmSync(temporary, { recursive: true }))

const OKX = { exchange: 'okx', symbol: SYMBOL }
const TIMEFRAMES = ['5s', '1m', '1h'] as const

type Keeper = MarketDataRepository & Required<RawTradeRepository>

test('there is something of an earlier version', () => expect(versions).toContain('0.1.0'))

describe.each(versions)('what version %s left', (version) => {
  const expected = expectedOf(version)

  test('a SQLite file: every row is there, and it is written on', async () => {
    const file = copied(version, 'market.sqlite')
    const repository = createSqliteRepository({ file })
    await expectRows(repository, expected)
    await writeOn(repository, expected)
    await repository.close()
    const again = createSqliteRepository({ file })
    await expectRows(again, expected)
    await again.close()
  })

  test('a SQLite file: a collector goes on where the old one stopped, in the middle of its candles', async () => {
    const repository = createSqliteRepository({ file: copied(version, 'market.sqlite') })
    await using fake = newFake(testing)
    await liveThrough(fake, expected.orders, expected.stoppedAtMs)
    const collector = collect(fake, repository)
    expect(await inVirtualTime(fake.clock, collector.start())).toBe(true)
    await liveThrough(fake, expected.orders, 180_000)
    await inVirtualTime(fake.clock, collector.stop())

    const stored = new Set((await all(repository.trades(OKX))).flatMap(({ data }) => fillIds(data)))
    const lost = fake.trades(SYMBOL).filter(({ id }) => !stored.has(id))
    // Nothing but the gap that the old one declared.
    expect(lost.length).toBe(expected.orders[expected.lostOrder]?.count)
    const truth = new Map<string, OhlcvData>()
    const trades = fake.trades(SYMBOL).map(({ id, price, size, side, timestamp }) => ({ id, price, size, side, timestamp }))
    for await (const candle of aggregateTrades(trades, { ...OKX, timeframes: TIMEFRAMES }))
      truth.set(`${candle.timeframe} ${candle.openTime}`, candle)
    let compared = 0
    for (const timeframe of TIMEFRAMES)
      for await (const candle of repository.candles({ ...OKX, timeframe })) {
        const isWhole = truth.get(`${timeframe} ${candle.openTime}`)
        if (!candle.complete || candle.closeTime > BEGAN_AT + 175_000) continue
        expect(plain({ ...candle, status: 'closed' })).toEqual(plain(isWhole))
        compared++
      }
    // The minute in which the old one stopped is among them.
    const minute = await all(repository.candles({ ...OKX, timeframe: '1m', from: BEGAN_AT + 60_000 }))
    expect(minute[0]).toMatchObject({ openTime: BEGAN_AT + 60_000, complete: true })
    expect(compared).toBeGreaterThan(25)
    await repository.close()
  })

  test('a spool: what waits in it is drained', async () => {
    const directory = copied(version, 'spool')
    const repository = createMemoryRepository()
    await using fake = newFake(testing)
    const collector = collect(fake, repository, directory)
    await real(fake, collector.start())
    await real(fake, collector.stop())
    const rowsOf = (kind: string): unknown[] => expected.spool.filter((line) => line.kind === kind).map(({ row }) => row)
    const candles = await Promise.all(TIMEFRAMES.map((timeframe) => all(repository.candles({ ...OKX, timeframe }))))
    expect(plain(await all(repository.trades(OKX)))).toEqual(rowsOf('trade'))
    expect(plain(candles.flat())).toEqual(rowsOf('candle'))
    expect(plain(await all(repository.frames(OKX)))).toEqual(rowsOf('frame'))
    for (const row of rowsOf('cursor') as { readonly stream: string; readonly cursor: unknown }[])
      expect(plain(await repository.cursor(row.stream).load())).toMatchObject(row.cursor as object)
    expect(collector.getStatus().sinks).toMatchObject([{ spooled: 0, lost: 0, rejected: 0 }])
  })

  test('a recording: replayed, it gives the same trades and candles', async () => {
    const replay = await createReplay(fixture(version, 'session.ndjson'), { onNote: () => collector.stop() })
    const collector = createOkxCollector({
      ...CONFIG,
      endpoints: newFake(testing).endpoints,
      ports: replay.ports,
    })
    const seen: MarketDataPoint[] = []
    collector.addDataCallback('trade', (point) => void seen.push(point))
    collector.addDataCallback('candle', (point) => void seen.push(point))
    void collector.start()
    await replay.run()
    expect(lastWords(plain(seen) as Expected['points'])).toEqual(lastWords(expected.points))
  })

  describe.skipIf(postgresMissing)('a PostgreSQL dump', () => {
    let server: TestPostgres
    beforeAll(async () => void (server = await startPostgres()))
    afterAll(() => server.stop())

    test('every row is there, and it is written on', async () => {
      const url = await server.createDatabase()
      await server.run(url, readFileSync(fixture(version, 'market.postgres.sql'), 'utf8'))
      const repository = createPostgresRepository({ connectionString: url })
      await expectRows(repository, expected)
      await writeOn(repository, expected)
      await repository.close()
      const again = createPostgresRepository({ connectionString: url })
      await expectRows(again, expected)
      await again.close()
    })
  })
})

describeRedis('what earlier versions left in Redis', () => {
  test.each(versions)('version %s: every message is read, and a new publisher goes on behind them', async (version) => {
    const expected = expectedOf(version)
    const server = await startRedis()
    try {
      for (const line of readFileSync(fixture(version, 'redis.ndjson'), 'utf8').trim().split('\n'))
        await server.command(...(JSON.parse(line) as string[]))
      const points: MarketDataPoint[] = []
      let gaps = 0
      let losses = 0
      const subscriber = createRedisSubscriber({ url: server.url, source: 'stream', start: 'beginning', streams: [{}] })
      subscriber.on('point', (point) => void points.push(point))
      subscriber.on('gap', () => gaps++)
      subscriber.on('loss', () => losses++)
      await subscriber.start()
      await until(() => points.length + gaps >= expected.messages)
      expect(byStream(plain(points) as Expected['points'])).toEqual(byStream(expected.points))
      expect(gaps).toBe(expected.messages - expected.points.length)

      const output = createRedisOutput({ url: server.url, channels: false, streams: {} })
      const point = { ...tradeAt(1), ...OKX }
      const payload = { type: 'point', point } as const
      await output.publish([{ stream: `okx:${SYMBOL}:trade`, session: '2027-01-01T00:00:00.000Z-000000', sequence: 1, payload }])
      await until(() => points.length + gaps > expected.messages)
      expect(points.at(-1)).toEqual(point)
      expect(losses).toBe(0)
      await output.close()
      await subscriber.close()
    } finally {
      await server.close()
    }
  })
})

const CONFIG = {
  symbol: SYMBOL,
  dataTypes: ['trade', 'candle'],
  candles: { timeframes: [...TIMEFRAMES] },
  storeRawData: true,
  logger: silentLogger,
} as const

function collect(fake: testing.VirtualExchange, repository: Keeper, spool?: string): OkxCollector {
  return createOkxCollector({
    ...CONFIG,
    repositories: { marketData: repository, rawTrades: repository },
    ...(spool === undefined ? {} : { storage: { spool: createFileSpool({ directory: spool, logger: silentLogger }) } }),
    endpoints: fake.endpoints,
    ports: fake.ports,
  })
}

/** A fresh copy, since what is opened is also changed. */
function copied(version: string, name: string): string {
  const path = join(mkdtempSync(join(temporary, 'copy-')), name)
  cpSync(fixture(version, name), path, { recursive: true })
  return path
}

/** All that was kept is there, and nothing else of these markets. */
async function expectRows(repository: Keeper, { trades, candles, frames, cursors }: Expected): Promise<void> {
  const marketsOf = (rows: Expected['trades']) =>
    new Map(rows.map(({ exchange, symbol }) => [symbol, { exchange, symbol }])).values()
  const series = new Map(
    candles.map(({ exchange, symbol, timeframe }) => [`${symbol} ${timeframe}`, { exchange, symbol, timeframe }]),
  )
  const seriesOf = [...series.values()] as (typeof OKX & { timeframe: CandleTimeframe })[]
  expect(plain(await allOf([...marketsOf(trades)].map((market) => repository.trades(market))))).toEqual(trades)
  expect(plain(await allOf(seriesOf.map((query) => repository.candles(query))))).toEqual(candles)
  expect(plain(await allOf([...marketsOf(frames)].map((market) => repository.frames(market))))).toEqual(frames)
  for (const { stream, cursor } of cursors) expect(plain(await repository.cursor(stream).load())).toEqual(cursor)
}

/** New rows beside the old ones, which are recognised when they come again. */
async function writeOn(repository: Keeper, expected: Expected): Promise<void> {
  const trades = await all(repository.trades(OKX))
  const candles = await all(repository.candles({ ...OKX, timeframe: '5s' }))
  const frames = await all(repository.frames(OKX))
  expect(await repository.saveTrades([...trades, tradeAt(1)])).toEqual({ inserted: 1, kept: trades.length, overwritten: 0 })
  expect(await repository.saveCandles([...candles, candleAt(1)])).toEqual({ inserted: 1, kept: candles.length, overwritten: 0 })
  expect(await repository.saveFrames([...frames, frameAt(1)])).toEqual({ inserted: 1, kept: frames.length, overwritten: 0 })
  expect(await all(repository.trades(MARKET))).toEqual([tradeAt(1)])
  const cursor = { id: '1', timestamp: BEGAN_AT, state: 'new' }
  const old = expected.cursors[0]!.stream
  const before = (await repository.cursor(old).load())!
  for (const stream of ['new', old]) {
    await repository.cursor(stream).save(cursor)
    expect(await repository.cursor(stream).load()).toEqual(cursor)
  }
  await repository.cursor(old).save(before)
}

/** Files need real time, too. */
async function real<T>(fake: testing.VirtualExchange, promise: Promise<T>): Promise<T> {
  const progress = { done: false }
  const settled = (): void => void (progress.done = true)
  promise.then(settled, settled)
  while (!progress.done) {
    await fake.clock.advance(10)
    await new Promise((done) => setTimeout(done, 2))
  }
  return promise
}

const fillIds = ({ id, count = 1 }: Trade): string[] => Array.from({ length: count }, (_, i) => String(Number(id) - i))

/**
 * Of each trade and candle, what was said of it last: when REST is tried again is every version's own choice, and so is when a candle is
 * told, and which of several reasons it is incomplete for is named.
 */
function lastWords(points: Expected['points']): Map<string, unknown> {
  const last = new Map<string, unknown>()
  for (const { dataType, data } of points) {
    const { incompleteReason, ...said } = data
    last.set([dataType, data.id, data.timeframe, data.openTime].join(' '), { ...said, hasReason: incompleteReason !== undefined })
  }
  return last
}

/** Each stream in its own order; nobody promises one among them. */
function byStream(points: Expected['points']): Record<string, unknown[]> {
  const streams: Record<string, unknown[]> = {}
  for (const point of points) (streams[`${point.dataType} ${point.data.timeframe ?? ''}`] ??= []).push(point)
  return streams
}

async function allOf<T>(sources: readonly AsyncIterable<T>[]): Promise<T[]> {
  const lists: T[][] = []
  for (const source of sources) lists.push(await all(source))
  return lists.flat()
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}
