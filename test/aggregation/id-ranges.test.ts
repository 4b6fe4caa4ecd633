import { expect, test } from 'vitest'
import { IdRanges } from '../../src/aggregation/id-ranges.ts'
import { compareTradeIds, idNumber } from '../../src/domain/trade-id.ts'
import { chance } from './support/random-tape.ts'

test('a dense stream is one range', () => {
  const ids = new IdRanges()
  for (let id = 5; id <= 10_000; id++) if (!ids.extend(id, id)) ids.add(id, id)
  expect(ids.ranges).toEqual([[5, 10_000]])
})

test('agrees with a set of numbers, whatever the order; 300 runs', () => {
  for (let seed = 0; seed < 300; seed++) {
    const { int } = chance(seed)
    const ids = new IdRanges()
    const known = new Set<number>()
    for (let i = 0; i < 60; i++) {
      const from = int(100)
      const to = from + (int(4) === 0 ? int(5) : 0)
      const wanted = Array.from({ length: to - from + 1 }, (_, offset) => from + offset)
      const there = wanted.filter((id) => known.has(id)).length
      expect(ids.overlap(from, to), `seed ${seed}`).toBe(there === 0 ? 'none' : there === wanted.length ? 'all' : 'some')
      if (there > 0) continue
      if (!ids.extend(from, to)) ids.add(from, to)
      for (const id of wanted) known.add(id)
    }
    const listed = ids.ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, offset) => from + offset))
    expect(listed).toEqual([...known].sort((a, b) => a - b))
    expect(ids.ranges.every(([from], i) => i === 0 || from > ids.ranges[i - 1]![1] + 1)).toBe(true)
  }
})

test.each([
  ['0', 0],
  ['700000005', 700_000_005],
  ['999999999999999', 999_999_999_999_999],
  ['1000000000000000', NaN],
  ['01', NaN],
  ['', NaN],
  ['-1', NaN],
  ['1a', NaN],
])('idNumber(%j) is %d', (id, expected) => expect(idNumber(id)).toBe(expected))

test('order: numbers by value, then all others by text', () => {
  const ordered = ['0', '9', '10', '999999999999999', '1000000000000000', '99999999999999999999', '0x1', '1a', 'a', 'b']
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries()) expect(Math.sign(compareTradeIds(a, b)), `${a} ${b}`).toBe(Math.sign(i - j))
  }
})
