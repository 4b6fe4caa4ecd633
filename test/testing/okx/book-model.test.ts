import { seededRandom } from 'tapekeeper/testing'
import { expect, test } from 'vitest'
import { BOOK_DEPTH, BookModel, type BookChanges, type BookLevel } from '../../../src/testing/okx/book-model.ts'
import fc from '../../support/fast-check.ts'

type Sides = Record<'bids' | 'asks', Map<number, number>>

function apply(sides: Sides, changes: BookChanges): void {
  for (const side of ['bids', 'asks'] as const) {
    for (const { price, size } of changes[side]) {
      if (size === 0) sides[side].delete(price)
      else sides[side].set(price, size)
    }
  }
}

const plain = (levels: readonly BookLevel[]) => levels.map(({ price, size }) => [price, size])

test('whatever trades and orders do, the book is ordered, narrow, positive, at most 400 deep, and told completely', () => {
  const action = fc.oneof(
    fc.constant('evolve' as const),
    fc.record({ side: fc.constantFrom('bids' as const, 'asks' as const), levels: fc.nat(12), lots: fc.nat(20_000) }),
  )
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(30, 4_859, 642_105), fc.array(action, { maxLength: 300 }), (seed, mid, actions) => {
      const book = new BookModel(mid, 1_000, seededRandom(seed))
      const copy: Sides = {
        bids: new Map(book.bids.map(({ price, size }) => [price, size])),
        asks: new Map(book.asks.map(({ price, size }) => [price, size])),
      }
      for (const step of actions) {
        if (step === 'evolve') book.evolve()
        else book.consume(step.side, step.levels, step.lots)
        const { bids, asks } = book
        expect(bids[0]!.price).toBeLessThan(asks[0]!.price)
        expect(bids.at(-1)!.price).toBeGreaterThan(0)
        expect(Math.max(bids.length, asks.length)).toBeLessThanOrEqual(BOOK_DEPTH)
        const changes = book.drainChanges()
        if (changes !== undefined) apply(copy, changes)
      }
      expect([...copy.bids].sort(([a], [b]) => b - a)).toEqual(plain(book.bids))
      expect([...copy.asks].sort(([a], [b]) => a - b)).toEqual(plain(book.asks))
    }),
    { numRuns: 60 },
  )
})

test('heavy taking leaves a narrow market, and prices stay in the region they began in', () => {
  const book = new BookModel(4_859, 1_000, seededRandom(1))
  const random = seededRandom(2)
  for (let i = 0; i < 50_000; i++) {
    book.consume(random() < 0.5 ? 'bids' : 'asks', 2, 500)
    book.discardChanges()
    const [bid, ask] = [book.bids[0]!.price, book.asks[0]!.price]
    if (ask - bid > 20 || bid > 3 * 4_859 || ask < 4_859 / 3) expect.unreachable(`${bid} | ${ask} after ${i}`)
  }
})
