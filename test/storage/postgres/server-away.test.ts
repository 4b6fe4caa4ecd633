import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { DatabaseOperationError } from '../../../src/errors/database-operation-error.ts'
import type { PostgresRepository } from '../../../src/storage/postgres/create-postgres-repository.ts'
import { createPostgresRepository } from '../../../src/storage/postgres/create-postgres-repository.ts'
import type { PostgresRepositoryOptions } from '../../../src/storage/postgres/options.ts'
import { many, MARKET, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { postgresMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts'

const PASSWORD = 'Wr0ng-s3cret'

describe.skipIf(postgresMissing !== undefined)('a PostgreSQL that is away', () => {
  let server: TestPostgres
  let connectionString: string
  beforeAll(async () => {
    server = await startPostgres()
    connectionString = await server.createDatabase()
  })
  afterAll(() => server.stop())

  const opened: PostgresRepository[] = []
  const open = (options: PostgresRepositoryOptions = {}): PostgresRepository => {
    const repository = createPostgresRepository({ connectionString, ...options })
    opened.push(repository)
    return repository
  }
  afterEach(async () => {
    for (const repository of opened.splice(0)) await repository.close()
  })

  const failureOf = async (promise: Promise<unknown>): Promise<DatabaseOperationError> => {
    const error: unknown = await promise.then(
      () => new Error('it resolved'),
      (reason: unknown) => reason,
    )
    if (!DatabaseOperationError.is(error)) throw error
    return error
  }

  test('killed while two write, and started again: every batch that is repeated is there once', async () => {
    const repositories = [open(), open()]
    let batches = 0
    const save = async (repository: PostgresRepository, batch: number): Promise<void> => {
      const trades = many(200, (index) => tradeAt(batch * 200 + index))
      for (;;) {
        try {
          await repository.saveTrades(trades)
          batches++
          return
        } catch (error) {
          expect((error as DatabaseOperationError).fault).toBe('away')
          await pause()
        }
      }
    }
    const writing = repositories.map(async (repository) => {
      for (let batch = 0; batch < 60; batch++) await save(repository, batch)
    })
    await until(() => batches >= 20)
    await server.kill()
    await pause()
    await server.restart()
    await Promise.all(writing)

    const ids = new Set<string>()
    let rows = 0
    for await (const { data } of open().trades(MARKET)) {
      ids.add(data.id)
      rows++
    }
    expect([rows, ids.size]).toEqual([12_000, 12_000])
    expect((await open().healthCheck()).issue).toBeUndefined()
  })

  test('not started yet: the first calls fail, later ones connect and make the tables', async () => {
    const repository = open({ schema: 'later' })
    await server.kill()
    expect((await failureOf(repository.saveTrades([tradeAt(0)]))).fault).toBe('away')
    expect(await repository.healthCheck()).toMatchObject({ isHealthy: false })
    await server.restart()
    expect(await repository.saveTrades([tradeAt(0)])).toEqual({ inserted: 1, kept: 0, overwritten: 0 })
  })

  test('frozen: calls fail soon, close ends, no connection stays; thawed it works again', async () => {
    const repository = open({ statementTimeoutMs: 300, connectTimeoutMs: 300, maxConnections: 2, schema: 'frozen' })
    await repository.saveTrades([tradeAt(0)])
    const another = open({ statementTimeoutMs: 300, connectTimeoutMs: 300, schema: 'frozen' })
    await another.saveTrades([tradeAt(0)])
    server.freeze()
    try {
      const failures = await Promise.all([
        failureOf(repository.saveTrades([tradeAt(1)])), // on a connection that was idle
        failureOf(repository.latestTrade(MARKET)), // on a new one
        failureOf(repository.statistics()), // waits for one
      ])
      expect(failures.map(({ fault }) => fault)).toEqual(['away', 'away', 'away'])
      expect((await repository.healthCheck()).isHealthy).toBe(false)
      await another.close()
      expect(openSockets(server.port)).toBe(0)
    } finally {
      server.thaw()
    }
    expect((await repository.saveTrades([tradeAt(1)])).overwritten).toBe(0)
    expect((await repository.latestTrade(MARKET))?.data.id).toBe(tradeAt(1).data.id)
  })

  test('connections that are cut while nobody uses them are replaced', async () => {
    const repository = open({ schema: 'cut' })
    await repository.saveTrades([tradeAt(0)])
    await server.run(
      connectionString,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port IS NOT NULL',
    )
    await until(() => openSockets(server.port) === 0)
    expect((await repository.latestTrade(MARKET))?.data.id).toBe(tradeAt(0).data.id)
  })

  test('a wrong password, an unknown host, a port where nobody is: away, with words and without the password', async () => {
    const wrong = new URL(connectionString)
    wrong.password = PASSWORD
    const unknown = new URL(wrong)
    unknown.hostname = 'nosuch.invalid'
    const nobody = new URL(wrong)
    nobody.port = '1'
    const words = [/password authentication failed/, /nosuch\.invalid/, /ECONNREFUSED/]
    for (const [index, url] of [wrong, unknown, nobody].entries()) {
      const repository = open({ connectionString: url.href })
      const error = await failureOf(repository.saveTrades([tradeAt(0)]))
      const { issue } = await repository.healthCheck()
      expect(error.fault).toBe('away')
      expect(error.message).toMatch(words[index]!)
      expect(JSON.stringify([error.message, error.context, error.stack, issue, error.cause, String(error.cause)])).not.toContain(
        PASSWORD,
      )
    }
  })

  test('a statement that waits for a lock is given up, on the server too', async () => {
    const repository = open({ schema: 'locked', statementTimeoutMs: 400 })
    await repository.saveTrades([tradeAt(0)])
    const locked = server.run(connectionString, 'BEGIN; LOCK locked.trades; SELECT pg_sleep(1.5); COMMIT')
    await until(async () => {
      const rows = await server.run(
        connectionString,
        `SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'locked.trades'::regclass`,
      )
      return rows.length > 0
    })
    expect((await failureOf(repository.saveTrades([tradeAt(1)]))).fault).toBe('away')
    await until(async () => {
      const rows = await server.run(
        connectionString,
        `SELECT FROM pg_stat_activity WHERE application_name = 'tapekeeper' AND wait_event_type = 'Lock'`,
      )
      return rows.length === 0
    })
    await locked
    expect(await repository.saveTrades([tradeAt(1)])).toEqual({ inserted: 1, kept: 0, overwritten: 0 })
  })
})

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not come about')
    await pause()
  }
}

/** Connections of this process to that port. */
function openSockets(port: number): number {
  const handles = (
    process as unknown as { _getActiveHandles(): { remotePort?: number; destroyed?: boolean }[] }
  )._getActiveHandles()
  return handles.filter((handle) => handle.remotePort === port && handle.destroyed !== true).length
}
