import { expect, test } from 'vitest'
import type { AggregatorSnapshot } from '../../src/aggregation/aggregator-snapshot.ts'
import { IdRanges } from '../../src/aggregation/id-ranges.ts'
import { SeenTrades } from '../../src/aggregation/seen-trades.ts'
import { compareTradeIds, idNumber } from '../../src/domain/trade-id.ts'
import { chance } from './support/random-tape.ts'

test('a dense stream is one range', () => {
  const ids = new IdRanges()
  for (let id = 5; id <= 10_000; id++) if (!ids.extend(id, id)) ids.add(id, id)
  expect(ids.ranges).toEqual([[5, 10_000]])
})

test('a dense stream of ids of 20 digits, or around 2^53, is one range, too', () => {
  for (const first of [10n ** 19n, 2n ** 53n - 50n, 2n ** 53n]) {
    const seen = new SeenTrades(600_000)
    for (let i = 0n; i < 1_000n; i++) {
      const id = String(first + i)
      expect(seen.see(id, idNumber(id), 1)).toBe('none')
    }
    const { young } = seen.snapshot()
    expect(young.ids).toEqual([])
    expect(young.ranges.map((range) => range.map(String))).toEqual([[String(first), String(first + 999n)]])
  }
})

const STARTS = [
  ['small ids', 0n],
  ['around 10^15', 10n ** 15n - 50n],
  ['around 2^53', 2n ** 53n - 50n],
  ['of 19 digits', 8_389_765_489_680_951_453n],
  ['around 10^20', 10n ** 20n - 50n],
] as const

test.each(STARTS)('%s: agrees with a set of ids, whatever the order; 100 runs', (_name, start) => {
  for (let seed = 0; seed < 100; seed++) {
    const { int } = chance(seed)
    let seen = new SeenTrades(600_000)
    const known = new Set<bigint>()
    for (let i = 0; i < 60; i++) {
      const count = int(4) === 0 ? 1 + int(5) : 1
      const last = start + BigInt(count - 1 + int(100))
      const wanted = Array.from({ length: count }, (_, offset) => last - BigInt(offset))
      const there = wanted.filter((id) => known.has(id)).length
      const expected = there === 0 ? 'none' : there === count ? 'all' : 'some'
      expect(seen.see(String(last), idNumber(String(last)), count), `seed ${seed}`).toBe(expected)
      if (there === 0) for (const id of wanted) known.add(id)
      if (int(20) === 0) seen = new SeenTrades(600_000, JSON.parse(JSON.stringify(seen.snapshot())) as AggregatorSnapshot['seen'])
    }
    const ranges = seen.snapshot().young.ranges.map(([from, to]) => [BigInt(from), BigInt(to)] as const)
    const listed = ranges.flatMap(([from, to]) => Array.from({ length: Number(to - from) + 1 }, (_, i) => from + BigInt(i)))
    expect(listed).toEqual([...known].sort((a, b) => (a < b ? -1 : 1)))
    expect(ranges.every(([from], i) => i === 0 || from > ranges[i - 1]![1] + 1n)).toBe(true)
  }
})

test('large ids that a snapshot of before has as text are known', () => {
  const ids = ['9007199254740993', '9007199254740994', 'x1']
  const seen = new SeenTrades(600_000, { since: null, young: { ranges: [[5, 7]], ids }, old: { ranges: [], ids: [] } })
  const see = (id: string, count = 1) => seen.see(id, idNumber(id), count)
  expect(['6', '9007199254740993', 'x1', 'x2'].map((id) => see(id))).toEqual(['all', 'all', 'all', 'none'])
  expect([see('9007199254740995', 2), see('9007199254740994', 2)]).toEqual(['some', 'all'])
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
