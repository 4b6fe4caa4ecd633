import { expect, test } from 'vitest'
import type { CursorStore, TapeCursor } from 'tapekeeper'
import { allCursors } from '../../../src/core/sinks/all-cursors.ts'

const storeOf = (cursor: TapeCursor | undefined): CursorStore => ({
  load: () => Promise.resolve(cursor),
  save: () => Promise.resolve(),
})

const UUID_A = '00000000-0000-4000-8000-000000000001'
const UUID_B = 'ffffffff-0000-4000-8000-000000000001'

test.each<readonly [string, TapeCursor, TapeCursor]>([
  ['the lower id, whatever its time', { id: '99', timestamp: 2 }, { id: '100', timestamp: 1 }],
  ['the lower id, exactly', { id: '9007199254740992', timestamp: 2 }, { id: '9007199254740993', timestamp: 1 }],
  ['the earlier time, where no id counts', { id: UUID_B, timestamp: 1 }, { id: UUID_A, timestamp: 2 }],
  ['the earlier time, where one id does not count', { id: UUID_A, timestamp: 1 }, { id: '1', timestamp: 2 }],
])('of two cursors the older one is loaded: %s', async (_name, older, newer) => {
  expect(await allCursors([storeOf(older), storeOf(newer)])?.load('s')).toEqual(older)
  expect(await allCursors([storeOf(newer), storeOf(older)])?.load('s')).toEqual(older)
  expect(await allCursors([storeOf(newer), storeOf(undefined), storeOf(older)])?.load('s')).toEqual(older)
})

test('one that is saved goes to each, and one that cannot be saved in one of them is not saved', async () => {
  const saved: string[] = []
  const keeping = (name: string): CursorStore => ({
    load: () => Promise.resolve(undefined),
    save: (stream, { id }) => {
      saved.push(`${name}: ${stream} ${id}`)
      return name === 'broken' ? Promise.reject(new Error('no')) : Promise.resolve()
    },
  })
  await allCursors([keeping('a'), keeping('b')])?.save('s', { id: '7', timestamp: 1 })
  expect(saved).toEqual(['a: s 7', 'b: s 7'])
  await expect(allCursors([keeping('a'), keeping('broken')])?.save('s', { id: '8', timestamp: 1 })).rejects.toThrow('no')
})

test('none is none, and one is itself', () => {
  const only = storeOf(undefined)
  expect([allCursors([]), allCursors([only])]).toEqual([undefined, only])
})
