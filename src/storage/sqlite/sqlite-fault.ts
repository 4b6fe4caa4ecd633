import type { DatabaseFault } from '../../errors/database-operation-error.ts'

/** SQLite's codes, without what they are extended by: `SQLITE_IOERR_WRITE` is a `SQLITE_IOERR`. */
const FAULT_OF: Readonly<Record<string, DatabaseFault>> = {
  SQLITE_BUSY: 'away',
  SQLITE_LOCKED: 'away',
  SQLITE_FULL: 'away',
  SQLITE_IOERR: 'away',
  SQLITE_CANTOPEN: 'away',
  SQLITE_READONLY: 'away',
  SQLITE_PERM: 'away',
  SQLITE_NOMEM: 'away',
  SQLITE_PROTOCOL: 'away',
  SQLITE_CONSTRAINT: 'row',
  SQLITE_MISMATCH: 'row',
  SQLITE_TOOBIG: 'row',
}

/** Of whatever the driver, the file system or our own check of a row threw. */
export function sqliteFault(error: unknown): DatabaseFault {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'string') {
    // What a trigger raises may be about this row, or about all: RAISE does not say.
    if (code === 'SQLITE_CONSTRAINT_TRIGGER') return 'unknown'
    const [sqlite = '', kind = ''] = code.split('_')
    // Node's own codes begin with ERR_; what the operating system says is a single word, and about the disk.
    if (sqlite === 'SQLITE') return FAULT_OF[`SQLITE_${kind}`] ?? 'unknown'
    if (/^E[A-Z0-9]+$/.test(code)) return 'away'
  }
  return error instanceof RangeError || error instanceof TypeError ? 'row' : 'unknown'
}
