import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createPostgresRepository, type PostgresRepository } from 'tapekeeper/postgres'
import { createSqliteRepository, type SqliteRepository } from 'tapekeeper/sqlite'
import { startFakeExchange, type FakeExchange } from 'tapekeeper/testing'
import { postgresMissing, startPostgres } from '../../support/postgres.ts'
import { IN_ORDER, pause, Scene, type CollectingProcess, type CollectingSetup } from './collecting-process.ts'
import { expectEveryCandle, expectEveryFill, newestId, spoolBytes, storedFills } from './truth.ts'
import { size } from '../../support/runs.ts'

// The collecting process is killed at random moments, and another one goes on.

const SYMBOLS = ['BTC-USDT', 'ETH-USDT'] as const
const TIMEFRAMES = ['1s', '5s', '1m'] as const
const TRADES_PER_SECOND = 100
/** For a moment, so that rows soon go to the spool. */
const BUSY_TRADES_PER_SECOND = 2_000

const startExchange = (): Promise<FakeExchange> =>
  startFakeExchange({
    instruments: SYMBOLS,
    tradesPerSecond: TRADES_PER_SECOND,
    bookUpdatesPerSecond: 0,
    historyMs: 5_000,
  })

function setPace(fake: FakeExchange, tradesPerSecond: number): void {
  for (const symbol of SYMBOLS) fake.setTradesPerSecond(symbol, tradesPerSecond)
}

const acknowledgedBy = (collecting: CollectingProcess): number => collecting.heard('acknowledged').length

/** After so many batches that were acknowledged, and a little later: in the middle of whatever it does then. */
async function killSometime(collecting: CollectingProcess): Promise<void> {
  const batches = acknowledgedBy(collecting) + 1 + Math.random() * 20
  await collecting.until('rows are acknowledged', () => acknowledgedBy(collecting) >= batches)
  await pause(Math.random() * 300)
  expect(await collecting.kill()).toMatchObject({ signal: 'SIGKILL', stderr: '' })
}

/** Before its first cursor is stored, the next process cannot know that there was one before it. */
const hasBegun = (life: CollectingProcess): Promise<void> =>
  life.until('its first cursors are stored', () =>
    SYMBOLS.every((symbol) => life.heard('cursor').some(([stream]) => stream.includes(symbol))),
  )

type Repository = PostgresRepository | SqliteRepository

/**
 * Lets the market end with a trade that proves that none before it is missing, and the last process end in order, when it has found what
 * any of them has told to be missing: a machine that is slow enough falls behind the exchange.
 */
async function endInOrder(collecting: CollectingProcess, fake: FakeExchange, repository: Repository): Promise<void> {
  setPace(fake, 0)
  for (const symbol of SYMBOLS) fake.trade(symbol)
  const isStored = (symbol: string): boolean =>
    collecting.heard('cursor').some(([stream, id]) => stream.includes(symbol) && id === newestId(fake, symbol))
  await collecting.until('everything is stored', () => SYMBOLS.every(isStored))
  for (const stream of new Set(collecting.heard('cursor').map(([name]) => name)))
    while ((await repository.openGaps(stream)).length > 0) await pause(250)
  expect(await collecting.stop()).toEqual(IN_ORDER)
}

/** Whatever any of them was told to be in safety is stored. */
async function expectAllIsWell(repository: Repository, fake: FakeExchange, lives: readonly CollectingProcess[]): Promise<void> {
  const lost = lives.flatMap((life) => life.heard('gap')).filter(({ reason }) => reason === 'not-stored')
  expect(lost).toEqual([])
  for (const symbol of SYMBOLS) {
    const fills = await expectEveryFill(repository, fake, symbol, newestId(fake, symbol))
    expect(fills).toBeGreaterThan(TRADES_PER_SECOND)
    const stored = new Set(await storedFills(repository, symbol))
    const acknowledged = lives.flatMap((life) =>
      life
        .heard('acknowledged')
        .flat()
        .filter(([of]) => of === symbol),
    )
    expect(acknowledged.filter(([, id]) => !stored.has(id))).toEqual([])
    expect(await expectEveryCandle(repository, fake, symbol, TIMEFRAMES)).toBeGreaterThan(4)
  }
}

describe.concurrent('the process is killed again and again, and nothing is lost or doubled', () => {
  test.skipIf(postgresMissing !== undefined)('with PostgreSQL, once while that is away', async () => {
    await using scene = new Scene()
    const server = await startPostgres()
    await using fake = await startExchange()
    try {
      const [postgres, spool] = [await server.createDatabase(), scene.directory()]
      const setup: CollectingSetup = {
        endpoints: fake.endpoints,
        symbols: SYMBOLS,
        timeframes: TIMEFRAMES,
        postgres,
        spool,
        storage: { batchRows: 50 },
        isOutspoken: true,
      }
      const live = async (): Promise<CollectingProcess> => {
        const life = scene.collect(setup)
        await life.started()
        return life
      }
      for (let i = 0; i < size({ quick: 1, deep: 3 }); i++) {
        const life = await live()
        if (i === 0) await hasBegun(life)
        await killSometime(life)
      }

      const before = await live()
      await before.until('rows are stored', () => acknowledgedBy(before) > 0)
      await server.kill()
      setPace(fake, BUSY_TRADES_PER_SECOND)
      await before.until('rows are in the spool', () => before.heard('spooled').length > 3)
      setPace(fake, TRADES_PER_SECOND)
      await killSometime(before)
      const away = await live()
      await away.until('it finds the spool', () => (away.status?.spooled ?? 0) > 0)
      await killSometime(away)
      await server.restart()
      // While the spool is being emptied, perhaps.
      await killSometime(await live())

      const last = await live()
      const repository = createPostgresRepository({ connectionString: postgres })
      await endInOrder(last, fake, repository)
      expect(spoolBytes(spool)).toBe(0)
      await expectAllIsWell(repository, fake, scene.processes)
      await repository.close()
    } finally {
      await server.stop()
    }
  })

  test('with SQLite', async () => {
    await using scene = new Scene()
    await using fake = await startExchange()
    const directory = scene.directory()
    const setup: CollectingSetup = {
      endpoints: fake.endpoints,
      symbols: SYMBOLS,
      timeframes: TIMEFRAMES,
      sqlite: join(directory, 'market.sqlite'),
      spool: join(directory, 'spool'),
      storage: { batchRows: 50 },
      isOutspoken: true,
    }
    const repository = createSqliteRepository({ file: join(directory, 'market.sqlite') })
    const lives = size({ quick: 3, deep: 4 })
    for (let i = 0; i < lives; i++) {
      const life = scene.collect(setup)
      await life.started()
      if (i === 0) await hasBegun(life)
      if (i < lives - 1) await killSometime(life)
      else await endInOrder(life, fake, repository)
    }
    expect(await repository.healthCheck()).toMatchObject({ isHealthy: true })
    await expectAllIsWell(repository, fake, scene.processes)
    await repository.close()
  })
})
