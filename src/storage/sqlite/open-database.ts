import Database from 'better-sqlite3'
import { Kysely, Migrator, sql, SqliteDialect } from 'kysely'
import { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import { MIGRATION_TABLES, sharedMigrations, type SqlDialect } from '../sql/migrations.ts'
import type { Tables } from '../sql/tables.ts'
import { driverProblem, installedDriver } from './driver-check.ts'
import { identityOf, makeOwnerFile } from './owner-file.ts'
import { sqliteFault } from './sqlite-fault.ts'
import { IN_MEMORY, type ResolvedSqliteOptions } from './sqlite-options.ts'
import { prepareWrites, type SqliteWrites } from './sqlite-writes.ts'

const DIALECT: SqlDialect = {
  types: {
    text: sql`text`,
    decimal: sql`text`,
    time: sql`integer`, // which keeps a fraction where there is one
    integer: sql`integer`,
    flag: sql`integer`,
    body: sql`text`,
  },
  clustered: sql`without rowid`,
}

const MIGRATIONS = sharedMigrations(DIALECT)

export interface OpenDatabase {
  readonly sql: Kysely<Tables>
  readonly writes: SqliteWrites
  /** False when the file has been moved, deleted or replaced: what is written now would be lost. */
  readonly isInPlace: () => boolean
  readonly bytes: () => number
  /** Whoever is the last to close a file puts into it what waits beside it. */
  readonly close: () => void
}

/** @throws DatabaseOperationError that names the file. */
export async function openDatabase(options: ResolvedSqliteOptions): Promise<OpenDatabase> {
  const { file } = options
  try {
    return await open(options)
  } catch (error) {
    const fault = sqliteFault(error)
    throw DatabaseOperationError.of(error, { operation: 'open', table: file, fault: fault === 'row' ? 'unknown' : fault })
  }
}

async function open({ file, synchronous, busyTimeoutMs }: ResolvedSqliteOptions): Promise<OpenDatabase> {
  const isFile = file !== IN_MEMORY
  const problem = driverProblem(installedDriver())
  if (problem !== undefined) throw new DatabaseOperationError(problem, { operation: 'open', table: file })
  if (isFile) makeOwnerFile(file)
  const connection = new Database(file, { timeout: busyTimeoutMs })
  try {
    const identity = isFile ? identityOf(file) : undefined
    connection.pragma('journal_mode = WAL')
    connection.pragma(synchronous === 'full' ? 'synchronous = FULL' : 'synchronous = NORMAL')
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) })
    await inTurn(() => migrate(connection, db, file))
    const count = (pragma: 'page_count' | 'page_size'): number => connection.pragma(pragma, { simple: true }) as number
    return {
      sql: db,
      writes: prepareWrites(connection, db),
      isInPlace: () => !isFile || identityOf(file) === identity,
      bytes: () => count('page_count') * count('page_size'),
      close: () => void connection.close(),
    }
  } catch (error) {
    connection.close()
    throw error
  }
}

async function migrate(connection: Database.Database, db: Kysely<Tables>, file: string): Promise<void> {
  if (isUpToDate(connection, file)) return
  // One transaction of ours around all: of several processes one migrates, and the others find it done.
  connection.exec('BEGIN IMMEDIATE')
  try {
    const provider = { getMigrations: () => Promise.resolve(MIGRATIONS) }
    const { error } = await new Migrator({ db, provider, ...MIGRATION_TABLES }).migrateToLatest()
    if (error !== undefined) throw error as Error
    connection.exec('COMMIT')
  } finally {
    if (connection.inTransaction) connection.exec('ROLLBACK')
  }
}

function isUpToDate(connection: Database.Database, file: string): boolean {
  const table = MIGRATION_TABLES.migrationTableName
  const isOurs = connection.prepare('SELECT 1 FROM sqlite_master WHERE type = ? AND name = ?').get('table', table) !== undefined
  if (!isOurs) return false
  const done = connection.prepare('SELECT name FROM tapekeeper_migrations').pluck().all() as string[]
  const unknown = done.filter((name) => !Object.hasOwn(MIGRATIONS, name))
  if (unknown.length > 0) {
    const message = `the file was written by a newer version of tapekeeper, which knows ${unknown.join(', ')}`
    throw new DatabaseOperationError(message, { operation: 'open', table: file })
  }
  return done.length === Object.keys(MIGRATIONS).length
}

/** A migration lets others run while it holds the file's lock, and whoever waits for that lock lets nobody run: one at a time. */
let turn: Promise<unknown> = Promise.resolve()

function inTurn(task: () => Promise<void>): Promise<void> {
  const result = turn.then(task)
  turn = result.catch(() => undefined)
  return result
}
