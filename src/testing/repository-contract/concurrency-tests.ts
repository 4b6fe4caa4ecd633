import { Decimal } from '../../domain/decimal.ts'
import type { WriteResult } from '../../storage/repository.ts'
import { collect, faultOf, wrote, type ContractTest } from './contract-world.ts'
import { candleAt, many, MARKET, MINUTE, timeAt } from './sample-rows.ts'
import { plain, shelfOf, type Row, type RowKind, type Shelf } from './shelf.ts'

const WRITERS = 8

const sumOf = (results: readonly WriteResult[]): WriteResult =>
  results.reduce((sum, { inserted, kept, overwritten }) =>
    wrote(sum.inserted + inserted, sum.kept + kept, sum.overwritten + overwritten),
  )

/** Rows of the whole range, in order, each once. */
const isAscending = (shelf: Shelf, rows: readonly Row[]): boolean =>
  rows.every((row, index) => index === 0 || shelf.timeOf(rows[index - 1] as Row) < shelf.timeOf(row))

export const concurrencyTests = (kind: RowKind): readonly ContractTest[] => [
  {
    name: `${kind}: writers of different rows at the same time lose nothing`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const batches = many(40, (batch) => many(50, (index) => shelf.rowAt(index * 40 + batch)))
      world.expect(sumOf(await Promise.all(batches.map((batch) => shelf.save(batch))))).toEqual(wrote(2_000))
      world.expect((await collect(shelf.read())).map(plain)).toEqual(many(2_000, (index) => plain(shelf.rowAt(index))))
    },
  },
  {
    name: `${kind}: writers of the same rows at the same time store each once, in whichever order they come`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const rows = many(200, (index) => shelf.rowAt(index))
      const saves = many(WRITERS, (writer) => shelf.save(writer % 2 === 0 ? rows : rows.toReversed()))
      world.expect(sumOf(await Promise.all(saves))).toEqual(wrote(200, 200 * (WRITERS - 1)))
      world.expect((await collect(shelf.read())).map(plain)).toEqual(rows.map(plain))
    },
  },
  {
    name: `${kind}: several repositories on one database, writing the same rows at the same time, store each once`,
    needs: [kind],
    needsCapability: 'isShared',
    run: async (world) => {
      const others = [await world.openAnother(), await world.openAnother(), await world.openAnother()]
      const shelves = [world.shelf(kind), ...others.map((repositories) => shelfOf(kind, repositories))]
      for (let round = 0; round < 10; round++) {
        const rows = many(100, (index) => world.shelf(kind).rowAt(100 * round + index))
        const saves = shelves.flatMap((shelf) => [shelf.save(rows), shelf.save(rows.toReversed())])
        world.expect(sumOf(await Promise.all(saves))).toEqual(wrote(100, 100 * (saves.length - 1)))
      }
      for (const shelf of shelves) world.expect((await collect(shelf.read())).length).toBe(1_000)
    },
  },
  {
    name: `${kind}: who iterates while others write sees each row that was there, once and in order`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      for (const order of ['asc', 'desc'] as const) {
        const market = { ...MARKET, symbol: `${order}-USDT` }
        // Every other minute; the ones between are written meanwhile, before and behind the reader.
        const there = many(1_500, (index) => shelf.rowAt(2 * index, market))
        await shelf.save(there)
        const found: Row[] = []
        let written = 0
        for await (const row of shelf.read({ order }, market)) {
          found.push(row)
          if (found.length % 100 !== 0) continue
          await shelf.save([shelf.rowAt(2 * written + 1, market), shelf.rowAt(2_999 - 2 * written, market)])
          written++
        }
        const ascending = order === 'asc' ? found : found.toReversed()
        world.expect(isAscending(shelf, ascending)).toBe(true)
        const old = ascending.filter((row) => (shelf.timeOf(row) - timeAt(0)) % (2 * MINUTE) === 0)
        world.expect(old.map(plain)).toEqual(there.map(plain))
      }
    },
  },
  {
    name: `${kind}: reading and writing at the same time does not stall`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      await shelf.save(many(500, (index) => shelf.rowAt(index)))
      const reads = many(20, () => collect(shelf.read({ to: timeAt(500) })))
      const saves = many(20, (batch) => shelf.save(many(20, (index) => shelf.rowAt(500 + 20 * batch + index))))
      world.expect((await Promise.all(reads)).map(({ length }) => length)).toEqual(many(20, () => 500))
      world.expect(sumOf(await Promise.all(saves))).toEqual(wrote(400))
    },
  },
  {
    name: `${kind}: close waits for what is being written; each batch is there as a whole or was refused as a whole`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const batches = many(20, (batch) => many(50, (index) => shelf.rowAt(50 * batch + index)))
      const saves = batches.map((batch) => faultOf(() => shelf.save(batch)))
      await world.close()
      const late = await faultOf(() => shelf.save([shelf.rowAt(2_000)]))
      const outcomes = await Promise.all(saves)
      world.expect(late).toBe('closed')
      world.expect(outcomes.filter((outcome) => outcome !== RESOLVED && outcome !== 'closed')).toEqual([])
      if (world.subject.reopen === undefined) return
      await world.reopen()
      const expected = batches.filter((_, batch) => outcomes[batch] === RESOLVED).flat()
      world.expect((await collect(world.shelf(kind).read())).map(plain)).toEqual(expected.map(plain))
    },
  },
  {
    name: `${kind}: close does not wait for a reader who takes his time, and ends his loop`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      await shelf.save(many(3_000, (index) => shelf.rowAt(index)))
      const read: Row[] = []
      const outcome = await faultOf(async () => {
        for await (const row of shelf.read()) if (read.push(row) === 10) await world.close()
      })
      // What it had read ahead may still come, if need be to the end.
      world.expect([read.length === 3_000 ? RESOLVED : 'closed', true]).toEqual([outcome, isAscending(shelf, read)])
    },
  },
]

const RESOLVED = 'nothing, it resolved'

export const competingTests: readonly ContractTest[] = [
  {
    name: 'candles: of different candles of one time, written at the same time, one is stored and counted as inserted',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      const rivals = many(WRITERS, (writer) =>
        many(20, (index) => candleAt(index, { status: 'revised', close: new Decimal(60_001).plus(writer) })),
      )
      const results = await Promise.all(rivals.map((candles) => marketData.saveCandles(candles)))
      expect(sumOf(results)).toEqual(wrote(20, 0, 20 * (WRITERS - 1)))
      const found = await collect(marketData.candles({ ...MARKET, timeframe: '1m' }))
      expect(found.length).toBe(20)
      // Batches do not mix: the last one has won everywhere.
      const closes = new Set(found.map(({ close }) => close.toFixed()))
      expect(closes.size).toBe(1)
    },
  },
]
