import { expect, test } from 'vitest'
import type { Entry } from '../../../src/storage/writer/entry.ts'
import { KindQueue } from '../../../src/storage/writer/kind-queue.ts'
import { trade } from './hostile-world.ts'

const entry = (order: number): Entry => ({ order, record: { kind: 'trade', row: trade(String(order)) }, waiters: [] })
const ordersOf = (entries: readonly Entry[]): readonly number[] => entries.map(({ order }) => order)

/** Orders have holes: they are counted over all kinds. */
function queueOf(...orders: readonly number[]) {
  const queue = new KindQueue()
  const entries = orders.map(entry)
  for (const each of entries) queue.push(each)
  return { queue, entries, left: () => ordersOf(queue.takeOut(() => true)) }
}

test('of a batch that is stored, what is not resolved stays where it was', () => {
  const { queue, entries, left } = queueOf(1, 3, 4, 8)
  expect(ordersOf(queue.startStoring(3))).toEqual([1, 3, 4])
  expect([queue.length, queue.idle]).toEqual([4, 1])
  queue.push(entry(9))
  expect(ordersOf(queue.endStoring(new Set([entries[0]!, entries[2]!])))).toEqual([1, 4])
  expect([queue.length, queue.idle, queue.firstOrder, queue.epoch]).toEqual([3, 3, 3, 0])
  expect(left()).toEqual([3, 8, 9])
})

test('what has arrived in the spool leaves, and the batch that was being stored is told so', () => {
  const { queue, entries, left } = queueOf(1, 2, 3, 4)
  queue.startStoring(2)
  expect(ordersOf(queue.startSpooling(3))).toEqual([1, 2, 3])
  expect(queue.idle).toBe(1)
  expect(ordersOf(queue.endSpooling(true))).toEqual([1, 2, 3])
  expect([queue.epoch, queue.idle]).toEqual([1, 1])
  expect(queue.endStoring(new Set(entries))).toEqual([])
  expect(left()).toEqual([4])
})

test('what did not arrive in the spool stays, and the batch that is being stored goes on', () => {
  const { queue, entries, left } = queueOf(1, 2, 3)
  queue.startStoring(1)
  queue.startSpooling(3)
  expect(queue.endSpooling(false)).toEqual([])
  expect([queue.epoch, queue.idle]).toEqual([0, 2])
  expect(ordersOf(queue.endStoring(new Set(entries)))).toEqual([1])
  expect(left()).toEqual([2, 3])
})

test('what is taken out is on no way any more', () => {
  const { queue, entries, left } = queueOf(1, 2, 3, 4)
  queue.startStoring(2)
  queue.startSpooling(3)
  expect(queue.takeOut(({ order }) => order > 10)).toEqual([])
  expect([queue.epoch, queue.idle]).toEqual([0, 1])
  expect(ordersOf(queue.takeOut(({ order }) => order <= 2))).toEqual([1, 2])
  expect([queue.epoch, queue.idle]).toEqual([1, 2])
  expect([queue.endSpooling(true), queue.endStoring(new Set(entries))]).toEqual([[], []])
  expect(left()).toEqual([3, 4])
})

test('only an idle entry is replaced, found or removed', () => {
  const { queue, entries, left } = queueOf(1, 3, 5, 7)
  queue.startStoring(2)
  expect([queue.replaceIdle(entry(3)), queue.replaceIdle(entry(4)), queue.replaceIdle(entry(8))]).toEqual([false, false, false])
  const newer = entry(5)
  expect(queue.replaceIdle(newer)).toBe(true)
  expect(queue.firstIdle(() => true)).toBe(newer)
  expect(queue.firstIdle(({ order }) => order < 5)).toBeUndefined()
  queue.remove(newer)
  expect(queue.endStoring(new Set()).length + queue.length).toBe(entries.length - 1)
  expect(left()).toEqual([1, 3, 7])
})

test('how many come before an order', () => {
  const { queue } = queueOf(1, 3, 5)
  expect([0, 1, 2, 3, 5, 6, Infinity].map((order) => queue.lengthUpTo(order))).toEqual([0, 0, 1, 1, 2, 3, 3])
  expect(new KindQueue().firstOrder).toBeUndefined()
})
