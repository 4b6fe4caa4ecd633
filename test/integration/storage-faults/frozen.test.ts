import { describe, expect, test } from 'vitest'
import { createPostgresRepository } from 'tapekeeper/postgres'
import { startFakeExchange } from 'tapekeeper/testing'
import { postgresMissing, startPostgres } from '../../support/postgres.ts'
import { IN_ORDER, pause, Scene } from './collecting-process.ts'
import { expectEveryCandle, expectEveryFill, newestId, spoolBytes } from './truth.ts'

const SYMBOL = 'BTC-USDT'
const TIMEFRAMES = ['1s', '5s'] as const
const STATEMENT_TIMEOUT_MS = 1_000
const FROZEN_MS = 5_000

describe.skipIf(postgresMissing !== undefined)('a PostgreSQL that stands still', () => {
  test('for longer than a statement may take, again and again: nothing is lost or doubled', async () => {
    await using scene = new Scene()
    const server = await startPostgres()
    await using fake = await startFakeExchange({
      instruments: [SYMBOL],
      tradesPerSecond: 500,
      bookUpdatesPerSecond: 0,
      historyMs: 5_000,
    })
    try {
      const [postgres, spool] = [await server.createDatabase(), scene.directory()]
      const collecting = scene.collect({
        endpoints: fake.endpoints,
        symbols: [SYMBOL],
        timeframes: TIMEFRAMES,
        tradeChannel: 'trades-all',
        postgres,
        spool,
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        storage: { maxQueuedRows: 2_000 },
      })
      const rounds = 2
      for (let round = 1; round <= rounds; round++) {
        const { delivered = 0 } = collecting.status ?? {}
        await collecting.until('rows are stored', () => (collecting.status?.delivered ?? 0) > delivered + 500)
        server.freeze()
        await collecting.until('it is away', () => collecting.status?.state === 'away')
        await collecting.until('rows are in the spool', () => (collecting.status?.spooled ?? 0) > 0)
        await pause(FROZEN_MS)
        server.thaw()
        await collecting.until('it works again', () => collecting.status?.state === 'working')
        expect(collecting.heard('error').map(({ code }) => code)).toEqual(Array.from({ length: round }, () => 'DATABASE_FAILED'))
      }
      fake.setTradesPerSecond(SYMBOL, 0)
      fake.trade(SYMBOL)
      await collecting.until('nothing waits', () => collecting.status?.queued === 0 && collecting.status.spooled === 0)
      expect(await collecting.stop()).toEqual(IN_ORDER)
      expect(collecting.heard('gap')).toEqual([])
      expect(spoolBytes(spool)).toBe(0)
      const repository = createPostgresRepository({ connectionString: postgres })
      expect(await expectEveryFill(repository, fake, SYMBOL, newestId(fake, SYMBOL))).toBeGreaterThan(500 * rounds)
      expect(await expectEveryCandle(repository, fake, SYMBOL, TIMEFRAMES)).toBeGreaterThan(5)
      await repository.close()
    } finally {
      server.thaw()
      await server.stop()
    }
  })
})
