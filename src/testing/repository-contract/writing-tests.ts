import { STORED_KINDS } from '../../storage/repository.ts'
import { collect, wrote, type ContractTest } from './contract-world.ts'
import { many } from './sample-rows.ts'
import { plain, type RowKind } from './shelf.ts'

/** What holds for rows of each kind. */
export const writingTests = (kind: RowKind): readonly ContractTest[] => [
  {
    name: `${kind}: what is written is found as it was`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const rows = many(5, (index) => shelf.rowAt(index))
      world.expect(await shelf.save(rows)).toEqual(wrote(5))
      world.expect((await collect(shelf.read())).map(plain)).toEqual(rows.map(plain))
    },
  },
  {
    name: `${kind}: an empty batch does nothing`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      world.expect(await shelf.save([])).toEqual(wrote(0))
      world.expect(await collect(shelf.read())).toEqual([])
    },
  },
  {
    name: `${kind}: a batch given twice is kept the second time`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const rows = many(7, (index) => shelf.rowAt(index))
      world.expect(await shelf.save(rows)).toEqual(wrote(7))
      world.expect(await shelf.save(rows)).toEqual(wrote(0, 7))
      world.expect((await collect(shelf.read())).length).toBe(7)
    },
  },
  {
    name: `${kind}: duplicates inside one batch count, and are stored once`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const [a, b, c] = [shelf.rowAt(0), shelf.rowAt(1), shelf.rowAt(2)]
      world.expect(await shelf.save([a, b, a, a, c, b])).toEqual(wrote(3, 3))
      world.expect((await collect(shelf.read())).map(plain)).toEqual([a, b, c].map(plain))
    },
  },
  {
    name: `${kind}: a batch of old and new rows says how many were which`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const rowAt = (index: number) => shelf.rowAt(index)
      await shelf.save(many(5, rowAt))
      world.expect(await shelf.save([...many(8, rowAt), rowAt(7)])).toEqual(wrote(3, 6))
      world.expect((await collect(shelf.read())).length).toBe(8)
    },
  },
  {
    name: `${kind}: late rows take their place in time`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      for (const index of [5, 1, 9, 0, 7, 3, 8, 2, 6, 4]) await shelf.save([shelf.rowAt(index)])
      world.expect((await collect(shelf.read())).map(plain)).toEqual(many(10, (index) => plain(shelf.rowAt(index))))
    },
  },
  {
    name: `${kind}: rows of several markets may share a batch`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const markets = many(4, (index) => ({ exchange: `exchange${index % 2}`, symbol: `SYMBOL${index >> 1}` }))
      world.expect(await shelf.save(many(40, (index) => shelf.rowAt(index >> 2, markets[index % 4])))).toEqual(wrote(40))
      for (const market of markets)
        world
          .expect((await collect(shelf.read({}, market))).map(plain))
          .toEqual(many(10, (index) => plain(shelf.rowAt(index, market))))
    },
  },
  {
    name: `${kind}: statistics count the rows`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      await shelf.save(many(12, (index) => shelf.rowAt(index)))
      await shelf.save(many(12, (index) => shelf.rowAt(index)))
      for (const repository of world.repositories) {
        const { rows, isEstimate, bytes, evicted } = await repository.statistics()
        if (repository.capabilities.stores.includes(kind) && !isEstimate) world.expect(rows[kind]).toBe(12)
        const isSize = bytes === undefined || bytes > 0
        world.expect({ evicted, isSize }).toEqual({ evicted: 0, isSize: true })
        const others = STORED_KINDS.filter((other) => !repository.capabilities.stores.includes(other))
        world.expect(others.map((other) => rows[other])).toEqual(others.map(() => undefined))
      }
    },
  },
  {
    name: `${kind}: what was written is there when the database is opened again`,
    needs: [kind],
    needsCapability: 'isPersistent',
    run: async (world) => {
      const rows = many(50, (index) => world.shelf(kind).rowAt(index))
      await world.shelf(kind).save(rows)
      await world.reopen()
      world.expect((await collect(world.shelf(kind).read())).map(plain)).toEqual(rows.map(plain))
      world.expect(await world.shelf(kind).save(rows)).toEqual(wrote(0, 50))
    },
  },
]
