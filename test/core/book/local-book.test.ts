import { expect, expectTypeOf, test } from 'vitest'
import { MaintainedBook, type LocalBook } from '../../../src/core/book/local-book.ts'
import { decimal, decimalString } from '../../../src/domain/decimal.ts'
import { bookFrame, levels } from './support.ts'

function bookOf(bids: string[], asks: string[]): MaintainedBook {
  const book = new MaintainedBook('BTC-USDT')
  book.replace(bookFrame({ kind: 'snapshot', bids: levels(...bids), asks: levels(...asks), sequence: 7 }).data, 1_234)
  return book
}

const book = bookOf(['10.1:2', '10:0.3', '9.90:1.1'], ['10.2:1', '10.25:4'])

test('what it knows of itself', () => {
  expect(book).toMatchObject({ symbol: 'BTC-USDT', isValid: false, sequence: 7, timestamp: 1_234 })
  expect([book.bestBid, book.bestAsk]).toEqual(levels('10.1:2', '10.2:1'))
  expect([book.depth('bids'), book.depth('asks')]).toEqual([3, 2])
  expect(new MaintainedBook('X-Y')).toMatchObject({
    sequence: undefined,
    timestamp: undefined,
    bestBid: undefined,
    bestAsk: undefined,
  })
})

test('figures are exact', () => {
  expect(book.mid()?.toString()).toBe('10.15')
  expect(book.spread()?.toString()).toBe('0.1')
  // (10.1 · 1 + 10.2 · 2) / 3
  expect(book.microprice()?.times(3).toDecimalPlaces(100).toString()).toBe('30.5')
  expect(bookOf(['1:3'], ['2:1']).microprice()?.toString()).toBe('1.75')
  expect(bookOf(['0.1:0.1', '0.09:0.2'], []).cumulativeSize('bids', 2).toString()).toBe('0.3')
})

test('an empty side has no figures, and never a 0', () => {
  const oneSided = bookOf(['10:1'], [])
  expect([oneSided.mid(), oneSided.spread(), oneSided.microprice()]).toEqual([undefined, undefined, undefined])
  expect(oneSided.cumulativeSize('asks', 5).toString()).toBe('0')
})

test.each([
  [0, '0'],
  [1, '2'],
  [2, '2.3'],
  [3, '3.4'],
  [400, '3.4'],
])('size of the best %d bids: %s', (count, size) => expect(book.cumulativeSize('bids', count).toString()).toBe(size))

test.each([
  ['bids', '10.2', '0'],
  ['bids', '10.1', '2'],
  ['bids', '10.05', '2'],
  ['bids', '9.9', '3.4'],
  ['bids', '1', '3.4'],
  ['asks', '10.19', '0'],
  ['asks', '10.2', '1'],
  ['asks', '10.250', '5'],
] as const)('%s up to %s: %s', (side, price, size) => {
  expect(book.sizeTo(side, decimalString(price)).toString()).toBe(size)
  expect(book.sizeTo(side, decimal(decimalString(price))).toString()).toBe(size)
})

test('iterates best first', () => {
  expect([...book.levels('bids')]).toEqual(levels('10.1:2', '10:0.3', '9.90:1.1'))
  const seen: unknown[] = []
  book.forEachLevel('asks', (price, size, index) => seen.push([price, size, index]))
  expect(seen).toEqual([
    ['10.2', '1', 0],
    ['10.25', '4', 1],
  ])
  let visits = 0
  book.forEachLevel('bids', () => ++visits < 2)
  expect(visits).toBe(2)
})

test('a snapshot is a copy', () => {
  const own = bookOf(['10:1', '9:1'], ['11:1'])
  const whole = own.snapshot()
  const top = own.snapshot(1)
  own.apply(bookFrame({ bids: levels('10:0'), asks: levels('11:5'), sequence: 8 }).data, 2_000)
  expect(whole).toEqual({
    kind: 'snapshot',
    bids: levels('10:1', '9:1'),
    asks: levels('11:1'),
    sequence: 7,
    previousSequence: undefined,
  })
  expect(top).toEqual({ ...whole, bids: levels('10:1') })
  expect(own).toMatchObject({ sequence: 8, timestamp: 2_000, bestBid: levels('9:1')[0] })
})

test('a side is whole until levels had to be given up, and again with the next snapshot', () => {
  const own = new MaintainedBook('BTC-USDT', 2)
  const snapshot = (...bids: string[]) =>
    own.replace(bookFrame({ kind: 'snapshot', bids: levels(...bids), asks: levels('11:1') }).data, 1)
  snapshot('10:1', '9:1')
  expect([own.isWhole('bids'), own.isWhole('asks')]).toEqual([true, true])
  own.apply(bookFrame({ bids: levels('8:1') }).data, 2)
  expect([own.isWhole('bids'), own.isWhole('asks')]).toEqual([false, true])
  snapshot('10:1')
  expect(own.isWhole('bids')).toBe(true)
})

test('users cannot change it', () => {
  expectTypeOf<LocalBook>().not.toHaveProperty('apply')
  expectTypeOf<keyof LocalBook>().toEqualTypeOf<
    | (
        | 'symbol'
        | 'isValid'
        | 'sequence'
        | 'timestamp'
        | 'bestBid'
        | 'bestAsk'
        | 'depth'
        | 'isWhole'
        | 'cumulativeSize'
        | 'sizeTo'
      )
    | ('mid' | 'microprice' | 'spread' | 'levels' | 'forEachLevel' | 'snapshot')
  >()
})
