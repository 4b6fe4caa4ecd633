import type { Kysely } from 'kysely'
import type { Gap } from '../../domain/gap.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import { messageOf } from '../../errors/tapekeeper-error.ts'
import { systemClock } from '../../ports/clock.ts'
import {
  STORED_KINDS,
  type MarketDataRepository,
  type RawTradeRepository,
  type RepositoryCapabilities,
  type RepositoryHealth,
  type RepositoryStatistics,
  type SaveCandlesOptions,
  type StoredFrame,
  type WriteResult,
} from '../repository.ts'
import { SqlReader } from '../sql/sql-reader.ts'
import type { Tables } from '../sql/tables.ts'
import { LazyDatabase } from './lazy-database.ts'
import { IN_MEMORY, parseSqliteOptions, type ResolvedSqliteOptions, type SqliteRepositoryOptions } from './sqlite-options.ts'
import type { SqliteWrites } from './sqlite-writes.ts'

/** One object that keeps everything there is to store. */
export interface SqliteRepository extends MarketDataRepository, Required<RawTradeRepository> {
  readonly name: 'sqlite'
}

/**
 * Keeps candles, trades, frames, cursors and gaps in a SQLite file. Needs the package `better-sqlite3` (`npm install better-sqlite3@12`; 13 needs Node 22). The file is opened, made or brought up
 * to date with the first call; when that fails, the next call tries again. Several processes may write to it at the same time.
 *
 * A batch is one transaction, and takes a few milliseconds in which this process does nothing else. Prices are text, digit by digit, and
 * times epoch milliseconds, so that the file can be read with any tool: tables `trades`, `market_data` (the candles), `raw_frames`,
 * `tape_cursors`, `tape_gaps`.
 *
 * @throws TapekeeperError `CONFIG_INVALID` when an option is wrong.
 * @example
 * ```ts
 * import { createSqliteRepository } from 'tapekeeper/sqlite'
 * const repository = createSqliteRepository({ file: './data/market.db' })
 * for await (const { data } of repository.trades({ exchange: 'okx', symbol: 'BTC-USDT', order: 'desc', limit: 10 }))
 *   console.log(data.price)
 * await repository.close()
 * ```
 */
export function createSqliteRepository(options: SqliteRepositoryOptions): SqliteRepository {
  return new FileRepository(parseSqliteOptions(options))
}

class FileRepository extends SqlReader implements SqliteRepository {
  readonly name = 'sqlite'
  readonly capabilities: RepositoryCapabilities
  readonly #database: LazyDatabase

  constructor(options: ResolvedSqliteOptions) {
    const database = new LazyDatabase(options)
    super((operation, table, _access, request) => database.run({ operation, table }, ({ sql }) => request(sql)))
    const isFile = options.file !== IN_MEMORY
    this.capabilities = { stores: STORED_KINDS, isPersistent: isFile, isShared: isFile }
    this.#database = database
  }

  saveCandles(candles: readonly OhlcvData[], { forceUpdateCandles = false }: SaveCandlesOptions = {}): Promise<WriteResult> {
    return this.#save('saveCandles', 'market_data', candles, (writes) => writes.candles(candles, forceUpdateCandles))
  }

  saveTrades(trades: readonly PointOf<'trade'>[]): Promise<WriteResult> {
    return this.#save('saveTrades', 'trades', trades, (writes) => writes.trades(trades))
  }

  saveFrames(frames: readonly StoredFrame[]): Promise<WriteResult> {
    return this.#save('saveFrames', 'raw_frames', frames, (writes) => writes.frames(frames))
  }

  saveGaps(gaps: readonly Gap[]): Promise<WriteResult> {
    return this.#save('saveGaps', 'tape_gaps', gaps, (writes) => writes.gaps(gaps))
  }

  async healthCheck(): Promise<RepositoryHealth> {
    const startedAt = systemClock.elapsed()
    const answer = this.#database.run({ operation: 'healthCheck', table: 'trades' }, async ({ sql }) => {
      for (const table of TABLES) await sql.selectFrom(table).selectAll().limit(1).execute()
    })
    const issue = await answer.then(() => undefined, messageOf)
    return { isHealthy: issue === undefined, latencyMs: systemClock.elapsed() - startedAt, issue }
  }

  statistics(): Promise<RepositoryStatistics> {
    return this.#database.run({ operation: 'statistics', table: 'trades' }, async ({ sql, bytes }) => {
      const rows = {
        candles: await countOf(sql, 'market_data'),
        trades: await countOf(sql, 'trades'),
        frames: await countOf(sql, 'raw_frames'),
        cursors: await countOf(sql, 'tape_cursors'),
        gaps: await countOf(sql, 'tape_gaps'),
      }
      return { rows, isEstimate: false, bytes: bytes(), evicted: 0 }
    })
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  #save(operation: string, table: keyof Tables, rows: readonly unknown[], write: (writes: SqliteWrites) => WriteResult) {
    return this.#database.run({ operation, table }, ({ writes }) => (rows.length === 0 ? NOTHING : write(writes)))
  }
}

const TABLES = ['trades', 'market_data', 'raw_frames', 'tape_cursors', 'tape_gaps'] as const satisfies readonly (keyof Tables)[]
const NOTHING: WriteResult = { inserted: 0, kept: 0, overwritten: 0 }

async function countOf(db: Kysely<Tables>, table: keyof Tables): Promise<number> {
  const count = db.selectFrom(table).select(({ fn }) => fn.countAll<number>().as('rows'))
  return (await count.executeTakeFirstOrThrow()).rows
}
