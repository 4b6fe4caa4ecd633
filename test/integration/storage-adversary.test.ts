import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  aggregateTrades,
  CollectorManager,
  createMemoryRepository,
  createOkxCollector,
  DatabaseOperationError,
  silentLogger,
  type Clock,
  type MemoryRepository,
  type OkxCollector,
  type OkxCollectorConfig,
  type PointOf,
  type Repositories,
  type TapekeeperError,
} from 'tapekeeper'
import { createVirtualExchange, type VirtualExchange } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'

// What a hostile user does to collectors and managers with repositories, in virtual time.

const BTC = 'BTC-USDT'
const ETH = 'ETH-USDT'

let fake: VirtualExchange
beforeEach(() => {
  fake = createVirtualExchange({
    seed: 9,
    instruments: [BTC, ETH],
    tradesPerSecond: 5,
    bookUpdatesPerSecond: 0,
    historyMs: 5_000,
  })
})
afterEach(async () => {
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})

const later = <T>(promise: Promise<T>, limitMs?: number): Promise<T> => inVirtualTime(fake.clock, promise, limitMs)

const collect = (config: Partial<OkxCollectorConfig> = {}): OkxCollector =>
  createOkxCollector({
    symbol: BTC,
    dataTypes: ['trade', 'candle'],
    candles: { timeframes: ['1s', '1m'] },
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    ...config,
  })

const both = (repository: MemoryRepository): Repositories => ({ marketData: repository, rawTrades: repository })

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

const fillsOf = (trades: readonly PointOf<'trade'>[]): number[] =>
  trades.flatMap(({ data: { id, count = 1 } }) => Array.from({ length: count }, (_, i) => Number(id) - count + 1 + i))

const storedFills = async (repository: MemoryRepository, symbol = BTC): Promise<number[]> =>
  fillsOf(await all(repository.trades({ exchange: 'okx', symbol })))

/** The same repository, some of its methods replaced. */
const altered = (repository: MemoryRepository, changes: Partial<MemoryRepository>): MemoryRepository =>
  new Proxy(repository, {
    get(target, key) {
      const value: unknown = Reflect.get(changes, key) ?? Reflect.get(target, key)
      return typeof value === 'function' ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value
    },
  })

/** A maker of repositories that answers when it is told to. */
function slowMaker() {
  const made: { readonly repository: MemoryRepository; closed: number }[] = []
  const waiting: (() => void)[] = []
  return {
    made,
    answer: () => waiting.shift()?.(),
    make: () =>
      new Promise<Repositories>((resolve) => {
        waiting.push(() => {
          const repository = createMemoryRepository()
          const entry = { repository, closed: 0 }
          made.push(entry)
          const close = () => {
            entry.closed++
            return Promise.resolve()
          }
          resolve(both(altered(repository, { close })))
        })
      }),
  }
}

describe('a maker that is slow while the stop arrives', () => {
  test('what a collector’s maker makes late is closed', async () => {
    const { made, answer, make } = slowMaker()
    const collector = collect({ repositories: make })
    const starting = collector.start()
    await fake.clock.advance(100)
    await later(collector.stop())
    expect(await later(starting)).toBe(false)
    expect(collector.status).toBe('stopped')
    answer()
    await fake.clock.advance(1_000)
    expect(made.map(({ closed }) => closed)).toEqual([1])
    expect(collector.getStatus().sinks).toEqual([])
  })

  test('a start behind it has sinks of its own, and each row goes one way', async () => {
    const { made, answer, make } = slowMaker()
    const collector = collect({ repositories: make })
    void collector.start()
    await fake.clock.advance(100)
    await later(collector.stop())
    const starting = collector.start()
    await fake.clock.advance(100)
    answer()
    answer()
    expect(await later(starting)).toBe(true)
    await fake.clock.advance(10_000)
    await later(collector.stop())
    expect(made.map(({ closed }) => closed)).toEqual([1, 1])
    const rows = await Promise.all(made.map(async ({ repository }) => (await storedFills(repository)).length))
    expect(rows.filter((count) => count > 0)).toHaveLength(1)
  })

  test('what a manager’s maker makes late is closed; a start behind it has its own', async () => {
    const { made, answer, make } = slowMaker()
    const manager = new CollectorManager({ repositories: make, logger: silentLogger, ports: fake.ports })
    manager.addCollector(collect())
    const first = manager.start()
    await fake.clock.advance(100)
    await later(manager.stop())
    const second = manager.start()
    await fake.clock.advance(100)
    answer()
    await fake.clock.advance(100)
    // The second one is still being made: nobody may be started by the first.
    expect(manager.getRunningCollectors()).toEqual([])
    manager.addCollector(collect({ symbol: ETH }))
    await fake.clock.advance(1_000)
    expect(manager.getRunningCollectors()).toEqual([])
    answer()
    expect(await later(second)).toBe(true)
    expect(await later(first)).toBe(false)
    await fake.clock.advance(10_000)
    await later(manager.stop())
    expect(made.map(({ closed }) => closed)).toEqual([1, 1])
  })
})

test('a maker that never answers: the start ends with the stop', async () => {
  const never = (): Promise<Repositories> => new Promise(() => undefined)
  const manager = new CollectorManager({ repositories: never, logger: silentLogger, ports: fake.ports })
  const errors: TapekeeperError[] = []
  manager.on('error', (error) => errors.push(error))
  manager.addCollector(collect(), { name: 'one' })
  const starting = manager.start()
  const enabling = manager.enableCollector('one')
  await fake.clock.advance(100)
  await later(manager.stop())
  expect(await Promise.all([starting, enabling])).toEqual([false, true])
  expect(errors).toEqual([])
  const collector = collect({ repositories: never })
  const alone = collector.start()
  await fake.clock.advance(100)
  await later(collector.stop())
  expect(await alone).toBe(false)
  expect(collector.getStatus().statistics.errors).toBe(0)
})

describe('members of a manager with repositories', () => {
  test('a collector that is added again while it is leaving is stored', async () => {
    const repository = createMemoryRepository()
    const manager = new CollectorManager({ repositories: both(repository), logger: silentLogger, ports: fake.ports })
    const collector = collect()
    manager.addCollector(collector, { name: 'one' })
    await later(manager.start())
    await fake.clock.advance(2_000)
    const removing = manager.removeCollector('one')
    manager.addCollector(collector, { name: 'again' })
    await later(removing)
    await fake.clock.advance(5_000)
    expect(manager.getRunningCollectors()).toEqual(['again'])
    const before = (await storedFills(repository)).length
    await fake.clock.advance(10_000)
    expect((await storedFills(repository)).length).toBeGreaterThan(before)
    await later(manager.stop())
  })

  test.each(['enableCollector', 'restartCollector', 'restartAllCollectors'] as const)(
    '%s while the repositories are being made: the collector waits for them',
    async (how) => {
      const { answer, make, made } = slowMaker()
      const manager = new CollectorManager({ repositories: make, logger: silentLogger, ports: fake.ports })
      manager.addCollector(collect(), { name: 'one', enabled: how !== 'enableCollector' })
      const starting = manager.start()
      await fake.clock.advance(100)
      const done = manager[how]('one') as Promise<unknown>
      await fake.clock.advance(5_000)
      expect(manager.getRunningCollectors()).toEqual([])
      answer()
      await later(done)
      expect(await later(starting)).toBe(true)
      await fake.clock.advance(5_000)
      expect(manager.getRunningCollectors()).toEqual(['one'])
      await later(manager.stop())
      expect((await made[0]?.repository.statistics())?.rows).toMatchObject({ cursors: 1 })
    },
  )

  test('stopped and started again, a collector does not hurry the manager’s writer for ever', async () => {
    const inner = createMemoryRepository()
    let writes = 0
    const repository = altered(inner, { saveTrades: (rows) => (writes++, inner.saveTrades(rows)) })
    const manager = new CollectorManager({
      repositories: both(repository),
      storage: { maxDelayMs: 20_000 },
      logger: silentLogger,
      ports: fake.ports,
    })
    const collector = collect()
    manager.addCollector(collector, { name: 'one' })
    await later(manager.start())
    await later(manager.disableCollector('one'))
    await later(manager.enableCollector('one'))
    writes = 0
    await fake.clock.advance(19_000)
    expect(writes).toBeLessThanOrEqual(1)
    await later(manager.stop())
  })
})

describe('cursors', () => {
  const cursorOf = (repository: MemoryRepository) => repository.cursor('okx trades:BTC-USDT').load()

  test('of two repositories, one comes back only for the stop: the cursor is stored behind the last trade', async () => {
    const [marketData, rawTrades] = [createMemoryRepository(), createMemoryRepository()]
    let isAway = true
    const away = new DatabaseOperationError('no answer', { operation: 'save', table: 'rows', fault: 'away' })
    const fickle = altered(rawTrades, {
      saveTrades: (rows) => (isAway ? Promise.reject(away) : rawTrades.saveTrades(rows)),
    })
    const slow = altered(marketData, {
      saveCandles: async (rows) => {
        await new Promise<void>((resolve) => fake.clock.after(900, resolve))
        return marketData.saveCandles(rows)
      },
    })
    const collector = collect({ repositories: { marketData: slow, rawTrades: fickle } })
    collector.on('error', () => undefined)
    await later(collector.start())
    await fake.clock.advance(20_000)
    const stopping = collector.stop()
    await fake.clock.advance(6_000)
    isAway = false
    await later(stopping)
    expect((await cursorOf(rawTrades))?.id).toBe(String((await storedFills(rawTrades)).at(-1)))
  })

  test('the first one is stored with the first trades', async () => {
    const repository = createMemoryRepository()
    const collector = collect({ repositories: both(repository) })
    await later(collector.start())
    for (let passed = 0; (await storedFills(repository)).length === 0 && passed < 10_000; passed += 10)
      await fake.clock.advance(10)
    expect(await cursorOf(repository)).toBeDefined()
    await later(collector.stop())
  })
})

describe('candles after a restart', () => {
  /** Every stored candle that says so is complete. */
  async function expectTrue(repository: MemoryRepository): Promise<void> {
    const trades = fake.trades(BTC).map(({ id, price, size, side, timestamp }) => ({ id, price, size, side, timestamp }))
    const options = { exchange: 'okx', symbol: BTC, timeframes: ['1s', '1m'] } as const
    const truth = new Map<string, string>()
    for await (const candle of aggregateTrades(trades, options))
      truth.set(`${candle.timeframe} ${candle.openTime}`, JSON.stringify(candle))
    for (const timeframe of options.timeframes)
      for (const candle of await all(repository.candles({ exchange: 'okx', symbol: BTC, timeframe })))
        if (candle.complete)
          expect(JSON.stringify({ ...candle, status: 'closed' })).toBe(truth.get(`${timeframe} ${candle.openTime}`))
  }

  async function run(repository: MemoryRepository, ms: number, config: Partial<OkxCollectorConfig> = {}): Promise<void> {
    const collector = collect({ repositories: both(repository), ...config })
    expect(await later(collector.start())).toBe(true)
    await fake.clock.advance(ms)
    await later(collector.stop())
  }

  test.each(['{}', '[]', '1', '"text"', '{"since":0}', '{"since":0,"snapshot":null}', 'no json', ''])(
    'a state that is none, %s: they begin anew, and none claims to be complete falsely',
    async (state) => {
      const repository = createMemoryRepository()
      await run(repository, 70_000)
      const stored = repository.cursor('okx trades:BTC-USDT')
      const cursor = await stored.load()
      await stored.save({ id: '', timestamp: 0, ...cursor, state })
      await run(repository, 70_000)
      await expectTrue(repository)
    },
  )

  test('our clock is fast, and a crash comes between the close of a candle and its last trades', async () => {
    const repository = createMemoryRepository()
    const clock: Clock = { ...fake.clock, now: () => fake.clock.now() + 2_500 }
    for (let life = 0; life < 20; life++) {
      let isDead = false
      const unlessDead = <T>(call: () => Promise<T>): Promise<T> => (isDead ? new Promise(() => undefined) : call())
      const mortal = altered(repository, {
        saveTrades: (rows) => unlessDead(() => repository.saveTrades(rows)),
        saveCandles: (rows) => unlessDead(() => repository.saveCandles(rows)),
        cursor: (stream) => {
          const cursor = repository.cursor(stream)
          return { load: () => cursor.load(), save: (row) => unlessDead(() => cursor.save(row)) }
        },
      })
      const collector = collect({ repositories: both(mortal), ports: { ...fake.ports, clock } })
      collector.on('error', () => undefined)
      expect(await later(collector.start())).toBe(true)
      await fake.clock.advance(4_000 + life * 110)
      isDead = true
      await later(collector.stop(true))
      await fake.clock.advance(5_000)
    }
    await run(repository, 10_000)
    await expectTrue(repository)
  })
})
