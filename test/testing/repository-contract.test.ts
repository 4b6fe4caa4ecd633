import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { decimalString } from '../../src/domain/decimal.ts'
import type { Gap } from '../../src/domain/gap.ts'
import type { PointOf } from '../../src/domain/market-data.ts'
import { gapKey } from '../../src/domain/stored-gaps.ts'
import { createMemoryRepository, type MemoryRepository } from '../../src/storage/memory/create-memory-repository.ts'
import { STORED_KINDS, type RepositoryCapabilities, type TradeQuery } from '../../src/storage/repository.ts'
import type { ContractExpect } from '../../src/testing/repository-contract/contract-types.ts'
import { collect } from '../../src/testing/repository-contract/contract-world.ts'
import { repositoryContract } from '../../src/testing/repository-contract/repository-contract.ts'
import { tradeAt } from '../../src/testing/repository-contract/sample-rows.ts'

type Trade = PointOf<'trade'>

const MEMORY: RepositoryCapabilities = { stores: STORED_KINDS, isPersistent: false, isShared: false }

/** Runs the suite, or those of its tests with such a name, without a test runner. */
async function runContract(
  create: () => Partial<MemoryRepository>,
  { capabilities = MEMORY, only = /^/, host = expect as ContractExpect } = {},
) {
  const runs: (readonly [name: string, run: () => Promise<void>])[] = []
  const skipped: string[] = []
  const note = Object.assign((name: string, run: () => Promise<void>) => void runs.push([name, run]), {
    skip: (name: string) => void skipped.push(name),
  })
  repositoryContract({
    test: note,
    expect: host,
    capabilities,
    create: async () => {
      const repository = create() as MemoryRepository
      return { marketData: repository, rawTrades: repository, badTrade: { ...tradeAt(0), timestamp: NaN } }
    },
  })
  const failed: string[] = []
  for (const [name, run] of runs) if (only.test(name)) await run().catch(() => failed.push(name))
  return { failed, skipped, run: runs.map(([name]) => name) }
}

/** A memory repository that does a few things in its own way. */
function mutant(change: (sound: MemoryRepository) => Partial<MemoryRepository>): () => Partial<MemoryRepository> {
  return () => {
    const sound = createMemoryRepository()
    const changes = change(sound)
    return new Proxy(sound, {
      get(target, key) {
        const value: unknown = Reflect.get(key in changes ? changes : target, key)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }
}

const readAs = (sound: MemoryRepository, change: (trades: Trade[], query: TradeQuery) => Trade[]) => ({
  async *trades(query: TradeQuery) {
    yield* change(await collect(sound.trades(query)), query)
  },
})

/** Mistakes that people make, and a test that must notice. */
const MUTANTS: readonly (readonly [mistake: string, noticed: RegExp, create: () => Partial<MemoryRepository>])[] = [
  [
    'counts every trade as inserted',
    /^trades: a batch given twice/,
    mutant((sound) => ({
      saveTrades: async (trades) => {
        await sound.saveTrades(trades)
        return { inserted: trades.length, kept: 0, overwritten: 0 }
      },
    })),
  ],
  [
    'opens a gap again that was filled',
    /^a late copy opens no gap that was filled/,
    mutant(() => {
      const gaps = new Map<string, Gap>()
      return {
        saveGaps: (some) => {
          for (const gap of some) gaps.set(gapKey(gap), { ...gap, trades: undefined })
          return Promise.resolve({ inserted: some.length, kept: 0, overwritten: 0 })
        },
        openGaps: () => Promise.resolve([...gaps.values()].filter(({ filled }) => !filled)),
      }
    }),
  ],
  [
    'gives gaps as they came',
    /^open gaps come oldest first/,
    mutant((sound) => ({ openGaps: async (stream) => [...(await sound.openGaps(stream))].reverse() })),
  ],
  [
    'keeps the gaps of all streams together',
    /^gaps of different streams do not know each other/,
    mutant((sound) => ({
      saveGaps: (gaps) => sound.saveGaps(gaps.map((gap) => ({ ...gap, stream: '' }))),
      openGaps: () => sound.openGaps(''),
    })),
  ],
  [
    'keeps the trades of a gap with it',
    /^the trades of a gap are no part of it/,
    mutant((sound) => ({
      openGaps: async (stream) => (await sound.openGaps(stream)).map((gap) => ({ ...gap, trades: [tradeAt(0)] })),
    })),
  ],
  [
    'loses a duplicate from the sum',
    /^trades: duplicates inside one batch/,
    mutant((sound) => ({ saveTrades: (trades) => sound.saveTrades([...new Set(trades)]) })),
  ],
  [
    'takes to as part of the range',
    /^a range of trades: from is part of the range, to is not/,
    mutant((sound) => ({ trades: ({ to, ...query }) => sound.trades({ ...query, to: to === undefined ? to : to + 1 }) })),
  ],
  [
    'sorts ids as text',
    /9 before 10/,
    mutant((sound) =>
      readAs(sound, (trades, { order }) => {
        const ascending = trades.toSorted((a, b) => a.timestamp - b.timestamp || (a.data.id < b.data.id ? -1 : 1))
        return order === 'desc' ? ascending.toReversed() : ascending
      }),
    ),
  ],
  [
    'puts prices through a float',
    /digit by digit/,
    mutant((sound) =>
      readAs(sound, (trades) =>
        trades.map((trade) => ({
          ...trade,
          data: { ...trade.data, price: decimalString(Number(trade.data.price).toFixed(20)) },
        })),
      ),
    ),
  ],
  [
    'makes null of undefined',
    /^what is undefined in a trade/,
    mutant((sound) =>
      readAs(sound, (trades) =>
        trades.map((trade) => ({ ...trade, data: { ...trade.data, count: trade.data.count ?? (null as never) } })),
      ),
    ),
  ],
  [
    'does not tell upper from lower case',
    /^trades: similar symbols/,
    mutant((sound) => ({
      saveTrades: (trades) => sound.saveTrades(trades.map((trade) => ({ ...trade, symbol: trade.symbol.toUpperCase() }))),
      trades: (query) => sound.trades({ ...query, symbol: query.symbol.toUpperCase() }),
    })),
  ],
  [
    'overwrites closed candles',
    /^a candle that is there: a closed one is not replaced by another/,
    mutant((sound) => ({ saveCandles: (candles) => sound.saveCandles(candles, { forceUpdateCandles: true }) })),
  ],
  [
    'ends frames at NUL',
    /^a raw frame comes back character by character: NUL in the middle/,
    mutant((sound) => ({
      saveFrames: (frames) => sound.saveFrames(frames.map((frame) => ({ ...frame, text: frame.text.split('\0')[0] ?? '' }))),
    })),
  ],
  [
    'stores the rows before a bad one',
    /^a batch with a trade that can never be stored/,
    mutant((sound) => ({
      saveTrades: async (trades) => {
        const bad = trades.findIndex(({ timestamp }) => Number.isNaN(timestamp))
        if (bad > 0) await sound.saveTrades(trades.slice(0, bad))
        return sound.saveTrades(trades)
      },
    })),
  ],
  [
    'forgets the limit of what it reads',
    /^a range of trades: limit counts from the beginning/,
    mutant((sound) => ({ trades: ({ limit: _limit, ...query }) => sound.trades(query) })),
  ],
  [
    'throws what the driver threw',
    /^trades: whatever is called after close/,
    mutant((sound) => ({
      saveTrades: (trades) =>
        sound.saveTrades(trades).catch(() => {
          throw new Error('connection terminated')
        }),
    })),
  ],
  [
    'rejects a health check',
    /^a closed repository is not healthy/,
    mutant((sound) => ({
      healthCheck: () => sound.statistics().then(() => ({ isHealthy: true, latencyMs: 0, issue: undefined })),
    })),
  ],
  [
    'remembers one cursor for all streams',
    /^cursors of different streams/,
    mutant((sound) => ({ cursor: () => sound.cursor('one') })),
  ],
  ['cannot do what was said', /declares the capabilities/, mutant(() => ({ capabilities: { ...MEMORY, stores: ['trades'] } }))],
]

test.each(MUTANTS)('a repository that %s does not pass', async (_mistake, noticed, create) => {
  const { failed } = await runContract(create, { only: noticed })
  expect(failed).not.toEqual([])
})

test('what the capabilities exclude is skipped, with the reason', async () => {
  const capabilities: RepositoryCapabilities = { stores: ['trades'], isPersistent: false, isShared: true }
  const tradesOnly = mutant((sound) => ({
    capabilities,
    statistics: async () => {
      const { rows, ...others } = await sound.statistics()
      return { ...others, rows: { trades: rows.trades } }
    },
  }))
  const { run, skipped, failed } = await runContract(tradesOnly, { capabilities })
  expect(skipped.every((name) => /\(skipped: (does not store (candles|frames|cursors|gaps)|not persistent)/.test(name))).toBe(
    true,
  )
  expect(skipped.some((name) => name.startsWith('candles: '))).toBe(true)
  expect(run.some((name) => /^(candles|frames|cursors): |raw frame/.test(name))).toBe(false)
  // Shared, it must be able to open its database twice.
  expect(failed).toEqual([expect.stringContaining('several repositories on one database')])
})

test('without `skip` what is left out is named all the same', () => {
  const names: string[] = []
  const create = () => Promise.reject(new Error('never called'))
  const capabilities: RepositoryCapabilities = { stores: [], isPersistent: false, isShared: false }
  repositoryContract({ test: (name) => void names.push(name), expect, capabilities, create })
  expect(names.filter((name) => !name.includes('(skipped: ')).length).toBe(4)
  expect(new Set(names).size).toBe(names.length)
})

test('what is undefined may be missing, also for a host whose toEqual tells the two apart', async () => {
  const host: ContractExpect = (actual) => ({
    toBe: (expected) => assert.equal(actual, expected),
    toEqual: (expected) => assert.deepEqual(actual, expected),
  })
  const throughJson = mutant((sound) =>
    readAs(sound, (trades) => trades.map((trade) => JSON.parse(JSON.stringify(trade)) as Trade)),
  )
  expect((await runContract(throughJson, { host, only: /trades/ })).failed).toEqual([])
  const withNull = mutant((sound) =>
    readAs(sound, (trades) => trades.map((trade) => ({ ...trade, data: { ...trade.data, count: null as never } }))),
  )
  expect((await runContract(withNull, { host, only: /^trades: what is written is found as it was/ })).failed).toHaveLength(1)
})
