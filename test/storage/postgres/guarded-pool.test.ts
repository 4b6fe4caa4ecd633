import { Kysely, PostgresDialect } from 'kysely'
import { expect, test } from 'vitest'
import { guardedPool } from '../../../src/storage/postgres/guarded-pool.ts'
import { inTransaction } from '../../../src/storage/postgres/in-transaction.ts'
import type { PostgresPool } from '../../../src/storage/postgres/postgres-pool.ts'
import type { Tables } from '../../../src/storage/sql/tables.ts'

test('a rollback that fails hides nothing, and its connection is not used again', async () => {
  const released: unknown[] = []
  const query = ({ text }: { readonly text: string }) => {
    if (text === 'rollback') return Promise.reject(Object.assign(new Error('terminating connection'), { code: '25P03' }))
    return Promise.resolve({ rows: [] })
  }
  const client = {
    query,
    on: () => client,
    removeListener: () => client,
    release: (isBroken: unknown) => released.push(isBroken),
  }
  const pool = { connect: () => Promise.resolve(client) } as unknown as PostgresPool
  const dialect = new PostgresDialect({ pool: guardedPool(pool, { connectTimeoutMs: 1_000, statementTimeoutMs: 1_000 }) })
  const failing = inTransaction(new Kysely<Tables>({ dialect }), 'read write', () => Promise.reject(new Error('a duplicate')))
  await expect(failing).rejects.toThrow('a duplicate')
  expect(released).toEqual([true])
})
