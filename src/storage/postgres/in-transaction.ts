import type { Kysely, Transaction } from 'kysely'
import type { Tables } from '../sql/tables.ts'

/** Says what a session may have as another default: what a transaction sees of others, and whether it may write. */
export const inTransaction = <R>(
  db: Kysely<Tables>,
  access: 'read only' | 'read write',
  request: (transaction: Transaction<Tables>) => Promise<R>,
): Promise<R> => db.transaction().setIsolationLevel('read committed').setAccessMode(access).execute(request)
