import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import type * as Postgres from 'tapekeeper/postgres'
import { postgresMissing, startPostgres } from '../../../test/support/postgres.ts'
import type { Built } from '../built.ts'
import type { BenchRow, StorageSubject } from './storage-subject.ts'

const copyInto = (schema: string): string =>
  `COPY ${schema}.trades (exchange, symbol, trade_id, id_length, timestamp, received_at, price, size, side, count, backfilled) FROM STDIN`

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
    path: `pg ${version}: \`COPY FROM STDIN\`, one for each batch; PostgreSQL ${String(row?.['version'])} on loopback, \`fsync = on\``,
    async open() {
      const schema = `bench_${++opened}`
      const repository = createPostgresRepository({ connectionString, schema })
      await repository.statistics() // makes the tables
      const client = new pg.Client({ connectionString })
      await client.connect()
      await client.query('CHECKPOINT')
      const text = copyInto(schema)
      return {
        insert: async (batch) => {
          await new Promise<void>((resolve, reject) => void client.query(new Copy(text, linesOf(batch), resolve, reject)))
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

/** Nothing in these rows needs escaping. */
function linesOf(batch: readonly BenchRow[]): Buffer {
  let lines = ''
  for (const { exchange, symbol, timestamp, receivedAt, data } of batch) {
    const { id, price, size, side, count = '\\N', backfilled } = data
    const times = `${new Date(timestamp).toISOString()}\t${new Date(receivedAt).toISOString()}`
    lines += `${exchange}\t${symbol}\t${id}\t${id.length}\t${times}\t${price}\t${size}\t${side}\t${count}\t${backfilled}\n`
  }
  return Buffer.from(lines)
}

/** The messages of one COPY, as `pg` lets a query of one's own send them. */
class Copy implements pg.Submittable {
  constructor(
    private readonly text: string,
    private readonly lines: Buffer,
    private readonly done: () => void,
    private readonly failed: (error: Error) => void,
  ) {}

  submit(connection: pg.Connection): void {
    connection.query(this.text)
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.lines)
    connection.endCopyFrom()
  }

  handleCommandComplete(): void {
    // The server is ready a moment later.
  }

  handleReadyForQuery(): void {
    this.done()
  }

  handleError(error: Error): void {
    this.failed(error)
  }
}

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}
