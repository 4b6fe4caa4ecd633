import { sql } from 'kysely'
import type { Gap } from '../../domain/gap.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import { parseConfig } from '../../errors/config-problems.ts'
import { messageOf } from '../../errors/tapekeeper-error.ts'
import { sleep, systemClock } from '../../ports/clock.ts'
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
import { isDuplicate } from './database-fault.ts'
import { FRAME_ROWS, TRADE_ROWS } from './insert-rows.ts'
import { postgresOptions, type PostgresRepositoryOptions, type ResolvedPostgresOptions } from './options.ts'
import { PostgresDatabase, type ReadyDatabase } from './postgres-database.ts'
import { saveCandles } from './save-candles.ts'
import { saveGaps } from './save-gaps.ts'
import { tableStatistics } from './table-statistics.ts'
import { boundText } from './time-text.ts'

/** One object that keeps everything there is to store. */
export interface PostgresRepository extends MarketDataRepository, Required<RawTradeRepository> {
  readonly name: 'postgres'
}

/**
 * Keeps candles, trades, frames, cursors and gaps in PostgreSQL, tested with version 18. Needs the package `pg`. Connects and makes its tables with the first
 * call, not before; when that fails, the next call tries again. Any number of processes may write at the same time.
 *
 * The tables are `trades`, `market_data` (the candles), `raw_frames`, `tape_cursors` and `tape_gaps` in a schema of their own. Prices are `numeric`,
 * digit by digit with their zeros, times `timestamptz` to the microsecond. Where TimescaleDB is installed when the tables are made, the
 * first three are hypertables; a trade is then recognised by its id within a day of its time, otherwise for ever.
 *
 * Nothing depends on how a session is set up (`DateStyle`, `bytea_output`, `TimeZone`, timeouts, …): each request is a transaction that
 * brings its own settings, so that it works behind PgBouncer, too, and a host's pool keeps its own.
 *
 * @throws TapekeeperError `CONFIG_INVALID` when an option is wrong.
 * @example
 * ```ts
 * import { createPostgresRepository } from 'tapekeeper/postgres'
 * const repository = createPostgresRepository({ connectionString: process.env['POSTGRES_URL'] })
 * for await (const { data } of repository.trades({ exchange: 'okx', symbol: 'BTC-USDT', order: 'desc', limit: 10 }))
 *   console.log(data.price)
 * await repository.close()
 * ```
 */
export function createPostgresRepository(options: PostgresRepositoryOptions = {}): PostgresRepository {
  return new ServerRepository(parseConfig(postgresOptions, options, 'PostgreSQL repository'))
}

/** A health check that takes longer is an answer, too. */
const HEALTH_LIMIT_MS = 5_000

const NOTHING: WriteResult = { inserted: 0, kept: 0, overwritten: 0 }

class ServerRepository extends SqlReader implements PostgresRepository {
  readonly name = 'postgres'
  readonly capabilities: RepositoryCapabilities = { stores: STORED_KINDS, isPersistent: true, isShared: true }
  readonly #schema: string
  readonly #database: PostgresDatabase

  constructor(options: ResolvedPostgresOptions) {
    const database = new PostgresDatabase(options)
    super((operation, table, access, request) => database.run({ operation, table }, access, ({ db }) => request(db)), boundText)
    this.#schema = options.schema
    this.#database = database
  }

  saveCandles(candles: readonly OhlcvData[], { forceUpdateCandles = false }: SaveCandlesOptions = {}): Promise<WriteResult> {
    return this.#save('saveCandles', 'market_data', candles, ({ db }) =>
      saveCandles(db, this.#schema, candles, forceUpdateCandles),
    )
  }

  saveTrades(trades: readonly PointOf<'trade'>[]): Promise<WriteResult> {
    return this.#save('saveTrades', 'trades', trades, ({ db, insert }) => insert(db, this.#schema, TRADE_ROWS, trades))
  }

  saveFrames(frames: readonly StoredFrame[]): Promise<WriteResult> {
    return this.#save('saveFrames', 'raw_frames', frames, ({ db, insert }) => insert(db, this.#schema, FRAME_ROWS, frames))
  }

  saveGaps(gaps: readonly Gap[]): Promise<WriteResult> {
    return this.#save('saveGaps', 'tape_gaps', gaps, ({ db }) => saveGaps(db, this.#schema, gaps))
  }

  async healthCheck(): Promise<RepositoryHealth> {
    const startedAt = systemClock.elapsed()
    const answer = this.#database
      .run({ operation: 'healthCheck', table: 'trades' }, 'read only', async ({ db }) => {
        const tables = TABLES.map((table) => sql.id(this.#schema, table))
        await sql`SELECT FROM ${sql.join(tables)} LIMIT 0`.execute(db)
      })
      .then(() => undefined, messageOf)
    const waiting = new AbortController()
    const limit = sleep(systemClock, HEALTH_LIMIT_MS, waiting.signal).then(
      () => `no answer within ${HEALTH_LIMIT_MS} ms`,
      () => undefined,
    )
    const issue = await Promise.race([answer, limit])
    waiting.abort()
    return { isHealthy: issue === undefined, latencyMs: systemClock.elapsed() - startedAt, issue }
  }

  statistics(): Promise<RepositoryStatistics> {
    return this.#database.run({ operation: 'statistics', table: 'trades' }, 'read only', ({ db }) =>
      tableStatistics(db, this.#schema),
    )
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  async #save(
    operation: string,
    table: keyof Tables,
    rows: readonly unknown[],
    write: (database: ReadyDatabase) => Promise<WriteResult>,
  ): Promise<WriteResult> {
    if (rows.length === 0) return this.#database.run({ operation, table }, 'read only', () => Promise.resolve(NOTHING))
    const attempt = () => this.#database.run({ operation, table }, 'read write', write)
    return attempt().catch((error: unknown) => (isDuplicate((error as Error).cause) ? attempt() : Promise.reject(error as Error)))
  }
}

const TABLES = ['trades', 'market_data', 'raw_frames', 'tape_cursors', 'tape_gaps'] as const satisfies readonly (keyof Tables)[]
