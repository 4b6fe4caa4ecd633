import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Decimal, decimalString } from '../../../src/domain/decimal.ts'
import { createPostgresRepository, type PostgresRepository } from '../../../src/storage/postgres/create-postgres-repository.ts'
import { gapAt } from '../../../src/testing/repository-contract/gap-tests.ts'
import { candleAt, frameAt, many, MARKET, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { postgresMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts'
import { timescaleStub } from './timescale-stub.ts'

describe.skipIf(postgresMissing !== undefined)('the PostgreSQL repository', () => {
  let server: TestPostgres
  beforeAll(async () => {
    server = await startPostgres({ extensions: timescaleStub })
  })
  afterAll(() => server.stop())

  test('five processes that start at once make the tables once', async () => {
    const connectionString = await server.createDatabase()
    const repositories = many(5, () => createPostgresRepository({ connectionString, maxConnections: 1 }))
    const results = await Promise.all(repositories.map((repository) => repository.saveTrades([tradeAt(0)])))
    expect(results.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(1)
    await Promise.all(repositories.map((repository) => repository.close()))
    const steps = await server.run(connectionString, 'SELECT name FROM tapekeeper.tapekeeper_migrations ORDER BY name')
    expect(new Set(steps.map(({ name }) => name)).size).toBe(steps.length)
  })

  test('tables of the version before, which knew no gaps, get that of the gaps and keep everything', async () => {
    const connectionString = await server.createDatabase()
    const first = createPostgresRepository({ connectionString })
    await first.saveTrades([tradeAt(0)])
    await first.close()
    await server.run(connectionString, 'DROP TABLE tapekeeper.tape_gaps')
    await server.run(connectionString, `DELETE FROM tapekeeper.tapekeeper_migrations WHERE name = '0002_gaps'`)
    const repositories = many(3, () => createPostgresRepository({ connectionString }))
    await Promise.all(repositories.map((repository) => repository.saveGaps([gapAt(0)])))
    expect(await repositories[0]?.openGaps(gapAt(0).stream)).toEqual([gapAt(0)])
    expect((await repositories[0]?.statistics())?.rows).toMatchObject({ trades: 1, gaps: 1 })
    await Promise.all(repositories.map((repository) => repository.close()))
  })

  test('tables of a later version are left alone, with words', async () => {
    const connectionString = await server.createDatabase()
    const early = createPostgresRepository({ connectionString })
    await early.statistics()
    await server.run(connectionString, `INSERT INTO tapekeeper.tapekeeper_migrations (name) VALUES ('9999_much_later')`)
    const repository = createPostgresRepository({ connectionString })
    await expect(repository.saveTrades([tradeAt(0)])).rejects.toThrow('later version of tapekeeper (9999_much_later)')
    expect((await repository.healthCheck()).isHealthy).toBe(false)
    await Promise.all([early.close(), repository.close()])
  })

  test('tables that were dropped while it runs are made again', async () => {
    const connectionString = await server.createDatabase()
    const repository = createPostgresRepository({ connectionString })
    await repository.saveTrades([tradeAt(0)])
    await server.run(connectionString, 'DROP SCHEMA tapekeeper CASCADE')
    await expect(repository.saveTrades([tradeAt(0)])).rejects.toMatchObject({ fault: 'away' })
    expect((await repository.saveTrades([tradeAt(0)])).inserted).toBe(1)
    await repository.close()
  })

  test('a role that may make nothing: works in a schema that is there, says what it lacks in one that is not', async () => {
    const connectionString = await server.createDatabase()
    const owner = createPostgresRepository({ connectionString })
    await owner.statistics()
    await server.run(
      connectionString,
      `CREATE ROLE clerk LOGIN PASSWORD 'clerk-s3cret';
       GRANT USAGE ON SCHEMA tapekeeper TO clerk; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA tapekeeper TO clerk;
       CREATE SCHEMA empty AUTHORIZATION clerk`,
    )
    const url = new URL(connectionString)
    url.username = 'clerk'
    url.password = 'clerk-s3cret'
    const inTables = createPostgresRepository({ connectionString: url.href })
    expect((await inTables.saveTrades([tradeAt(0)])).inserted).toBe(1)
    expect((await inTables.saveCandles([candleAt(0)])).inserted).toBe(1)
    const inEmpty = createPostgresRepository({ connectionString: url.href, schema: 'empty' })
    expect((await inEmpty.saveTrades([tradeAt(0)])).inserted).toBe(1)
    const inNone = createPostgresRepository({ connectionString: url.href, schema: 'none' })
    await expect(inNone.saveTrades([tradeAt(0)])).rejects.toMatchObject({
      fault: 'away',
      message: expect.stringContaining('permission denied') as string,
    })
    await Promise.all([owner, inTables, inEmpty, inNone].map((repository) => repository.close()))
  })

  test('a pool of the host is used, survives cut connections, and stays open', async () => {
    const connectionString = await server.createDatabase()
    const pool = new pg.Pool({ connectionString, max: 2 })
    const repository = createPostgresRepository({ pool })
    await repository.saveTrades([tradeAt(0)])
    await server.run(
      connectionString,
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND client_port IS NOT NULL',
    )
    await expect.poll(() => pool.totalCount).toBe(0)
    expect((await repository.latestTrade(MARKET))?.data.id).toBe(tradeAt(0).data.id)
    await repository.close()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect([pool.idleCount, pool.totalCount, pool.listenerCount('error')]).toEqual([1, 1, 0])
    await pool.end()
  })

  test('breaking off a loop gives its connection back', async () => {
    const repository = createPostgresRepository({ connectionString: await server.createDatabase(), maxConnections: 1 })
    await repository.saveTrades(many(2_500, (index) => tradeAt(index)))
    for await (const trade of repository.trades(MARKET)) if (trade.data.id === '2600') break
    expect((await repository.latestTrade(MARKET))?.data.id).toBe('3499')
    await repository.close()
  })

  test('writers with the same rows in other orders neither wait in a circle nor count a row twice', async () => {
    const connectionString = await server.createDatabase()
    const writers = many(3, () => createPostgresRepository({ connectionString }))
    const totals = { trades: 0, inserted: 0, overwritten: 0 }
    const rows = many(300, (index) => index)
    const write = async (repository: PostgresRepository, writer: number): Promise<void> => {
      for (let round = 0; round < 8; round++) {
        const order = writer % 2 === 0 ? rows : rows.toReversed()
        const { inserted } = await repository.saveTrades(order.map((index) => tradeAt(index)))
        totals.trades += inserted
        // Each differs from every other, and a revision overwrites whatever is there.
        const revision = (index: number) =>
          candleAt(index, { status: 'revised', volume: new Decimal(`${writer + 1}.${round + 1}${index}`) })
        const result = await repository.saveCandles(order.map(revision))
        totals.inserted += result.inserted
        totals.overwritten += result.overwritten
      }
    }
    await Promise.all(writers.map(write))
    expect(totals).toEqual({ trades: 300, inserted: 300, overwritten: 3 * 8 * 300 - 300 })
    await Promise.all(writers.map((repository) => repository.close()))
  })

  test('what people see with their own tools: numbers, times, text', async () => {
    const connectionString = await server.createDatabase()
    const repository = createPostgresRepository({ connectionString, schema: 'Markt_daten' })
    const price = decimalString('0.100000000000000000')
    await repository.saveTrades([{ ...tradeAt(0, MARKET, { price }), timestamp: tradeAt(0).timestamp + 0.123 }])
    await repository.saveFrames([frameAt(0), frameAt(1, { text: 'a\0ä' })])
    const trades = await server.run(
      connectionString,
      'SELECT price::text, price * 3 = 0.3 AS exact, timestamp::text FROM "Markt_daten".trades',
    )
    expect(trades).toEqual([{ price, exact: true, timestamp: '2026-11-22 00:00:00.000123+00' }])
    const frames = await server.run(
      connectionString,
      'SELECT text IS NULL AS bytes, text::jsonb IS NOT NULL AS json FROM "Markt_daten".raw_frames ORDER BY received_at',
    )
    expect(frames).toEqual([
      { bytes: false, json: true },
      { bytes: true, json: false },
    ])
    await repository.close()
  })

  test('large tables are estimated', async () => {
    const connectionString = await server.createDatabase()
    const repository = createPostgresRepository({ connectionString })
    await repository.saveTrades([tradeAt(0)])
    await server.run(
      connectionString,
      `INSERT INTO tapekeeper.trades SELECT 'acme', 'BTC-USDT', n::text, length(n::text), now(), now(), 1, 1, 'buy', 1, false
       FROM generate_series(100001, 220000) AS n`,
    )
    const { rows, isEstimate, bytes = 0 } = await repository.statistics()
    expect(isEstimate).toBe(true)
    expect(rows.trades).toBeGreaterThan(100_000)
    expect(rows.trades).toBeLessThan(250_000)
    expect(bytes).toBeGreaterThan(10_000_000)
    await repository.close()
  })

  describe('with TimescaleDB', () => {
    const inTimescale = async (): Promise<string> => {
      const connectionString = await server.createDatabase()
      await server.run(connectionString, 'CREATE SCHEMA "a b"; CREATE EXTENSION timescaledb SCHEMA public')
      return connectionString
    }

    test('three tables become hypertables, by their time', async () => {
      const connectionString = await inTimescale()
      const repository = createPostgresRepository({ connectionString })
      await repository.statistics()
      const calls = await server.run(
        connectionString,
        'SELECT relation::text, time_column, chunk::text FROM hypertable_calls ORDER BY 1',
      )
      expect(calls).toEqual([
        { relation: 'tapekeeper.market_data', time_column: 'open_time', chunk: '30 days' },
        { relation: 'tapekeeper.raw_frames', time_column: 'received_at', chunk: '1 day' },
        { relation: 'tapekeeper.trades', time_column: 'timestamp', chunk: '1 day' },
      ])
      await repository.close()
    })

    test('a trade told with two times is one, also by two writers at once; a day later its id is another', async () => {
      const connectionString = await inTimescale()
      const [one, two] = [createPostgresRepository({ connectionString }), createPostgresRepository({ connectionString })]
      const live = many(200, (index) => ({ ...tradeAt(index), timestamp: tradeAt(index).timestamp + 0.456 }))
      const rest = many(200, (index) => tradeAt(index))
      const results = await Promise.all([one.saveTrades(live), two.saveTrades(rest), one.saveTrades([...rest, ...live])])
      expect(results.reduce((sum, { inserted }) => sum + inserted, 0)).toBe(200)
      expect((await one.saveTrades([{ ...tradeAt(0), timestamp: tradeAt(0).timestamp + 86_400_001 }])).inserted).toBe(1)
      await Promise.all([one.close(), two.close()])
    })

    test('it is left alone when told so', async () => {
      const connectionString = await inTimescale()
      const repository = createPostgresRepository({ connectionString, timescale: false })
      await repository.statistics()
      expect(await server.run(connectionString, 'SELECT FROM hypertable_calls')).toEqual([])
      await repository.close()
    })
  })
})
