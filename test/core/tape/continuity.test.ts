import { describe, expect, test } from 'vitest'
import { Continuity, idsOf } from '../../../src/core/tape/continuity.ts'
import type { IdRange } from '../../../src/domain/trade-id.ts'
import { tradeOf } from './tape-world.ts'
import fc from '../../support/fast-check.ts'

const take = (order: Continuity, id: number, count = 1, backfilled = false): string => {
  const point = tradeOf(id, { count, backfilled })
  return order.accept(point, idsOf(point)!)
}
const ready = (order: Continuity): number[] => order.takeReady().map(({ data }) => Number(data.id))

describe('ids', () => {
  test.each([
    ['7', undefined, { first: 7, last: 7 }],
    ['7', 1, { first: 7, last: 7 }],
    ['123', 3, { first: 121, last: 123 }],
    ['9007199254740991', undefined, { first: Number.MAX_SAFE_INTEGER, last: Number.MAX_SAFE_INTEGER }],
    ['9007199254740993', 2, { first: 9_007_199_254_740_992n, last: 9_007_199_254_740_993n }],
    ['8389765489680951453', undefined, { first: 8_389_765_489_680_951_453n, last: 8_389_765_489_680_951_453n }],
    ['a1', undefined, undefined],
    ['1.5', undefined, undefined],
  ])('%s with count %s', (id, count, expected) => {
    expect(idsOf(tradeOf(id, count === undefined ? {} : { count }))).toEqual(expected)
  })
})

describe('the order of a stream', () => {
  test('begins with the first trade it sees', () => {
    const order = new Continuity()
    expect([...order.holes()]).toEqual([])
    expect([order.firstHole, order.hasHole, order.cursor]).toEqual([undefined, false, undefined])
    expect(take(order, 500, 3)).toBe('next')
    expect([order.cursor, order.hasHole]).toEqual([500, false])
  })

  test('begins behind a stored cursor', () => {
    const order = new Continuity()
    order.begin(10)
    expect(take(order, 13)).toBe('held')
    expect([...order.holes()]).toEqual([{ first: 11, last: 12 }])
  })

  test.each([
    ['one missing', [1, 3], [{ first: 2, last: 2 }]],
    [
      'two holes',
      [1, 3, 6],
      [
        { first: 2, last: 2 },
        { first: 4, last: 5 },
      ],
    ],
    ['a hole closed from below', [1, 4, 2], [{ first: 3, last: 3 }]],
    ['a hole closed from above', [1, 4, 3], [{ first: 2, last: 2 }]],
    [
      'a hole cut in two',
      [1, 9, 5],
      [
        { first: 2, last: 4 },
        { first: 6, last: 8 },
      ],
    ],
  ])('%s', (_name, ids, holes) => {
    const order = new Continuity()
    for (const id of ids) take(order, id)
    order.takeReady()
    expect([...order.holes()]).toEqual(holes)
    expect(order.firstHole).toEqual(holes[0])
  })

  test('a merged row that overlaps what was delivered is not delivered again; the rest of it is a hole', () => {
    const order = new Continuity()
    take(order, 10)
    expect(take(order, 12, 4)).toBe('duplicate')
    expect([...order.holes()]).toEqual([{ first: 11, last: 12 }])
    take(order, 11, 1, true)
    take(order, 12, 1, true)
    expect(ready(order)).toEqual([11, 12])
  })

  test('a merged live row replaces the single fills that REST had already brought', () => {
    const order = new Continuity()
    take(order, 1)
    for (const id of [4, 5, 6]) take(order, id, 1, true)
    expect(take(order, 6, 3)).toBe('held')
    expect(order.heldCount).toBe(1)
    expect(take(order, 5, 1, true)).toBe('duplicate')
    take(order, 3, 2, true)
    expect(ready(order)).toEqual([3, 6])
  })

  test('a merged row that cuts through another one is not taken; what it alone had is a hole', () => {
    const order = new Continuity()
    take(order, 1)
    take(order, 6, 3)
    expect(take(order, 5, 3)).toBe('duplicate')
    expect(take(order, 8, 4)).toBe('duplicate')
    expect([...order.holes()]).toEqual([
      { first: 2, last: 3 },
      { first: 7, last: 8 },
    ])
  })

  test('a trade that turned out to be none is forgotten with what it claimed', () => {
    const order = new Continuity()
    take(order, 1)
    take(order, 3)
    take(order, 1_000)
    expect(order.forget(({ data }) => data.id === '1000')).toBe(1)
    expect([...order.holes()]).toEqual([{ first: 2, last: 2 }])
    expect(order.forget(() => true)).toBe(1)
    expect([order.hasHole, [...order.holes()]]).toEqual([false, []])
    expect(take(order, 2)).toBe('next')
  })
})

/** Rows that cover 1..n without a break, as the exchange pushed them. */
const rowsArb = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 40 }).map((counts) => {
  let last = 0
  return counts.map((count) => ({ count, last: (last += count) }))
})

describe('properties', () => {
  test('whatever order rows, copies and single fills come in: each id once, ascending, and nothing is left', () => {
    fc.assert(
      fc.property(rowsArb, fc.infiniteStream(fc.nat()), (rows, chance) => {
        const next = (below: number): number => (chance.next().value ?? 0) % below
        const [first, ...rest] = rows
        const total = rows.at(-1)!.last
        const order = new Continuity()
        const delivered: IdRange[] = []
        const drain = (): void => {
          for (const point of order.takeReady()) delivered.push(idsOf(point)!)
        }
        const accept = (last: number, count: number, backfilled = false): void => {
          const point = tradeOf(last, { count, backfilled })
          const before = order.cursor
          const verdict = order.accept(point, idsOf(point)!)
          if (verdict === 'next') delivered.push(idsOf(point)!)
          if (before !== undefined && last <= before) expect(verdict).toBe('duplicate')
          drain()
        }
        accept(first!.last, first!.count)
        // Each row once or twice, in any order; some never: REST brings their fills.
        const shuffled = rest.flatMap((row) => (next(5) === 0 ? [] : next(3) === 0 ? [row, row] : [row]))
        for (let i = shuffled.length - 1; i > 0; i--) {
          const j = next(i + 1)
          ;[shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!]
        }
        for (const { last, count } of shuffled) {
          accept(last, count)
          if (next(3) === 0) accept(1 + next(total), 1, true)
          expect(order.firstHole).toEqual([...order.holes()][0])
          expect(order.hasHole).toBe([...order.holes()].length > 0 || order.heldCount > 0)
        }
        // What is still open is read from REST, one fill at a time and from the newest down.
        for (let round = 0; [...order.holes()].length > 0 && round < 3; round++) {
          for (const hole of [...order.holes()]) for (let id = Number(hole.last); id >= hole.first; id--) accept(id, 1, true)
        }
        expect([...order.holes()]).toEqual([])
        expect(order.heldCount).toBe(0)
        let expected = 1
        for (const range of delivered) {
          expect(range.first).toBe(expected)
          expected = Number(range.last) + 1
        }
        const seen = Math.max(first!.last, ...shuffled.map(({ last }) => last))
        expect(expected).toBeGreaterThan(seen)
      }),
      { numRuns: 1_000 },
    )
  })

  test('delivered and given up cover exactly what was seen', () => {
    fc.assert(
      fc.property(rowsArb, fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 60 }), (rows, choices) => {
        const order = new Continuity()
        const pieces: IdRange[] = []
        let seen = 0
        const drain = (): void => {
          for (const point of order.takeReady()) pieces.push(idsOf(point)!)
        }
        const [first] = rows
        const point = tradeOf(first!.last, { count: first!.count })
        order.accept(point, idsOf(point)!)
        pieces.push(idsOf(point)!)
        seen = first!.last
        for (const [pick, giveUp] of choices) {
          const row = rows[pick % rows.length]!
          const next = tradeOf(row.last, { count: row.count })
          if (order.accept(next, idsOf(next)!) === 'next') pieces.push(idsOf(next)!)
          seen = Math.max(seen, row.last)
          drain()
          const hole = order.firstHole
          if (giveUp && hole !== undefined) {
            order.skipTo(hole.last)
            pieces.push(hole)
            drain()
          }
        }
        for (let hole = order.firstHole; hole !== undefined; hole = order.firstHole) {
          order.skipTo(hole.last)
          pieces.push(hole)
          drain()
        }
        let expected = 1
        for (const piece of pieces) {
          expect(piece.first).toBe(expected)
          expected = Number(piece.last) + 1
        }
        expect(expected).toBe(seen + 1)
        expect(order.heldCount).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  })
})

test('a full buffer with a hole before every trade costs no time to speak of', () => {
  const before = process.cpuUsage()
  const order = new Continuity()
  order.begin(0)
  for (let id = 2; id <= 40_000; id += 2) take(order, id)
  expect(order.heldCount).toBe(20_000)
  let holes = 0
  for (let hole = order.firstHole; hole !== undefined; hole = order.firstHole) {
    order.skipTo(hole.last)
    order.takeReady()
    holes++
  }
  expect(holes).toBe(20_000)
  // Of the processor, however little of it there is for us. Linear: some 50 ms.
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(5_000)
})
