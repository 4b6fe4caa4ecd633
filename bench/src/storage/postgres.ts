import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import type * as Postgres from 'tapekeeper/postgres'
import { postgresMissing, startPostgres } from '../../../test/support/postgres.ts'
import type { Built } from '../built.ts'
import type { BenchRow, StorageSubject } from './storage-subject.ts'

/** One array for each column. COPY, the other fast way, was measured at 0.9 to 1.1 times this speed. */
const insertInto = (schema: string): string => `
  INSERT INTO ${schema}.trades (exchange, symbol, trade_id, id_length, timestamp, received_at, price, size, side, count, backfilled)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::numeric[],
    $8::numeric[], $9::text[], $10::bigint[], $11::boolean[])`

/** Undefined where there is no PostgreSQL to start. */
export async function postgres(built: Built): Promise<StorageSubject | undefined> {
  if (postgresMissing !== undefined) return undefined
  const { createPostgresRepository } = (await import(pathToFileURL(join(built.folder, 'postgres.js')).href)) as typeof Postgres
  const manifest = createRequire(import.meta.url).resolve('pg/package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const server = await startPostgres({ isDurable: true })
  const connectionString = await server.createDatabase()
  const [row] = await server.run(connectionString, `SELECT current_setting('server_version') AS version`)
  let opened = 0
  return {
    name: 'PostgreSQL',
    path: `pg ${version}: \`INSERT … SELECT FROM unnest\` of one array for each column, without a look at what is there; PostgreSQL ${String(row?.['version'])} on loopback, \`fsync = on\``,
    async open() {
      const schema = `bench_${++opened}`
      const repository = createPostgresRepository({ connectionString, schema })
      await repository.statistics() // makes the tables
      const client = new pg.Client({ connectionString })
      await client.connect()
      await client.query('CHECKPOINT')
      const text = insertInto(schema)
      return {
        insert: async (batch) => {
          await client.query({ name: schema, text, values: columnsOf(batch) })
        },
        repository,
        async count() {
          const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${schema}.trades`)
          return Number(rows[0]?.count)
        },
        async close() {
          await client.query(`DROP SCHEMA ${schema} CASCADE`)
          await client.end()
          await repository.close()
        },
      }
    },
    close: () => server.stop(),
  }
}

/** Arrays as text: the driver's own way of writing them takes twice as long. Nothing in these rows needs quotes. */
function columnsOf(batch: readonly BenchRow[]): string[] {
  const column = (valueOf: (row: BenchRow) => string | number | boolean | undefined): string =>
    `{${batch.map((row) => valueOf(row) ?? 'NULL').join(',')}}`
  return [
    column(({ exchange }) => exchange),
    column(({ symbol }) => symbol),
    column(({ data }) => data.id),
    column(({ data }) => data.id.length),
    column(({ timestamp }) => new Date(timestamp).toISOString()),
    column(({ receivedAt }) => new Date(receivedAt).toISOString()),
    column(({ data }) => data.price),
    column(({ data }) => data.size),
    column(({ data }) => data.side),
    column(({ data }) => data.count),
    column(({ data }) => data.backfilled),
  ]
}
