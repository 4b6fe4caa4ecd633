import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPostgresRepository } from '../../../src/storage/postgres/create-postgres-repository.ts'
import type { PostgresRepositoryOptions } from '../../../src/storage/postgres/options.ts'
import { STORED_KINDS } from '../../../src/storage/repository.ts'
import { MIGRATION_TABLES } from '../../../src/storage/sql/migrations.ts'
import { repositoryContract } from '../../../src/testing/repository-contract/repository-contract.ts'
import { tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { isDeep } from '../../support/runs.ts'
import { postgresMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { timescaleStub } from './timescale-stub.ts'

const SCHEMA = 'contract'
const CLEAR = `DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = '${SCHEMA}' AND tablename <> '${MIGRATION_TABLES.migrationTableName}' LOOP
    EXECUTE format('DELETE FROM ${SCHEMA}.%I', name);
  END LOOP;
END $$`

interface Database {
  readonly connectionString: string
  /** A host's own, of which a repository takes connections. A new server process for each test would cost more than all else. */
  readonly pool: pg.Pool
}

describe.skipIf(postgresMissing !== undefined)('the PostgreSQL repository', () => {
  let server: TestPostgres
  let plain: Database
  let timescale: Database
  const databaseOf = async (): Promise<Database> => {
    const connectionString = await server.createDatabase()
    return { connectionString, pool: new pg.Pool({ connectionString, max: 10 }) }
  }
  beforeAll(async () => {
    server = await startPostgres({ extensions: timescaleStub })
    plain = await databaseOf()
    timescale = await databaseOf()
    await timescale.pool.query('CREATE EXTENSION timescaledb')
  })
  afterAll(async () => {
    await Promise.all([plain, timescale].map(({ pool }) => pool.end()))
    await server.stop()
  })

  const contract = (database: () => Database, addressOf: (database: Database) => PostgresRepositoryOptions): void =>
    repositoryContract({
      test,
      expect,
      describe,
      capabilities: { stores: STORED_KINDS, isPersistent: true, isShared: true },
      create: async () => {
        await database().pool.query(CLEAR)
        const open = () => {
          const repository = createPostgresRepository({ ...addressOf(database()), schema: SCHEMA })
          return { marketData: repository, rawTrades: repository }
        }
        return { ...open(), badTrade: { ...tradeAt(0), symbol: 'BTC\0USDT' }, reopen: async () => open() }
      },
    })

  describe("with ordinary tables, and a host's pool", () => {
    contract(
      () => plain,
      ({ pool }) => ({ pool }),
    )
  })
  describe.runIf(isDeep)('with hypertables, and connections of its own', () => {
    contract(
      () => timescale,
      ({ connectionString }) => ({ connectionString }),
    )
  })
})
