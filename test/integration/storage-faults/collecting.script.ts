/**
 * A process that collects from a fake exchange into a database, and says what happens, a line of JSON each. SIGTERM stops it in order,
 * SIGHUP with force; then it has to end by itself.
 */
import { writeSync } from 'node:fs'
import process from 'node:process'
import {
  CollectorManager,
  createOkxCollector,
  silentLogger,
  type Repositories,
  type Spool,
  type StoredCursor,
  type TapekeeperError,
} from 'tapekeeper'
import { createFileSpool } from 'tapekeeper/node'
import { createPostgresRepository, type PostgresRepository } from 'tapekeeper/postgres'
import { createSqliteRepository, type SqliteRepository } from 'tapekeeper/sqlite'
import type { CollectingSetup, Said } from './collecting-process.ts'

const STATUS_INTERVAL_MS = 100

const setup = JSON.parse(process.argv[2] ?? '{}') as CollectingSetup

/** At once and whole, also when the pipe is full: what was said before a kill was said. */
function say(said: Said): void {
  const bytes = Buffer.from(`${JSON.stringify(said)}\n`)
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

/** Says what the database has acknowledged. */
function outspoken<R extends PostgresRepository | SqliteRepository>(repository: R): R {
  const saveTrades: R['saveTrades'] = async (trades) => {
    const result = await repository.saveTrades(trades)
    say({ acknowledged: trades.map(({ symbol, data: { id } }) => [symbol, Number(id)]) })
    return result
  }
  const cursor = (stream: string): StoredCursor => {
    const stored = repository.cursor(stream)
    return {
      load: () => stored.load(),
      save: async (value) => {
        await stored.save(value)
        say({ cursor: [stream, Number(value.id)] })
      },
    }
  }
  return new Proxy(repository, {
    get(target, key) {
      if (key === 'saveTrades') return saveTrades
      if (key === 'cursor') return cursor
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** Says what the spool has acknowledged. */
function outspokenSpool(spool: Spool): Spool {
  return {
    lane(name) {
      const lane = spool.lane(name)
      const append = async (lines: readonly string[]): Promise<void> => {
        await lane.append(lines)
        say({ spooled: lines.length, acknowledged: lines.flatMap(tradeIn) })
      }
      return new Proxy(lane, {
        get(target, key) {
          if (key === 'append') return append
          const value: unknown = Reflect.get(target, key)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      })
    },
  }
}

function tradeIn(line: string): readonly (readonly [string, number])[] {
  const { kind, row } = JSON.parse(line) as { kind: string; row: { symbol: string; data: { id: string } } }
  return kind === 'trade' ? [[row.symbol, Number(row.data.id)]] : []
}

function repositories(): Repositories {
  const { postgres, sqlite, statementTimeoutMs } = setup
  const made =
    sqlite === undefined
      ? createPostgresRepository({ connectionString: postgres, ...(statementTimeoutMs !== undefined && { statementTimeoutMs }) })
      : createSqliteRepository({ file: sqlite })
  const told = setup.isOutspoken === true ? outspoken(made) : made
  return { marketData: told, rawTrades: told }
}

function spoolOf(directory: string): Spool {
  const spool = createFileSpool({ directory, logger: silentLogger })
  return setup.isOutspoken === true ? outspokenSpool(spool) : spool
}

const sinks = {
  repositories,
  storage: { ...setup.storage, ...(setup.spool !== undefined && { spool: spoolOf(setup.spool) }) },
}
const onError = ({ code, message }: TapekeeperError): void => say({ error: { code, message } })
const isAlone = setup.symbols.length === 1
const collectors = setup.symbols.map((symbol) =>
  createOkxCollector({
    symbol,
    dataTypes: ['trade', 'candle'],
    candles: { timeframes: setup.timeframes },
    customParams: { tradeChannel: setup.tradeChannel ?? 'trades' },
    endpoints: setup.endpoints,
    logger: silentLogger,
    ...(isAlone && sinks),
  }),
)
const manager = new CollectorManager({ logger: silentLogger, ...(!isAlone && sinks) })
  .on('error', onError)
  .on('collectorError', ({ error }) => onError(error))
  .on('gap', ({ gap: { reason, fromId, toId, filled } }) => {
    if (!filled) say({ gap: { reason, fromId, toId } })
  })
for (const collector of collectors) manager.addCollector(collector)

const status = setInterval(() => {
  const [sink] = [...manager.getStatus().sinks, ...collectors.flatMap((collector) => collector.getStatus().sinks)]
  if (sink === undefined) return
  const issues = collectors.flatMap((collector) => collector.getHealthStatus().issues)
  say({ status: { ...sink, heapBytes: process.memoryUsage().heapUsed, issues } })
}, STATUS_INTERVAL_MS).unref()

async function stop(force: boolean): Promise<void> {
  await manager.stop({ force })
  clearInterval(status)
  say({ stopped: manager.status })
}
process.once('SIGTERM', () => void stop(false))
process.once('SIGHUP', () => void stop(true))

say({ started: await manager.start() })
