import { expect, test } from 'vitest'
import { createMemoryRepository, decimalString, type PointOf } from 'tapekeeper'
import { saveTrades } from '../../../src/storage/writer/save-trades.ts'
import fc from '../../support/fast-check.ts'

const MARKET = { exchange: 'okx', symbol: 'BTC-USDT' }

const row = (first: number, last: number, backfilled: boolean): PointOf<'trade'> => ({
  ...MARKET,
  dataType: 'trade',
  timestamp: 1_700_000_000_000 + last * 100,
  receivedAt: 1_700_000_000_500 + last * 100,
  data: {
    id: String(last),
    price: decimalString('1.50'),
    size: decimalString(String(last - first + 1)),
    side: 'buy',
    count: last - first + 1,
    backfilled,
  },
})

/** Rows as they come live, merging up to four fills each, and where the process dies. */
const scenario = fc.record({
  merges: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 40 }),
  stored: fc.nat(40),
  cursor: fc.nat(160),
  batch: fc.integer({ min: 1, max: 50 }),
})

test('fills that come again one by one after a crash are stored once, whatever was merged', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ merges, stored, cursor, batch }) => {
      const live: PointOf<'trade'>[] = []
      let last = 0
      for (const merged of merges) live.push(row(last + 1, (last += merged), false))
      const repository = createMemoryRepository()
      const before = live.slice(0, stored)
      await saveTrades(repository, before)
      // The next process begins behind a row that is stored, or behind nothing.
      const from = before.findLast(({ data }) => Number(data.id) <= cursor)
      const again = Array.from({ length: last - Number(from?.data.id ?? 0) }, (_, i) => Number(from?.data.id ?? 0) + 1 + i)
      for (let i = 0; i < again.length; i += batch) {
        const trades = again.slice(i, i + batch).map((id) => row(id, id, true))
        const { inserted, kept, overwritten } = await saveTrades(repository, trades)
        expect(inserted + kept + overwritten).toBe(trades.length)
      }
      const fills: number[] = []
      for await (const { data } of repository.trades(MARKET))
        for (let id = Number(data.id) - (data.count ?? 1) + 1; id <= Number(data.id); id++) fills.push(id)
      expect(fills).toEqual(Array.from({ length: last }, (_, i) => i + 1))
    }),
  )
})

test('a row that has its id for itself, and one of another market, are left to the repository', async () => {
  const repository = createMemoryRepository()
  await saveTrades(repository, [row(1, 4, false)])
  expect(await saveTrades(repository, [row(4, 4, true), row(5, 5, true), { ...row(2, 2, true), symbol: 'ETH-USDT' }])).toEqual({
    inserted: 2,
    kept: 1,
    overwritten: 0,
  })
})

test('what is live costs no question', async () => {
  const repository = createMemoryRepository()
  let asked = 0
  const watched = {
    ...repository,
    saveTrades: repository.saveTrades.bind(repository),
    trades: repository.trades.bind(repository),
  }
  watched.trades = (query) => {
    asked++
    return repository.trades(query)
  }
  await saveTrades(watched, [row(1, 4, false), row(5, 5, false)])
  expect(asked).toBe(0)
  await saveTrades(watched, [row(6, 6, true)])
  expect(asked).toBe(1)
})

test.each([
  ['9007199254740993', '9007199254740992', true],
  ['9007199254740993', '9007199254740990', false],
  ['1234567890123456789012345678', '1234567890123456789012345676', true],
  ['1234567890123456789012345678', '1234567890123456789012345675', false],
])('a row that merges three fills, of which %s is the last: %s is part of it: %s', async (last, id, isPart) => {
  const repository = createMemoryRepository()
  const merged = row(1, 3, false)
  await saveTrades(repository, [{ ...merged, data: { ...merged.data, id: last } }])
  const fill = row(3, 3, true)
  const result = await saveTrades(repository, [{ ...fill, data: { ...fill.data, id } }])
  expect(result).toMatchObject(isPart ? { kept: 1, inserted: 0 } : { kept: 0, inserted: 1 })
})
