import { expect, test } from 'vitest'
import { Losses } from '../../../src/storage/writer/losses.ts'
import type { StorageRecord } from '../../../src/storage/storage-record.ts'
import { trade } from './hostile-world.ts'

const record = (id: string): StorageRecord => ({ kind: 'trade', row: trade(id) })

function world() {
  const told: string[] = []
  const losses = new Losses({
    name: 'w',
    onError: ({ message }) => void told.push(message),
    onLost: (records, reason) => void told.push(`${records.length} ${reason}`),
  })
  return { losses, told }
}

test('where no row is given up, nothing is lost and nothing is told', () => {
  const { losses, told } = world()
  losses.givenUp([])
  expect([losses.total, told]).toEqual([0, []])
})

test('rows that come after the end are each handed over, and told once', () => {
  const { losses, told } = world()
  losses.refuse(record('1'))
  losses.refuse(record('2'))
  expect(losses.total).toBe(2)
  expect(told).toEqual(['w: 1 rows are not stored: closed', '1 given-up', '1 given-up'])
})
