import { messageOf, TapekeeperError } from './tapekeeper-error.ts'

/**
 * Whose fault it is, which decides what becomes of the rows:
 *
 * - `away`: the database cannot be reached, is starting, busy or full; the same rows are tried again later
 * - `row`: a row of the batch can never be stored as it is; it is found, reported and left out, the others are stored
 * - `closed`: the repository was closed before
 * - `unknown`: the adapter cannot tell; `healthCheck()` is asked
 */
export const DATABASE_FAULTS = ['away', 'row', 'closed', 'unknown'] as const
export type DatabaseFault = (typeof DATABASE_FAULTS)[number]

export interface DatabaseOperation {
  /** The method of the repository, for example `saveTrades`. */
  readonly operation: string
  /** Table, file or collection. */
  readonly table: string
  readonly fault?: DatabaseFault | undefined
}

const mark = Symbol.for('tapekeeper.database-operation-error')

/**
 * What a repository rejects with; the driver's own error is the `cause`. `context` has operation, table and fault, and never a
 * connection string.
 *
 * @example
 * ```ts
 * import { DatabaseOperationError } from 'tapekeeper'
 * async function insert(run: () => Promise<void>) {
 *   try {
 *     await run()
 *   } catch (error) {
 *     throw DatabaseOperationError.of(error, { operation: 'saveTrades', table: 'trades', fault: 'away' })
 *   }
 * }
 * ```
 */
export class DatabaseOperationError extends TapekeeperError {
  readonly [mark] = true
  readonly operation: string
  readonly table: string
  readonly fault: DatabaseFault

  constructor(message: string, { operation, table, fault = 'unknown' }: DatabaseOperation, options?: ErrorOptions) {
    super('DATABASE_FAILED', `${operation} on ${table}: ${message}`, { operation, table, fault }, options)
    this.name = 'DatabaseOperationError'
    this.operation = operation
    this.table = table
    this.fault = fault
  }

  /** Works where `instanceof` fails: when the ESM and the CJS build are both loaded. */
  static override is(value: unknown): value is DatabaseOperationError {
    return typeof value === 'object' && value !== null && mark in value
  }

  /** Wraps whatever a driver threw; one of these passes unchanged. */
  static of(value: unknown, operation: DatabaseOperation): DatabaseOperationError {
    return DatabaseOperationError.is(value) ? value : new DatabaseOperationError(messageOf(value), operation, { cause: value })
  }
}
