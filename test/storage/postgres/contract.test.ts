import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { STORED_KINDS } from '../../../src/storage/repository.ts'
import { createPostgresRepository } from '../../../src/storage/postgres/create-postgres-repository.ts'
import { repositoryContract } from '../../../src/testing/repository-contract/repository-contract.ts'
import { tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { postgresMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { timescaleStub } from './timescale-stub.ts'

describe.skipIf(postgresMissing !== undefined)('the PostgreSQL repository', () => {
  let server: TestPostgres
  let plain: string
  let timescale: string
  beforeAll(async () => {
    server = await startPostgres({ extensions: timescaleStub })
    plain = await server.createDatabase()
    timescale = await server.createDatabase()
    await server.run(timescale, 'CREATE EXTENSION timescaledb')
  })
  afterAll(() => server.stop())

  let tests = 0
  const contract = (database: () => string): void =>
    repositoryContract({
      test,
      expect,
      describe,
      capabilities: { stores: STORED_KINDS, isPersistent: true, isShared: true },
      create: async () => {
        const connectionString = database()
        const schema = `test_${++tests}`
        const open = () => {
          const repository = createPostgresRepository({ connectionString, schema })
          return { marketData: repository, rawTrades: repository }
        }
        const badTrade = { ...tradeAt(0), symbol: 'BTC\0USDT' }
        const cleanUp = async () => {
          await server.run(connectionString, `DROP SCHEMA IF EXISTS ${schema} CASCADE`)
        }
        return { ...open(), badTrade, reopen: async () => open(), cleanUp }
      },
    })

  describe('with ordinary tables', () => contract(() => plain))
  describe('with hypertables', () => contract(() => timescale))
})
