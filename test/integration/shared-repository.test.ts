import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  createMemoryCursorStore,
  createMemoryRepository,
  type CursorStore,
  type PointOf,
  type RawTradeRepository,
} from 'tapekeeper'
import { createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { createSqliteRepository } from '../../src/storage/sqlite/create-sqlite-repository.ts'
import { eachSeed } from '../support/runs.ts'
import { inVirtualTime } from '../support/virtual-time.ts'
import { CollectingProcess, fillsOf, type RestMood } from './shared-repository.ts'

// Several processes, one repository: whoever dies or goes on, what the exchange traded is stored in the end.

const BTC = 'BTC-USDT'
const STREAM = `okx trades:${BTC}`
const MARKET = { exchange: 'okx', symbol: BTC }

const cleanUps: (() => void)[] = []
afterEach(() => cleanUps.splice(0).forEach((cleanUp) => cleanUp()))

interface Database {
  readonly name: string
  readonly withGaps: boolean
  /** Opens it; each process has an object of its own where the database is shared. */
  readonly make: () => () => Required<RawTradeRepository>
}

const shared = (repository: Required<RawTradeRepository>) => () => repository

const DATABASES: readonly Database[] = [
  { name: 'in memory', withGaps: true, make: () => shared(createMemoryRepository()) },
  {
    name: 'in SQLite',
    withGaps: true,
    make: () => {
      const directory = mkdtempSync(join(tmpdir(), 'tapekeeper-shared-'))
      cleanUps.push(() => rmSync(directory, { recursive: true }))
      return () => createSqliteRepository({ file: join(directory, 'market.sqlite') })
    },
  },
  { name: 'that keeps no gaps', withGaps: false, make: () => shared(createMemoryRepository()) },
]

const exchange = (seed: number): VirtualExchange =>
  createVirtualExchange({ seed, instruments: [BTC], tradesPerSecond: 8, bookUpdatesPerSecond: 0, historyMs: 1_000 })

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

const traded = (fake: VirtualExchange): number[] => fake.trades(BTC).map(({ id }) => Number(id))

/** What the exchange traded between the first and the last that is stored, and is not. */
async function lost(fake: VirtualExchange, repository: RawTradeRepository): Promise<number[]> {
  const stored = new Set(fillsOf(await all(repository.trades(MARKET))))
  const [first, last] = [Math.min(...stored), Math.max(...stored)]
  return traded(fake).filter((id) => id >= first && id <= last && !stored.has(id))
}

/** Lets the survivor finish, and everybody stop. */
async function end(fake: VirtualExchange, processes: readonly CollectingProcess[]): Promise<void> {
  for (const { collector, life } of processes) await inVirtualTime(fake.clock, collector.stop(life.isOver), 120_000)
  await fake.close()
  expect(fake.clock.pending).toBe(0)
}

describe.each(DATABASES)('two processes on one repository $name', ({ withGaps, make }) => {
  test('a former owner whose REST is dead stores its cursor past a hole that the owner is still filling, and both die', () =>
    eachSeed({ quick: 2, deep: 15 }, async (seed) => {
      const random = seededRandom(seed)
      const fake = exchange(seed)
      const open = make()
      const launch = (): CollectingProcess => new CollectingProcess(fake, BTC, open(), { withGaps })
      const [former, owner, third] = [launch(), launch(), launch()]
      former.rest = 'dead'
      for (const { collector } of [former, owner]) {
        await inVirtualTime(fake.clock, collector.start())
        await fake.clock.advance(random() * 5_000)
      }
      owner.rest = 'slow'
      // Each of them loses trades, and not always the same ones.
      for (let i = 0; i < 3; i++) {
        fake.skip(BTC, 1 + Math.floor(random() * 10))
        await fake.clock.advance(random() * 3_000)
        if (random() < 0.3) fake.drop()
        await fake.clock.advance(random() * 3_000)
      }
      owner.life.isOver = random() < 0.5
      await fake.clock.advance(15_000 + random() * 20_000)
      owner.life.isOver = true
      former.life.isOver = true
      await fake.clock.advance(random() * 10_000)

      await inVirtualTime(fake.clock, third.collector.start())
      await fake.clock.advance(90_000)
      expect(await lost(fake, open())).toEqual([])
      expect(traded(fake).length).toBeGreaterThan(100)
      await inVirtualTime(fake.clock, third.collector.stop())
      if (withGaps) expect(await open().openGaps(STREAM)).toEqual([])
      await end(fake, [former, owner, third])
    }))

  test('killed at any write: the next one misses nothing, from the first row on', () =>
    eachSeed({ quick: 10, deep: 28 }, async (seed) => {
      // Each write once before it arrives, and once after.
      const [write, arrives] = [Math.ceil(seed / 2), seed % 2 === 0]
      const fake = exchange(write)
      const open = make()
      const first = new CollectingProcess(fake, BTC, open(), { withGaps })
      first.life.diesAt = { write, arrives }
      first.rest = 'dead'
      await inVirtualTime(fake.clock, first.collector.start())
      // From gaps, their filling, and a stop that comes while it dies: each adds writes of other kinds.
      for (let i = 0; i < 40 && !first.life.isOver; i++) {
        if (i === 3) fake.skip(BTC, 3)
        if (i === 24) first.rest = 'fine'
        await fake.clock.advance(1_000)
      }
      first.life.isOver = true
      await fake.clock.advance(5_000)
      const next = new CollectingProcess(fake, BTC, open(), { withGaps })
      await inVirtualTime(fake.clock, next.collector.start())
      await fake.clock.advance(60_000)
      const stored = fillsOf(await all(open().trades(MARKET)))
      expect({ write, arrives, lost: await lost(fake, open()) }).toEqual({ write, arrives, lost: [] })
      expect(new Set(stored).size).toBe(stored.length)
      await end(fake, [first, next])
    }))

  test('any faults, any deaths, any order: in the end everything is stored, and no gap of it is open', () =>
    eachSeed({ quick: 3, deep: 20 }, async (seed) => {
      const random = seededRandom(seed)
      const fake = exchange(seed)
      const open = make()
      const processes: CollectingProcess[] = []
      const alive = (): CollectingProcess[] =>
        processes.filter(({ life, collector }) => !life.isOver && collector.status !== 'stopped')
      const launch = async (): Promise<void> => {
        const process = new CollectingProcess(fake, BTC, open(), { withGaps })
        processes.push(process)
        await inVirtualTime(fake.clock, process.collector.start())
      }
      await launch()
      for (let step = 0; step < 12; step++) {
        const victim = alive()[Math.floor(random() * alive().length)]
        if (random() < 0.6) fake.skip(BTC, 1 + Math.floor(random() * 5))
        if (random() < 0.3) fake.drop()
        if (victim !== undefined) {
          if (random() < 0.5)
            victim.rest =
              (['fine', 'dead', 'dead', 'dead', 'slow'] as const satisfies RestMood[])[Math.floor(random() * 5)] ?? 'fine'
          if (random() < 0.2) void victim.collector.restart()
          if (random() < 0.15) await inVirtualTime(fake.clock, victim.collector.stop(), 120_000)
          else if (random() < 0.2) victim.life.isOver = true
        }
        if (alive().length === 0 || (alive().length < 3 && random() < 0.3)) await launch()
        await fake.clock.advance(random() * 12_000)
      }
      for (const process of alive()) {
        if (random() < 0.7) process.life.isOver = true
        process.rest = 'fine'
      }
      await launch()
      await fake.clock.advance(150_000)
      expect(await lost(fake, open())).toEqual([])
      for (const process of alive()) await inVirtualTime(fake.clock, process.collector.stop(), 120_000)
      if (withGaps) expect(await open().openGaps(STREAM)).toEqual([])
      // Each gap is news once to each collector, and filled once.
      for (const { gaps } of processes)
        for (const filled of [false, true]) {
          const keys = gaps.filter((gap) => gap.filled === filled).map(({ fromId, toId }) => `${fromId}..${toId}`)
          expect(keys).toEqual([...new Set(keys)])
        }
      await end(fake, processes)
    }))
})

describe('a cursor store without a repository', () => {
  test.each([
    ['that keeps gaps', createMemoryCursorStore],
    [
      'that keeps none',
      (): CursorStore => {
        const { load, save } = createMemoryCursorStore()
        return { load, save }
      },
    ],
  ] as const)('%s: a collector that was stopped before its gap was found is followed by one that finds it', (_name, makeStore) =>
    eachSeed({ quick: 3, deep: 10 }, async (seed) => {
      const random = seededRandom(seed)
      const fake = exchange(seed)
      const cursorStore = makeStore()
      const seen = new Set<number>()
      const note = (trades: readonly PointOf<'trade'>[]): void => fillsOf(trades).forEach((id) => seen.add(id))
      const launch = (): CollectingProcess => {
        const process = new CollectingProcess(fake, BTC, createMemoryRepository(), {
          repositories: undefined,
          tape: { cursorStore },
        })
        process.collector.addDataCallback('trade', (trade) => note([trade]))
        process.collector.on('gap', ({ trades = [] }) => note(trades))
        return process
      }
      const processes: CollectingProcess[] = []
      for (let i = 0; i < 3; i++) {
        const process = launch()
        processes.push(process)
        process.rest = i === 2 ? 'fine' : 'dead'
        await inVirtualTime(fake.clock, process.collector.start())
        await fake.clock.advance(2_000 + random() * 5_000)
        if (i === 2) break
        fake.skip(BTC, 1 + Math.floor(random() * 5))
        await fake.clock.advance(random() < 0.7 ? 20_000 + random() * 30_000 : random() * 20_000)
        await inVirtualTime(fake.clock, process.collector.stop())
      }
      await fake.clock.advance(60_000)
      await end(fake, processes)
      const [first, last] = [Math.min(...seen), Math.max(...seen)]
      expect(traded(fake).filter((id) => id >= first && id <= last && !seen.has(id))).toEqual([])
    }),
  )
})
