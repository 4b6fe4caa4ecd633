import { DatabaseOperationError, type DatabaseOperation } from '../../errors/database-operation-error.ts'
import { openDatabase, type OpenDatabase } from './open-database.ts'
import { sqliteFault } from './sqlite-fault.ts'
import type { ResolvedSqliteOptions } from './sqlite-options.ts'

/** The database from the first call to the last: opens it, opens it again when it has to, and lets no error out bare. */
export class LazyDatabase {
  readonly #options: ResolvedSqliteOptions
  readonly #underWay = new Set<Promise<unknown>>()
  #database: Promise<OpenDatabase> | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedSqliteOptions) {
    this.#options = options
  }

  /** @throws DatabaseOperationError */
  async run<R>(operation: DatabaseOperation, task: (database: OpenDatabase) => R | Promise<R>): Promise<R> {
    if (this.#closing !== undefined)
      throw new DatabaseOperationError('the repository is closed', { ...operation, fault: 'closed' })
    const work = this.#inPlace().then(task)
    this.#underWay.add(work)
    try {
      return await work
    } catch (error) {
      throw DatabaseOperationError.of(error, { ...operation, fault: sqliteFault(error) })
    } finally {
      this.#underWay.delete(work)
    }
  }

  /** Waits for what is under way. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    const database = await this.#database?.catch(() => undefined)
    try {
      database?.close()
    } catch (error) {
      throw DatabaseOperationError.of(error, { operation: 'close', table: this.#options.file, fault: sqliteFault(error) })
    }
  }

  async #inPlace(): Promise<OpenDatabase> {
    const opened = (this.#database ??= openDatabase(this.#options))
    try {
      const database = await opened
      if (database.isInPlace()) return database
      database.close()
      const message = 'the file was moved, deleted or replaced while it was open'
      throw new DatabaseOperationError(message, { operation: 'open', table: this.#options.file, fault: 'away' })
    } catch (error) {
      // The next call opens it anew; another one that failed with us may have begun to already.
      if (this.#database === opened) this.#database = undefined
      throw error
    }
  }
}
