import { Kysely, PostgresDialect, type KyselyPlugin } from 'kysely'
import { DatabaseOperationError, type DatabaseOperation } from '../../errors/database-operation-error.ts'
import type { Tables } from '../sql/tables.ts'
import { databaseError, isTableMissing } from './database-fault.ts'
import { guardedPool } from './guarded-pool.ts'
import { hasHypertables } from './hypertables.ts'
import { createInsertRows, insertIntoHypertable, type InsertRows } from './insert-rows.ts'
import { inTransaction } from './in-transaction.ts'
import { migrate } from './migrate.ts'
import type { ResolvedPostgresOptions } from './options.ts'
import { openPool, type OpenedPool } from './open-pool.ts'

/** A database whose tables are there. */
export interface ReadyDatabase {
  readonly db: Kysely<Tables>
  readonly insert: InsertRows
}

/** The database from the first call to the last: connects and migrates when needed, and lets no error out bare. */
export class PostgresDatabase {
  readonly #options: ResolvedPostgresOptions
  readonly #underWay = new Set<Promise<unknown>>()
  #pool: OpenedPool | undefined
  #ready: Promise<ReadyDatabase> | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedPostgresOptions) {
    this.#options = options
  }

  /** Runs a request in one transaction: each statement of it sees what was committed before it. */
  async run<R>(
    operation: Omit<DatabaseOperation, 'fault'>,
    access: 'read only' | 'read write',
    request: (database: ReadyDatabase) => Promise<R>,
  ): Promise<R> {
    if (this.#closing !== undefined) {
      throw new DatabaseOperationError('the repository has been closed', { ...operation, fault: 'closed' })
    }
    const running = this.#prepared().then(({ db, insert }) =>
      inTransaction(db, access, (transaction) => request({ db: transaction, insert })),
    )
    this.#underWay.add(running)
    try {
      return await running
    } catch (error) {
      if (isTableMissing(error)) this.#ready = undefined
      throw databaseError(error, operation)
    } finally {
      this.#underWay.delete(running)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await this.#pool?.close()
  }

  /** Once; what failed is tried again by the next call. */
  #prepared(): Promise<ReadyDatabase> {
    if (this.#ready !== undefined) return this.#ready
    const ready = this.#prepare()
    this.#ready = ready
    ready.catch(() => {
      if (this.#ready === ready) this.#ready = undefined
    })
    return ready
  }

  async #prepare(): Promise<ReadyDatabase> {
    const { schema } = this.#options
    this.#pool ??= openPool(this.#options)
    const dialect = new PostgresDialect({ pool: guardedPool(this.#pool.pool, this.#options) })
    const db = new Kysely<Tables>({ dialect, plugins: [textOfBytes] })
    await migrate(db, this.#options)
    const isHyper = await inTransaction(db, 'read only', (transaction) => hasHypertables(transaction, schema))
    return { db: db.withSchema(schema), insert: isHyper ? insertIntoHypertable : createInsertRows() }
  }
}

/** A frame that was stored as bytes is read like the others. */
const textOfBytes: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: ({ result }) => {
    for (const row of result.rows)
      if (row['text'] === null && row['text_bytes'] instanceof Uint8Array) row['text'] = row['text_bytes']
    return Promise.resolve(result)
  },
}
