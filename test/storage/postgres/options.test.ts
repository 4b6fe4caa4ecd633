import { expect, test } from 'vitest'
import pg from 'pg'
import type { PostgresPool } from '../../../src/storage/postgres/postgres-pool.ts'
import { createPostgresRepository } from '../../../src/storage/postgres/create-postgres-repository.ts'

const SECRET = 'S3cret-word'

test.each<[string, object, RegExp]>([
  ['a misspelt option', { maxConections: 3 }, /unknown key "maxConections", did you mean "maxConnections"/],
  ['a number of seconds', { connectTimeoutMs: 0.5 }, /connectTimeoutMs/],
  ['text that is no connection string', { connectionString: `host=localhost password=${SECRET}` }, /postgres:\/\//],
  ['a connection string that is none', { connectionString: `postgres://user:${SECRET}@[nohost/x` }, /postgres:\/\//],
  ['a schema with a quote', { schema: 'a"; DROP TABLE trades; --' }, /schema/],
  ['an empty schema', { schema: '' }, /schema/],
  ["PostgreSQL's own schema", { schema: 'pg_catalog' }, /schema/],
  ['a schema longer than PostgreSQL keeps', { schema: 'ä'.repeat(32) }, /63 bytes/],
  ['a pool that is none', { pool: {} }, /pool/],
  ['both', { connectionString: 'postgres://localhost/x', pool: { connect() {} } }, /leave them out/],
])('%s is told at once', (_name, options, words) => {
  const make = () => createPostgresRepository(options)
  expect(make).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
  expect(make).toThrow(words)
  try {
    make()
  } catch (error) {
    expect(JSON.stringify([error, String(error)])).not.toContain(SECRET)
  }
})

test('making one connects to nothing, and closing it at once is fine', async () => {
  const repository = createPostgresRepository({ connectionString: 'postgres://nobody@127.0.0.1:1/nothing' })
  await repository.close()
  expect((await repository.healthCheck()).isHealthy).toBe(false)
})

test('a Pool of pg is what we take for one', async () => {
  const pool: PostgresPool = new pg.Pool()
  await createPostgresRepository({ pool }).close()
})
