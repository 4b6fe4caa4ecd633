import { wrote, type ContractTest } from './contract-world.ts'
import { many, timeAt } from './sample-rows.ts'
import type { RowKind } from './shelf.ts'

export const volumeTests = (kind: RowKind): readonly ContractTest[] => [
  {
    name: `${kind}: a batch of 10,000 rows is one batch, and half of it again is kept`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const rows = many(10_000, (index) => shelf.rowAt(index))
      world.expect(await shelf.save(rows)).toEqual(wrote(10_000))
      const shifted = many(10_000, (index) => shelf.rowAt(index + 5_000))
      world.expect(await shelf.save(shifted)).toEqual(wrote(5_000, 5_000))
    },
  },
  {
    name: `${kind}: 25,000 rows stream in order, each once, in both directions`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      for (let batch = 0; batch < 5; batch++) await shelf.save(many(5_000, (index) => shelf.rowAt(5 * index + batch)))
      for (const order of ['asc', 'desc'] as const) {
        let read = 0
        let misplaced = 0
        for await (const row of shelf.read({ order })) {
          if (shelf.timeOf(row) !== timeAt(order === 'asc' ? read : 24_999 - read)) misplaced++
          read++
        }
        world.expect({ order, read, misplaced }).toEqual({ order, read: 25_000, misplaced: 0 })
      }
    },
  },
]
