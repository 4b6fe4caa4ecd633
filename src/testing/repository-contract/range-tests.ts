import type { RangeQuery } from '../../storage/repository.ts'
import { collect, faultOf, type ContractTest, type ContractWorld } from './contract-world.ts'
import { many, MARKET, timeAt } from './sample-rows.ts'
import { plain, type RowKind } from './shelf.ts'

/** Ten rows, one a minute; the numbers of those that a range gives. */
const RANGES: readonly (readonly [name: string, range: RangeQuery, expected: readonly number[]])[] = [
  ['without bounds everything comes, oldest first', {}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ['from is part of the range, to is not', { from: timeAt(3), to: timeAt(6) }, [3, 4, 5]],
  ['a bound between two rows divides them', { from: timeAt(3) + 1, to: timeAt(6) + 1 }, [4, 5, 6]],
  ['a fraction of a millisecond counts', { from: timeAt(3) + 0.001, to: timeAt(6) + 0.001 }, [4, 5, 6]],
  ['from alone', { from: timeAt(8) }, [8, 9]],
  ['to alone', { to: timeAt(2) }, [0, 1]],
  ['bounds far away are no trouble', { from: 0, to: 8_640_000_000_000_000 }, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ['a negative bound lies before 1970', { from: -1, to: timeAt(1) }, [0]],
  ['from equal to to is empty', { from: timeAt(3), to: timeAt(3) }, []],
  ['from after to is empty', { from: timeAt(6), to: timeAt(3) }, []],
  ['a range before all rows is empty', { to: timeAt(0) }, []],
  ['a range behind all rows is empty', { from: timeAt(10) }, []],
  ['asc is the default order', { from: timeAt(7), order: 'asc' }, [7, 8, 9]],
  ['desc gives the same range, newest first', { from: timeAt(3), to: timeAt(6), order: 'desc' }, [5, 4, 3]],
  ['limit counts from the beginning', { from: timeAt(3), limit: 2 }, [3, 4]],
  ['limit with desc counts from the end', { to: timeAt(6), order: 'desc', limit: 2 }, [5, 4]],
  ['a limit beyond the rows gives what there is', { from: timeAt(8), limit: 1_000_000 }, [8, 9]],
  ['what is undefined is left out', { from: undefined, to: timeAt(2), order: undefined, limit: undefined }, [0, 1]],
]

const WRONG: readonly (readonly [name: string, range: Readonly<Record<string, unknown>>])[] = [
  ['a limit of 0', { limit: 0 }],
  ['a negative limit', { limit: -1 }],
  ['half a row', { limit: 1.5 }],
  ['a limit in words', { limit: '10; DROP TABLE trades' }],
  ['an endless limit', { limit: Infinity }],
  ['an unknown order', { order: 'ascending' }],
  ['an order with more behind it', { order: 'desc; DROP TABLE trades' }],
  ['from that is no number', { from: NaN }],
  ['to that is no number', { to: NaN }],
  ['a date instead of milliseconds', { from: new Date(0) }],
  ['a text instead of milliseconds', { to: '2026-11-22' }],
  ['a misspelt key', { form: 0 }],
]

export const rangeTests = (kind: RowKind): readonly ContractTest[] => [
  ...RANGES.map(([name, range, expected]) => ({
    name: `a range of ${kind}: ${name}`,
    needs: [kind],
    run: async (world: ContractWorld) => {
      const shelf = world.shelf(kind)
      const rows = many(10, (index) => shelf.rowAt(index))
      // Not in order: a range is sorted by time, not by when it was written.
      await shelf.save(rows.toReversed())
      const found = await collect(shelf.read(range))
      world.expect(found.map(plain)).toEqual(expected.map((index) => plain(rows[index])))
    },
  })),
  {
    name: `a range of ${kind}: of a market that nobody has written to, it is empty`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      world.expect(await collect(shelf.read())).toEqual([])
      await shelf.save([shelf.rowAt(0)])
      world.expect(await collect(shelf.read({}, { ...MARKET, symbol: 'ETH-USDT' }))).toEqual([])
      world.expect(await collect(shelf.read({}, { ...MARKET, exchange: 'other' }))).toEqual([])
    },
  },
  {
    name: `a range of ${kind}: each iteration of a wrong query fails with CONFIG_INVALID, and nothing else happens`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      await shelf.save([shelf.rowAt(0)])
      for (const [name, range] of WRONG) {
        const fault = await faultOf(() => collect(shelf.read(range as RangeQuery)))
        world.expect([name, fault]).toEqual([name, 'CONFIG_INVALID'])
      }
      world.expect((await collect(shelf.read())).length).toBe(1)
    },
  },
  {
    name: `a range of ${kind}: breaking off early lets go of everything, a hundred times`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      await shelf.save(many(600, (index) => shelf.rowAt(index)))
      for (let round = 0; round < 100; round++) {
        let read = 0
        for await (const _row of shelf.read({ order: round % 2 === 0 ? 'asc' : 'desc' })) if (++read > round % 3) break
      }
      // A consumer that throws breaks off, too.
      const consume = async (): Promise<void> => {
        for await (const row of shelf.read()) throw new RangeError(String(shelf.timeOf(row)))
      }
      world.expect(await faultOf(consume)).toBe(`neither DatabaseOperationError nor TapekeeperError: ${timeAt(0)}`)
      world.expect((await collect(shelf.read())).length).toBe(600)
      world.expect((await shelf.save([shelf.rowAt(600)])).inserted).toBe(1)
    },
  },
  {
    name: `a range of ${kind}: asked for and never iterated, it holds nothing`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      const queries = many(100, () => shelf.read())
      await shelf.save([shelf.rowAt(0)])
      world.expect(queries.length).toBe(100)
    },
  },
  {
    name: `a range of ${kind}: several at once do not disturb each other`,
    needs: [kind],
    run: async (world) => {
      const shelf = world.shelf(kind)
      await shelf.save(many(300, (index) => shelf.rowAt(index)))
      const readers = many(8, (reader) =>
        shelf.read({ from: timeAt(reader), order: reader % 2 === 0 ? 'asc' : 'desc' })[Symbol.asyncIterator](),
      )
      const counts = readers.map(() => 0)
      // Row by row, in turn.
      for (let isOpen = true; isOpen;) {
        const steps = await Promise.all(readers.map((reader) => reader.next()))
        steps.forEach(({ done }, reader) => (counts[reader] = (counts[reader] ?? 0) + (done === true ? 0 : 1)))
        isOpen = steps.some(({ done }) => done !== true)
      }
      world.expect(counts).toEqual([300, 299, 298, 297, 296, 295, 294, 293])
    },
  },
]
