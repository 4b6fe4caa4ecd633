import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Sqlite from 'tapekeeper/sqlite'
import type { Built } from '../built.ts'
import type { BenchRow, StorageSubject } from './storage-subject.ts'

/** Table of the repository, statement of the driver: one row each, prepared once, all rows of a batch in one transaction. */
const INSERT = `INSERT INTO trades (exchange, symbol, trade_id, id_length, timestamp, received_at, price, size, side, count, backfilled)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

export async function sqlite(built: Built): Promise<StorageSubject> {
  const { createSqliteRepository } = (await import(pathToFileURL(join(built.folder, 'sqlite.js')).href)) as typeof Sqlite
  const manifest = createRequire(import.meta.url).resolve('better-sqlite3/package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return {
    name: 'SQLite',
    path: `better-sqlite3 ${version}: a prepared insert for each row, one transaction for each batch; a file in WAL mode, \`synchronous = NORMAL\``,
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-bench-'))
      const repository = createSqliteRepository({ file: join(folder, 'market.db') })
      await repository.statistics() // makes the tables
      const database = new Database(join(folder, 'market.db'))
      database.pragma('synchronous = NORMAL')
      const statement = database.prepare(INSERT)
      const insert = database.transaction((batch: readonly BenchRow[]) => {
        for (const { exchange, symbol, timestamp, receivedAt, data } of batch) {
          const { id, price, size, side, count = null, backfilled } = data
          statement.run(exchange, symbol, id, id.length, timestamp, receivedAt, price, size, side, count, backfilled ? 1 : 0)
        }
      })
      return {
        insert: async (batch) => insert(batch),
        repository,
        count: async () => (await repository.statistics()).rows.trades ?? 0,
        async close() {
          database.close()
          await repository.close()
          rmSync(folder, { recursive: true })
        },
      }
    },
    close: async () => undefined,
  }
}
