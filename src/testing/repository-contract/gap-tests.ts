import type { Gap } from '../../domain/gap.ts'
import { compareGaps } from '../../domain/stored-gaps.ts'
import type { RawTradeRepository, WriteResult } from '../../storage/repository.ts'
import type { ContractRepositories } from './contract-types.ts'
import { wrote, type ContractTest, type ContractWorld } from './contract-world.ts'
import { many, MARKET, timeAt, tradeAt } from './sample-rows.ts'

type GapRepository = Required<Pick<RawTradeRepository, 'saveGaps' | 'openGaps'>>

export function gapsOf(repository: RawTradeRepository | undefined): GapRepository {
  if (repository?.saveGaps === undefined || repository.openGaps === undefined)
    throw new Error('a repository that stores gaps has saveGaps() and openGaps()')
  return repository as RawTradeRepository & GapRepository
}

const STREAM = 'acme trades:BTC-USDT'

/** Two trades missing every minute. */
export const gapAt = (index: number, changes: Partial<Gap> = {}): Gap => ({
  ...MARKET,
  stream: STREAM,
  fromId: String(1_000 + 10 * index),
  toId: String(1_001 + 10 * index),
  fromTime: timeAt(index),
  toTime: timeAt(index) + 250,
  missing: 2,
  reason: 'rest-failed',
  filled: false,
  trades: undefined,
  at: timeAt(index) + 15_000,
  ...changes,
})

const filled = (gap: Gap): Gap => ({ ...gap, filled: true, trades: [tradeAt(0)], at: gap.at + 60_000 })

const sumOf = (results: readonly WriteResult[]): WriteResult =>
  wrote(
    results.reduce((sum, { inserted }) => sum + inserted, 0),
    results.reduce((sum, { kept }) => sum + kept, 0),
    results.reduce((sum, { overwritten }) => sum + overwritten, 0),
  )

/** All that the repositories hold of a stream must come back as it was given, in order. */
async function expectOpen({ expect, rawTrades }: ContractWorld, gaps: readonly Gap[], stream = STREAM): Promise<void> {
  expect(await gapsOf(rawTrades).openGaps(stream)).toEqual(gaps)
}

export const gapTests: readonly ContractTest[] = [
  {
    name: 'a stream without gaps has none',
    needs: ['gaps'],
    run: (world) => expectOpen(world, []),
  },
  {
    name: 'an open gap is found as it was, whatever of it is unknown',
    needs: ['gaps'],
    run: async (world) => {
      const gaps = [
        gapAt(0),
        gapAt(1, { fromTime: undefined, toTime: timeAt(1), missing: undefined, reason: 'rest-short' }),
        gapAt(2, { fromId: undefined, toId: undefined, missing: undefined, reason: 'ids-restarted' }),
        gapAt(3, { fromTime: timeAt(3) + 0.125, toTime: undefined, reason: 'buffer-full' }),
        gapAt(4, { fromId: '9007199254740993', toId: '9007199254740994', reason: 'too-old' }),
      ]
      world.expect(await gapsOf(world.rawTrades).saveGaps(gaps)).toEqual(wrote(5))
      await expectOpen(world, gaps)
    },
  },
  {
    name: 'the trades of a gap are no part of it',
    needs: ['gaps'],
    run: async (world) => {
      await gapsOf(world.rawTrades).saveGaps([gapAt(0, { trades: [tradeAt(0)] })])
      await expectOpen(world, [gapAt(0)])
      if (world.capabilities.stores.includes('trades')) world.expect(await world.rawTrades.latestTrade(MARKET)).toBe(undefined)
    },
  },
  {
    name: 'open gaps come oldest first, those of one time by id: 9 before 10',
    needs: ['gaps'],
    run: async (world) => {
      const ids = ['9', '10', '99', '100', '9007199254740993', '9007199254740994', '18446744073709551616']
      const gaps = [...many(5, (index) => gapAt(index)), ...ids.map((id) => gapAt(9, { fromId: id, toId: `${id}0` }))]
      const { saveGaps } = bound(world)
      for (const gap of [6, 0, 11, 3, 1, 10, 5, 4, 8, 2, 7, 9].map((index) => gaps[index] ?? gapAt(0))) await saveGaps([gap])
      await expectOpen(world, gaps)
      world.expect([...gaps].reverse().sort(compareGaps)).toEqual(gaps)
    },
  },
  {
    name: 'a gap that is there stays as it is, and one that was filled is open no longer',
    needs: ['gaps'],
    run: async (world) => {
      const { saveGaps } = bound(world)
      world.expect(await saveGaps([gapAt(0), gapAt(1)])).toEqual(wrote(2))
      world.expect(await saveGaps([gapAt(0, { reason: 'rest-short', at: 1, toTime: undefined }), gapAt(1)])).toEqual(wrote(0, 2))
      await expectOpen(world, [gapAt(0), gapAt(1)])
      world.expect(await saveGaps([filled(gapAt(0))])).toEqual(wrote(0, 0, 1))
      await expectOpen(world, [gapAt(1)])
      world.expect(await saveGaps([filled(gapAt(0))])).toEqual(wrote(0, 1))
    },
  },
  {
    name: 'a late copy opens no gap that was filled, also when nothing was known of it',
    needs: ['gaps'],
    run: async (world) => {
      const { saveGaps } = bound(world)
      await saveGaps([gapAt(0)])
      await saveGaps([filled(gapAt(0))])
      world.expect(await saveGaps([filled(gapAt(1))])).toEqual(wrote(1))
      world.expect(await saveGaps([gapAt(0), gapAt(1)])).toEqual(wrote(0, 2))
      await expectOpen(world, [])
    },
  },
  {
    name: 'one gap several times in a batch: each counts as having come later',
    needs: ['gaps'],
    run: async (world) => {
      const { saveGaps } = bound(world)
      const batch = [gapAt(2), gapAt(0), filled(gapAt(0)), gapAt(0), filled(gapAt(1)), gapAt(1), gapAt(2)]
      world.expect(await saveGaps(batch)).toEqual(wrote(3, 3, 1))
      await expectOpen(world, [gapAt(2)])
      world.expect(await saveGaps([gapAt(2), filled(gapAt(2)), filled(gapAt(2))])).toEqual(wrote(0, 2, 1))
      world.expect(await saveGaps([])).toEqual(wrote(0))
      await expectOpen(world, [])
    },
  },
  {
    name: 'gaps are the same by their ids alone; without ids by their times',
    needs: ['gaps'],
    run: async (world) => {
      const { saveGaps } = bound(world)
      const noIds = { fromId: undefined, toId: undefined, missing: undefined }
      const different = [
        gapAt(0),
        gapAt(0, { toId: '1000' }),
        gapAt(0, { fromId: '01000' }),
        gapAt(0, { toId: undefined }),
        gapAt(0, { fromId: undefined }),
        gapAt(0, noIds),
        gapAt(0, { ...noIds, toTime: undefined }),
        gapAt(0, { ...noIds, toTime: timeAt(0) + 251 }),
      ]
      world.expect(await saveGaps(different)).toEqual(wrote(different.length))
      world.expect(await saveGaps([gapAt(0, { fromTime: 5, toTime: 6 }), gapAt(0, { ...noIds, at: 7 })])).toEqual(wrote(0, 2))
      world.expect((await gapsOf(world.rawTrades).openGaps(STREAM)).length).toBe(different.length)
      await saveGaps(different.slice(0, -1).map(filled))
      await expectOpen(world, different.slice(-1))
    },
  },
  {
    name: 'gaps of different streams do not know each other',
    needs: ['gaps'],
    run: async (world) => {
      const { saveGaps } = bound(world)
      const [one, other] = [gapAt(0), gapAt(0, { stream: `${STREAM}-PERP`, symbol: 'BTC-USDT-PERP' })]
      world.expect(await saveGaps([one, other])).toEqual(wrote(2))
      await saveGaps([filled(one)])
      await expectOpen(world, [])
      await expectOpen(world, [other], other.stream)
      await expectOpen(world, [], STREAM.toUpperCase())
    },
  },
  {
    name: 'thousands of gaps in one batch',
    needs: ['gaps'],
    run: async (world) => {
      const gaps = many(5_000, (index) => gapAt(index))
      world.expect(await bound(world).saveGaps(gaps.toReversed())).toEqual(wrote(5_000))
      await expectOpen(world, gaps)
      world.expect(await bound(world).saveGaps(gaps.slice(1).map(filled))).toEqual(wrote(0, 0, 4_999))
      await expectOpen(world, gaps.slice(0, 1))
    },
  },
  {
    name: 'the same gaps, opened and filled by many at the same time: each is stored once, and closed for good',
    needs: ['gaps'],
    run: async (world) => {
      const { saveGaps } = bound(world)
      const gaps = many(50, (index) => gapAt(index))
      const opened = await Promise.all(many(6, (writer) => saveGaps(writer % 2 === 0 ? gaps : gaps.toReversed())))
      world.expect(sumOf(opened)).toEqual(wrote(50, 250))
      const both = many(6, (writer) => saveGaps(writer % 2 === 0 ? gaps.toReversed() : gaps.slice(1).map(filled)))
      world.expect(sumOf(await Promise.all(both))).toEqual(wrote(0, 248, 49))
      await expectOpen(world, gaps.slice(0, 1))
    },
  },
  {
    name: 'several processes share their gaps',
    needs: ['gaps'],
    needsCapability: 'isShared',
    run: async (world) => {
      const others: readonly ContractRepositories[] = [await world.openAnother(), await world.openAnother()]
      const writers = [world.rawTrades, ...others.map(({ rawTrades }) => rawTrades)].map(gapsOf)
      const gaps = many(100, (index) => gapAt(index))
      const opened = await Promise.all(writers.map((writer, index) => writer.saveGaps(index === 1 ? gaps.toReversed() : gaps)))
      world.expect(sumOf(opened)).toEqual(wrote(100, 200))
      await writers[2]?.saveGaps(gaps.slice(10).map(filled))
      for (const writer of writers) world.expect(await writer.openGaps(STREAM)).toEqual(gaps.slice(0, 10))
    },
  },
  {
    name: 'statistics count the gaps, open and filled',
    needs: ['gaps'],
    run: async (world) => {
      const { saveGaps } = bound(world)
      await saveGaps([gapAt(0), gapAt(1), gapAt(0)])
      await saveGaps([filled(gapAt(1))])
      const { rows, isEstimate } = await world.rawTrades.statistics()
      if (!isEstimate) world.expect(rows.gaps).toBe(2)
    },
  },
  {
    name: 'gaps are there when the database is opened again, open or filled as they were',
    needs: ['gaps'],
    needsCapability: 'isPersistent',
    run: async (world) => {
      await bound(world).saveGaps([gapAt(0), gapAt(1), gapAt(2), filled(gapAt(1))])
      await world.reopen()
      await expectOpen(world, [gapAt(0), gapAt(2)])
      world.expect(await bound(world).saveGaps([gapAt(0), gapAt(1), filled(gapAt(2))])).toEqual(wrote(0, 2, 1))
      await expectOpen(world, [gapAt(0)])
    },
  },
]

const bound = ({ rawTrades }: ContractWorld): GapRepository => {
  const repository = gapsOf(rawTrades)
  return { saveGaps: (gaps) => repository.saveGaps(gaps), openGaps: (stream) => repository.openGaps(stream) }
}
