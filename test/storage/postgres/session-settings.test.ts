import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPostgresRepository, type PostgresRepository } from '../../../src/storage/postgres/create-postgres-repository.ts'
import type { PostgresPool } from '../../../src/storage/postgres/postgres-pool.ts'
import { gapAt } from '../../../src/testing/repository-contract/gap-tests.ts'
import { candleAt, frameAt, MARKET, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { postgresMissing, startPostgres, type TestPostgres } from '../../support/postgres.ts'

const SETTINGS: readonly (readonly [name: string, value: string])[] = [
  ['DateStyle', 'ISO, DMY'],
  ['DateStyle', 'SQL, DMY'],
  ['DateStyle', 'SQL, MDY'],
  ['DateStyle', 'Postgres, DMY'],
  ['DateStyle', 'German'],
  ['bytea_output', 'escape'],
  ['IntervalStyle', 'sql_standard'],
  ['TimeZone', 'Asia/Kathmandu'],
  ['TimeZone', 'Africa/Monrovia'],
  ['extra_float_digits', '-15'],
  ['standard_conforming_strings', 'off'],
  ['search_path', ''],
  ['default_transaction_isolation', 'serializable'],
  ['default_transaction_read_only', 'on'],
  ['default_transaction_deferrable', 'on'],
  ['statement_timeout', '1'],
  ['lock_timeout', '1'],
  ['idle_in_transaction_session_timeout', '1'],
  ['array_nulls', 'off'],
  ['transform_null_equals', 'on'],
  ['client_encoding', 'LATIN1'],
  ['lc_messages', 'C'],
  ['lc_numeric', 'C'],
  ['quote_all_identifiers', 'on'],
  ['enable_indexscan', 'off'],
]

const rowsOf = async <Row>(rows: AsyncIterable<Row>): Promise<readonly Row[]> => {
  const all: Row[] = []
  for await (const row of rows) all.push(row)
  return all
}

/** Every kind is written, written again and read back. */
async function expectExact(repository: PostgresRepository): Promise<void> {
  const trades = [tradeAt(0), { ...tradeAt(1), timestamp: tradeAt(1).timestamp + 0.123 }]
  const frames = [
    { ...frameAt(0), text: 'plain \\ "ü" 中' },
    { ...frameAt(1), text: 'with \u0000 and \\ and ü 中' },
  ]
  const candles = [candleAt(0), { ...candleAt(1), quoteVolume: undefined, tradesCount: undefined, incompleteReason: undefined }]
  expect(await repository.saveTrades(trades)).toMatchObject({ inserted: 2 })
  expect(await repository.saveTrades(trades)).toMatchObject({ kept: 2 })
  expect(await rowsOf(repository.trades(MARKET))).toEqual(trades)
  await repository.saveFrames(frames)
  expect(await rowsOf(repository.frames(MARKET))).toEqual(frames)
  expect(await repository.saveCandles(candles)).toMatchObject({ inserted: 2 })
  expect(await repository.saveCandles(candles)).toMatchObject({ kept: 2 })
  expect(await rowsOf(repository.candles({ ...MARKET, timeframe: candles[0]!.timeframe }))).toEqual(candles)
  const cursor = { id: '5', timestamp: 1_700_000_000_001.25, state: 'ü \\ 中' }
  await repository.cursor('s').save(cursor)
  expect(await repository.cursor('s').load()).toEqual(cursor)
  await repository.saveGaps([gapAt(0)])
  expect(await repository.openGaps(gapAt(0).stream)).toEqual([gapAt(0)])
  expect((await repository.statistics()).rows).toMatchObject({ trades: 2, frames: 2, candles: 2, cursors: 1, gaps: 1 })
  expect(await repository.healthCheck()).toMatchObject({ isHealthy: true })
}

describe.skipIf(postgresMissing !== undefined)('whatever a session has set', () => {
  let server: TestPostgres
  let connectionString: string
  beforeAll(async () => {
    server = await startPostgres()
    connectionString = await server.createDatabase()
  })
  afterAll(() => server.stop())

  test('what is written is read back: set for the database', async () => {
    for (const [index, [name, value]] of SETTINGS.entries()) {
      const database = new URL(connectionString).pathname.slice(1)
      await server.run(connectionString, `ALTER DATABASE ${database} SET ${name} = '${value}'`)
      const repository = createPostgresRepository({ connectionString, schema: `by_database_${index}` })
      await expectExact(repository).catch((cause: unknown) => {
        throw new Error(`${name} = ${value}: ${String(cause)}`, { cause })
      })
      await repository.close()
      await server.run(connectionString.replace(/[^/]*$/, 'postgres'), `ALTER DATABASE ${database} RESET ALL`)
    }
  })

  test('… and by a host for its own pool, which keeps its settings and its parsers', async () => {
    const { TIMESTAMPTZ, INT8, BOOL, NUMERIC } = pg.types.builtins
    const before = [TIMESTAMPTZ, INT8, BOOL, NUMERIC].map(
      (oid) => [oid, pg.types.getTypeParser(oid) as (text: string) => unknown] as const,
    )
    const pool = new pg.Pool({ connectionString, max: 2 })
    try {
      for (const [oid] of before) pg.types.setTypeParser(oid, () => 'the host’s own')
      pool.on('connect', (client) => {
        const settings = SETTINGS.filter(([name]) => !name.includes('timeout')).map(([name, value]) => `SET ${name} = '${value}'`)
        void client.query(settings.join('; '))
      })
      const repository = createPostgresRepository({ pool: pool as unknown as PostgresPool, schema: 'by_host' })
      await expectExact(repository)
      await repository.close()
      const { rows } = await pool.query<Record<string, string>>('SHOW DateStyle')
      expect(Object.values(rows[0]!)).toEqual(['German, DMY'])
    } finally {
      for (const [oid, parse] of before) pg.types.setTypeParser(oid, parse)
      await pool.end()
    }
  })

  test.each(['our own pool', "a host's pool"])(
    'a statement that is given up does not live on at the server (%s)',
    async (whose) => {
      const schema = whose === 'our own pool' ? 'locked_own' : 'locked_host'
      const pool = whose === 'our own pool' ? undefined : new pg.Pool({ connectionString, max: 3 })
      const address = pool === undefined ? { connectionString } : { pool: pool as unknown as PostgresPool }
      const repository = createPostgresRepository({ ...address, schema, statementTimeoutMs: 200 })
      await repository.saveTrades([tradeAt(0)])
      const locker = new pg.Client({ connectionString })
      await locker.connect()
      await locker.query(`BEGIN; LOCK TABLE ${schema}.trades IN ACCESS EXCLUSIVE MODE`)
      const waiting = async (): Promise<unknown> =>
        (
          await server.run(connectionString, `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
        )[0]?.['n']
      for (let i = 0; i < 5; i++) {
        const writes = [repository.saveTrades([tradeAt(1)]), rowsOf(repository.trades(MARKET))]
        for (const result of await Promise.allSettled(writes)) {
          expect(result).toMatchObject({ status: 'rejected', reason: { fault: 'away' } })
          expect(String((result as PromiseRejectedResult).reason)).toContain('statement timeout')
        }
        // The other tables are not locked.
        expect(await repository.saveCandles([candleAt(i)])).toMatchObject({ inserted: 1 })
      }
      expect(await waiting()).toBe(0)
      await locker.query('COMMIT')
      await locker.end()
      expect(await repository.saveTrades([tradeAt(1), tradeAt(2)])).toMatchObject({ inserted: 2 })
      await repository.close()
      await pool?.end()
    },
  )
})
