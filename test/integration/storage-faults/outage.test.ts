import { describe, expect, test } from 'vitest'
import { createPostgresRepository } from 'tapekeeper/postgres'
import { startFakeExchange } from 'tapekeeper/testing'
import { postgresMissing, startPostgres } from '../../support/postgres.ts'
import { IN_ORDER, pause, Scene } from './collecting-process.ts'
import { expectEveryCandle, expectEveryFill, newestId, spoolBytes } from './truth.ts'
import { size } from '../../support/runs.ts'

// A real server, real processes, real time. What is asserted is what is stored, never how fast.

const SYMBOL = 'BTC-USDT'
const TIMEFRAMES = ['1s', '5s', '1m'] as const
const TRADES_PER_SECOND = 2_000
/** As objects, a third of what comes during the outage; what is held in memory is a tenth. */
const HEAP_MB = 128

const outageMs = size({ quick: 5, deep: 60 }) * 1_000

describe.skipIf(postgresMissing !== undefined)('under 2,000 trades a second', () => {
  test(`PostgreSQL is killed and away for ${outageMs / 1_000} s: every trade and candle is there, once`, async () => {
    await using scene = new Scene()
    const server = await startPostgres()
    await using fake = await startFakeExchange({
      instruments: [SYMBOL],
      tradesPerSecond: TRADES_PER_SECOND,
      bookUpdatesPerSecond: 0,
      historyMs: 5_000,
      historyLimit: 2_000_000,
    })
    try {
      const postgres = await server.createDatabase()
      const spool = scene.directory()
      const collecting = scene.collect(
        { endpoints: fake.endpoints, symbols: [SYMBOL], timeframes: TIMEFRAMES, tradeChannel: 'trades-all', postgres, spool },
        { heapMb: HEAP_MB },
      )
      await collecting.until('rows are stored', () => (collecting.status?.delivered ?? 0) > 2 * TRADES_PER_SECOND)
      await server.kill()
      await collecting.until('it is away', () => collecting.status?.state === 'away')
      await pause(outageMs)
      // When it spills depends on the machine; that it does, and holds half of what came, does not.
      const half = (outageMs / 1_000) * TRADES_PER_SECOND * 0.5
      await collecting.until('half of it is in the spool', () => (collecting.status?.spooled ?? 0) > half)
      await server.restart()
      await collecting.until('the spool is drained', () => collecting.status?.state === 'working')

      fake.setTradesPerSecond(SYMBOL, 0)
      // Two frames apart, so that the last one proves that none before it is missing.
      fake.trade(SYMBOL)
      await collecting.until('nothing waits', () => collecting.status?.queued === 0 && collecting.status.spooled === 0)
      expect(await collecting.stop()).toEqual(IN_ORDER)

      const statuses = collecting.heard('status')
      expect(statuses.filter(({ queued, maxQueued }) => queued > maxQueued)).toEqual([])
      expect(statuses.at(-1)).toMatchObject({ lost: 0, rejected: 0, spooled: 0 })
      expect(collecting.heard('error').map(({ code }) => code)).toEqual(['DATABASE_FAILED'])
      expect(collecting.heard('gap')).toEqual([])
      expect(spoolBytes(spool)).toBe(0)

      const repository = createPostgresRepository({ connectionString: postgres })
      const fills = await expectEveryFill(repository, fake, SYMBOL, newestId(fake, SYMBOL))
      expect(fills).toBeGreaterThan((outageMs / 1_000) * TRADES_PER_SECOND * 0.8)
      expect(await expectEveryCandle(repository, fake, SYMBOL, TIMEFRAMES)).toBeGreaterThan(outageMs / 1_000)
      await repository.close()
      const [counts] = await server.run(
        postgres,
        'SELECT count(*)::int AS rows, count(DISTINCT trade_id)::int AS ids FROM tapekeeper.trades',
      )
      expect(counts).toEqual({ rows: fills, ids: fills })
      const peak = Math.max(...statuses.map(({ heapBytes }) => heapBytes))
      console.info(`outage: ${fills} fills, heap at most ${(peak / 2 ** 20).toFixed(0)} MiB`)
    } finally {
      await server.stop()
    }
  })
})
