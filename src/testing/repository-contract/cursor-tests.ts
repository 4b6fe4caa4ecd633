import { wrote, type ContractTest, type ContractWorld } from './contract-world.ts'
import type { StoredCursor } from '../../storage/repository.ts'
import { timeAt } from './sample-rows.ts'

function cursorOf({ rawTrades }: ContractWorld, stream: string): StoredCursor {
  const cursor = rawTrades.cursor?.(stream)
  if (cursor === undefined) throw new Error('a repository that stores cursors has cursor()')
  return cursor
}

const STREAM = 'acme trades:BTC-USDT'

export const cursorTests: readonly ContractTest[] = [
  {
    name: 'a cursor that nobody has saved is undefined',
    needs: ['cursors'],
    run: async (world) => {
      world.expect(await cursorOf(world, STREAM).load()).toBe(undefined)
    },
  },
  {
    name: 'a cursor is the one saved last, also when it goes back',
    needs: ['cursors'],
    run: async (world) => {
      const cursor = cursorOf(world, STREAM)
      for (const saved of [
        { id: '1', timestamp: timeAt(0) },
        { id: '9007199254740993', timestamp: timeAt(2) },
        { id: 'a-b', timestamp: timeAt(1) },
        { id: '', timestamp: 0 },
        { id: '7', timestamp: timeAt(3), state: '{"candles":["1e-8"], "note":"\\n \' ü"}' },
        { id: '8', timestamp: timeAt(4) },
      ]) {
        await cursor.save(saved)
        world.expect(await cursor.load()).toEqual(saved)
        world.expect(await cursorOf(world, STREAM).load()).toEqual(saved)
      }
    },
  },
  {
    name: 'cursors of different streams do not know each other',
    needs: ['cursors'],
    run: async (world) => {
      await cursorOf(world, STREAM).save({ id: '1', timestamp: 1 })
      await cursorOf(world, `${STREAM}-PERP`).save({ id: '2', timestamp: 2 })
      world.expect(await cursorOf(world, STREAM).load()).toEqual({ id: '1', timestamp: 1 })
      world.expect(await cursorOf(world, `${STREAM}-PERP`).load()).toEqual({ id: '2', timestamp: 2 })
      world.expect(await cursorOf(world, STREAM.toUpperCase()).load()).toBe(undefined)
    },
  },
  {
    name: 'a cursor keeps its time to the microsecond',
    needs: ['cursors'],
    run: async (world) => {
      const cursor = cursorOf(world, STREAM)
      await cursor.save({ id: '1', timestamp: timeAt(0) + 0.123 })
      world.expect(Math.round(((await cursor.load())?.timestamp ?? 0) * 1_000)).toBe(timeAt(0) * 1_000 + 123)
    },
  },
  {
    name: 'statistics count the cursors',
    needs: ['cursors'],
    run: async (world) => {
      for (const stream of ['a', 'b', 'a']) await cursorOf(world, stream).save({ id: '1', timestamp: 1 })
      const { rows, isEstimate } = await world.rawTrades.statistics()
      if (!isEstimate) world.expect(rows.cursors).toBe(2)
    },
  },
  {
    name: 'a cursor is there when the database is opened again',
    needs: ['cursors'],
    needsCapability: 'isPersistent',
    run: async (world) => {
      await cursorOf(world, STREAM).save({ id: '1', timestamp: 1 })
      await cursorOf(world, STREAM).save({ id: '2', timestamp: 2 })
      await world.reopen()
      world.expect(await cursorOf(world, STREAM).load()).toEqual({ id: '2', timestamp: 2 })
    },
  },
  {
    name: 'a cursor does not disturb trades, nor the other way round',
    needs: ['cursors', 'trades'],
    run: async (world) => {
      const trade = world.shelf('trades')
      await cursorOf(world, STREAM).save({ id: '1000', timestamp: timeAt(0) })
      world.expect(await trade.save([trade.rowAt(0)])).toEqual(wrote(1))
      world.expect(await cursorOf(world, STREAM).load()).toEqual({ id: '1000', timestamp: timeAt(0) })
    },
  },
]
