import { DatabaseOperationError, type DatabaseFault, type DatabaseOperation } from '../../errors/database-operation-error.ts'
import { messageOf } from '../../errors/tapekeeper-error.ts'

/** Classes and conditions of SQLSTATE (PostgreSQL documentation, appendix A); the longest that fits counts. */
const FAULTS: Readonly<Record<string, DatabaseFault>> = {
  '08': 'away', // connection
  '22': 'row', // data
  '23': 'row', // constraint
  '25': 'away', // transaction state: read only, as a standby is
  '28': 'away', // authorisation: somebody may put it right
  '3D': 'away', // no such database
  '3F': 'away', // no such schema
  '40': 'away', // rolled back: deadlock, serialisation
  // Syntax, missing tables or rights. Rows come as parameters, so that it is never a row's fault; what waits is safe until it is put right.
  '42': 'away',
  '53': 'away', // resources: disk full, too many connections
  '54': 'row', // limits: a key too long for an index
  '55': 'away', // not available: locked, in use
  '57': 'away', // operator: shutting down, starting, timeout
  '58': 'away', // its system: input and output
}

/** What `pg` says without any code when a connection was not to be had, or was lost. */
const LOST = /terminat|timeout|timed out|connection|not queryable|SSL|self[- ]signed|certificate|pool after calling end/i

interface DriverError {
  readonly code?: unknown
  readonly severity?: unknown
  readonly errors?: readonly unknown[]
}

const isSqlState = (code: unknown): code is string => typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)

/** The server has answered, and the connection is as good as before. */
export function isAnswer(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as DriverError
  return isSqlState(code) && severity === 'ERROR'
}

/** The table or its schema is gone: what was migrated once has to be migrated again. */
export const isTableMissing = (error: unknown): boolean =>
  ['42P01', '3F000'].includes(String((error as DriverError | null)?.code))

/** A row with one of these keys is there. */
export const isDuplicate = (error: unknown): boolean => (error as DriverError | null)?.code === '23505'

function faultOf(error: unknown): DatabaseFault {
  // Our own checks of a row.
  if (error instanceof RangeError) return 'row'
  const { code } = (error ?? {}) as DriverError
  if (isSqlState(code)) return FAULTS[code.slice(0, 2)] ?? 'unknown'
  // Errors of sockets and of name resolution have the codes of the operating system.
  if (typeof code === 'string' && /^E[A-Z]/.test(code)) return 'away'
  return LOST.test(messageOf(error)) ? 'away' : 'unknown'
}

function wordsFor(error: unknown): string {
  const { code, errors } = (error ?? {}) as DriverError
  const words = messageOf(error) || (errors ?? []).map(messageOf).join('; ') || 'failed without words'
  return typeof code === 'string' && !words.includes(code) ? `${words} (${code})` : words
}

/** Wraps what the driver threw, and says whose fault it is. */
export function databaseError(error: unknown, operation: Omit<DatabaseOperation, 'fault'>): DatabaseOperationError {
  if (DatabaseOperationError.is(error)) return error
  return new DatabaseOperationError(wordsFor(error), { ...operation, fault: faultOf(error) }, { cause: error })
}
