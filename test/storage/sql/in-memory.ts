import Database from 'better-sqlite3'
import { Kysely, Migrator, sql, SqliteDialect, type CompiledQuery } from 'kysely'
import { onTestFinished } from 'vitest'
import { MIGRATION_TABLES, sharedMigrations } from '../../../src/storage/sql/migrations.ts'
import { SqlReader } from '../../../src/storage/sql/sql-reader.ts'
import type { Tables } from '../../../src/storage/sql/tables.ts'

export interface InMemory {
  readonly connection: Database.Database
  readonly db: Kysely<Tables>
  readonly reader: SqlReader
  /** Every statement since the tables were made. */
  readonly queries: CompiledQuery[]
}

/** Our tables, empty, with the SQL that runs on them laid open. */
export async function inMemory(): Promise<InMemory> {
  const connection = new Database(':memory:')
  onTestFinished(() => void connection.close())
  const queries: CompiledQuery[] = []
  const dialect = new SqliteDialect({ database: connection })
  const db = new Kysely<Tables>({ dialect, log: (event) => void queries.push(event.query) })
  const text = sql`text`
  const integer = sql`integer`
  const types = { text, decimal: text, time: integer, integer, flag: integer, body: text }
  const migrations = sharedMigrations({ types, clustered: sql`without rowid` })
  const provider = { getMigrations: async () => migrations }
  const { error } = await new Migrator({ db, provider, ...MIGRATION_TABLES }).migrateToLatest()
  if (error !== undefined) throw error as Error
  queries.length = 0
  return { connection, db, reader: new SqlReader((_operation, _table, _access, request) => request(db)), queries }
}
