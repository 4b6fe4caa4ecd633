import { describe, expect, test } from 'vitest'
import { BookSide } from '../../../src/core/book/book-side.ts'
import { decimalString } from '../../../src/domain/decimal.ts'
import type { Level } from '../../../src/domain/market-data.ts'
import { level, levels, NaiveSide } from './support.ts'
import fc from '../../support/fast-check.ts'

const listOf = (side: BookSide): Level[] =>
  Array.from({ length: side.count }, (_, index) => level(side.priceAt(index), side.sizeAt(index)))

function sideOf(name: 'bids' | 'asks', ...pairs: string[]): BookSide {
  const side = new BookSide(name, 400)
  side.replace(levels(...pairs))
  return side
}

test('best first, whatever the order they came in', () => {
  expect(listOf(sideOf('bids', '9:1', '11:2', '10:3'))).toEqual(levels('11:2', '10:3', '9:1'))
  expect(listOf(sideOf('asks', '9:1', '11:2', '10:3'))).toEqual(levels('9:1', '10:3', '11:2'))
})

test('sizes are absolute; zero removes, also of what is not there', () => {
  const side = sideOf('asks', '10:1', '11:1', '12:1')
  side.apply(levels('10:5', '11:0.000', '13:0', '9.5:0'))
  expect(listOf(side)).toEqual(levels('10:5', '12:1'))
})

test('one price written in two ways is one level, in the way it was written last', () => {
  const side = sideOf('bids', '1.1:1', '1.2:2')
  side.apply(levels('1.10:3'))
  expect(listOf(side)).toEqual(levels('1.2:2', '1.10:3'))
  side.apply(levels('1.100:0'))
  expect(listOf(side)).toEqual(levels('1.2:2'))
})

test('prices that no float can tell apart are levels of their own', () => {
  const near = ['1000000.00000000000001:1', '1000000.00000000000002:2', '1000000:3', '1000000.00000000000000:4']
  const expected = levels('1000000.00000000000000:4', '1000000.00000000000001:1', '1000000.00000000000002:2')
  const asks = sideOf('asks', ...near)
  const bids = sideOf('bids', ...near)
  expect(listOf(asks)).toEqual(expected)
  expect(listOf(bids)).toEqual(expected.toReversed())
  for (const side of [asks, bids]) side.apply(levels('1000000.000000000000010:0'))
  expect(listOf(asks)).toEqual([expected[0], expected[2]])
  expect(asks.countTo(decimalString('1000000.000000000000015'))).toBe(1)
  expect(bids.countTo(decimalString('1000000.000000000000015'))).toBe(1)
})

test('more than the most: the worst go, but not before the frame is complete', () => {
  const side = new BookSide('bids', 3)
  side.replace(levels('10:1', '9:1', '8:1'))
  side.apply(levels('11:1', '10:0'))
  expect([listOf(side), side.isWhole]).toEqual([levels('11:1', '9:1', '8:1'), true])
  side.apply(levels('12:1', '7:1'))
  expect([listOf(side), side.isWhole]).toEqual([levels('12:1', '11:1', '9:1'), false])
})

test('behind what was given up nothing is claimed', () => {
  const side = new BookSide('asks', 3)
  side.replace(levels('10:1', '11:1', '12:1', '13:1', '15:1'))
  side.apply(levels('10:0', '11:0'))
  // 13 is still there, so neither it nor what comes behind it may be shown as the second best.
  side.apply(levels('14:1', '13:2', '16:1'))
  expect([listOf(side), side.isWhole]).toEqual([levels('12:1'), false])
  side.apply(levels('12.5:1'))
  expect(listOf(side)).toEqual(levels('12:1', '12.5:1'))
  side.replace(levels('13:2', '14:1'))
  expect([listOf(side), side.isWhole]).toEqual([levels('13:2', '14:1'), true])
})

test('prices that no float can tell apart are given up together', () => {
  const side = new BookSide('asks', 2)
  side.replace(levels('1:1', '1000000.00000000000001:1', '1000000.00000000000002:2'))
  expect(listOf(side)).toEqual(levels('1:1'))
})

test('an absurd frame costs neither memory nor minutes', () => {
  const side = new BookSide('asks', 400)
  side.replace(Array.from({ length: 200_000 }, (_, index) => level(String(1_000_000 - index), '1')))
  expect(side.count).toBe(400)
  expect(side.priceAt(0)).toBe('800001')
})

describe('crossing', () => {
  test.each([
    ['9:1', '10:1', false],
    ['10:1', '10:1', true],
    ['10.0:1', '10:1', true],
    ['11:1', '10:1', true],
    ['1000000.00000000000001:1', '1000000.00000000000002:1', false],
    ['1000000.00000000000002:1', '1000000.00000000000001:1', true],
  ])('bid %s, ask %s: %s', (bid, ask, crossed) => {
    const [bids, asks] = [sideOf('bids', bid), sideOf('asks', ask)]
    expect(bids.crosses(asks)).toBe(crossed)
    expect(asks.crosses(bids)).toBe(crossed)
  })

  test('an empty side crosses nothing', () => {
    expect(sideOf('bids').crosses(sideOf('asks', '1:1'))).toBe(false)
    expect(sideOf('bids', '1:1').crosses(sideOf('asks'))).toBe(false)
  })
})

/** Long texts are copied out of their frame; they have to stay the same. */
test('long digits', () => {
  const frame = '["12345678.123456789","0.00000000012345"]'
  const side = new BookSide('bids', 4)
  side.replace([level(frame.slice(2, 20), frame.slice(23, 39))])
  expect(listOf(side)).toEqual(levels('12345678.123456789:0.00000000012345'))
})

describe.each(['bids', 'asks'] as const)('%s like a naive model', (name) => {
  const price = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 90, max: 140 }).map((ticks) => (ticks / 10).toFixed(1)) },
    { weight: 1, arbitrary: fc.integer({ min: 9, max: 14 }).map(String) },
    { weight: 1, arbitrary: fc.integer({ min: 9, max: 14 }).map((whole) => `${whole}.00000000000000000${whole % 3}`) },
  )
  const size = fc.oneof(fc.constantFrom('0', '0.0', '0.00'), fc.stringMatching(/^[1-9]\d?(\.\d{1,3})?$/))
  const change = fc.tuple(price, size).map(([p, s]) => level(p, s))

  test('through frames of any shape: the best ones of the whole book, all of them unless it says otherwise', () => {
    let gaveUp = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(change, { maxLength: 140 }),
        fc.array(fc.array(change, { maxLength: 12 }), { maxLength: 40 }),
        (maxLevels, snapshot, frames) => {
          const side = new BookSide(name, maxLevels)
          const naive = new NaiveSide(name)
          side.replace(snapshot)
          naive.apply(snapshot)
          for (const frame of [[], ...frames]) {
            side.apply(frame)
            naive.apply(frame)
            expect(side.count).toBeLessThanOrEqual(maxLevels)
            expect(listOf(side)).toEqual(naive.levels.slice(0, side.isWhole ? undefined : side.count))
            if (!side.isWhole) gaveUp++
          }
        },
      ),
      { numRuns: 300, seed: 1 },
    )
    expect(gaveUp).toBeGreaterThan(300)
  })
})
