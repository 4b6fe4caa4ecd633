import { describe, expect, test } from 'vitest'
import { ConsolidatedView } from '../../../src/aggregation/consolidated/consolidated-view.ts'
import type { ConsolidatedTrade } from '../../../src/aggregation/consolidated/view-events.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { FakeVenue, SYMBOL } from './fake-venue.ts'
import fc from '../../support/fast-check.ts'
import { property } from '../../support/runs.ts'

function setUp(options: { readonly orderWithinMs?: number; readonly duplicateWindowMs?: number } = {}) {
  const clock = createVirtualClock()
  const [a, b, twin] = [new FakeVenue('a', clock), new FakeVenue('b', clock), new FakeVenue('a', clock)]
  const view = new ConsolidatedView({ symbol: SYMBOL, venues: [a, b, twin], clock, ...options })
  const trades: ConsolidatedTrade[] = []
  view.on('trade', (trade) => trades.push(trade))
  const ids = () => trades.map(({ venue, data }) => `${venue} ${data.id}`)
  return { clock, view, a, b, twin, trades, ids, start: clock.now() }
}

describe('one stream', () => {
  test('each trade as its collector delivered it, with its venue', () => {
    const { a, trades, clock } = setUp()
    a.trade('7', { timestamp: 5 })
    const data = { id: '7', price: '100', size: '1', side: 'buy', backfilled: false, count: undefined }
    const origin = { exchange: 'a', symbol: SYMBOL, dataType: 'trade', timestamp: 5, receivedAt: clock.now() }
    expect(trades).toEqual([{ ...origin, data, venue: 'a' }])
  })

  test('also of a venue whose quote is not believed: a trade is a fact', () => {
    const { a, ids } = setUp()
    a.ticker('1', '2')
    a.status('unhealthy')
    a.trade('1')
    expect(ids()).toEqual(['a 1'])
  })
})

describe('two collectors of one exchange', () => {
  test('deliver each trade once; ids of other exchanges are others', () => {
    const { a, b, twin, ids } = setUp()
    a.trade('1')
    twin.trade('1')
    twin.trade('2')
    a.trade('2')
    b.trade('1')
    expect(ids()).toEqual(['a 1', 'a-2 2', 'b 1'])
  })

  test('a merged row and its single fills are the same trades', () => {
    const { a, twin, ids } = setUp()
    a.trade('13', {}, 3)
    for (const id of ['11', '12', '13', '14']) twin.trade(id)
    a.trade('16', {}, 3)
    expect(ids()).toEqual(['a 13', 'a-2 14'])
    twin.trade('15')
    expect(ids()).toEqual(['a 13', 'a-2 14', 'a-2 15'])
  })

  test.each(['13', '9007199254740993', '99999999999999999999'])('the same with ids like %s', (last) => {
    const { a, twin, ids } = setUp()
    a.trade(last, {}, 3)
    for (const behind of [3n, 2n, 1n, 0n, -1n]) twin.trade(String(BigInt(last) - behind))
    expect(ids()).toEqual([`a ${last}`, `a-2 ${BigInt(last) - 3n}`, `a-2 ${BigInt(last) + 1n}`])
  })

  test.each([
    ['a letter id', 'x9', ['9', 'x8']],
    ['leading zeros', '007', ['6', '7']],
  ])('%s stands for itself alone', (_name, id, others) => {
    const { a, twin, ids } = setUp()
    a.trade(id, {}, 3)
    twin.trade(id)
    expect(ids()).toEqual([`a ${id}`])
    for (const other of others) twin.trade(other)
    expect(ids()).toHaveLength(1 + others.length)
  })

  test('a copy is known for as long as the window says, also from a collector that came later', async () => {
    const { clock, view, a, twin, ids } = setUp({ duplicateWindowMs: 60_000 })
    view.remove(twin)
    a.trade('1')
    await clock.advance(60_000)
    view.add(twin)
    twin.trade('1')
    a.trade('2')
    expect(ids()).toEqual(['a 1', 'a 2'])
  })

  test('as long whatever happens to our clock', async () => {
    const { clock, a, twin, ids } = setUp({ duplicateWindowMs: 60_000 })
    a.trade('1')
    for (const stepMs of [86_400_000, -172_800_000, 86_400_000]) {
      clock.stepWall(stepMs)
      twin.trade('1')
      await clock.advance(20_000)
    }
    twin.trade('1')
    expect(ids()).toEqual(['a 1'])
  })
})

describe('ordered by exchange time', () => {
  test('within the wait', async () => {
    const { clock, a, b, ids, start } = setUp({ orderWithinMs: 100 })
    a.trade('1', { timestamp: start - 10 })
    await clock.advance(50)
    b.trade('2', { timestamp: start - 20 })
    b.trade('3', { timestamp: start - 5 })
    await clock.advance(49)
    expect(ids()).toEqual([])
    await clock.advance(1)
    expect(ids()).toEqual(['b 2', 'a 1'])
    await clock.advance(50)
    expect(ids()).toEqual(['b 2', 'a 1', 'b 3'])
    expect(clock.pending).toBe(0)
  })

  test('what comes too late goes on at once', async () => {
    const { clock, a, b, ids, start } = setUp({ orderWithinMs: 100 })
    a.trade('1', { timestamp: start })
    await clock.advance(100)
    b.trade('2', { timestamp: start - 1 })
    expect(ids()).toEqual(['a 1', 'b 2'])
  })

  test('one time far ahead does not spoil the order of the others', async () => {
    const { clock, a, b, twin, ids, start } = setUp({ orderWithinMs: 100 })
    a.trade('1', { timestamp: start + 9e12 })
    await clock.advance(70_000)
    b.trade('3', { timestamp: start + 69_000 })
    twin.trade('2', { timestamp: start + 68_000 })
    await clock.advance(100)
    expect(ids()).toEqual(['a 1', 'a-2 2', 'b 3'])
  })

  test.each([-3_600_000, 3_600_000])('our clock is set by %d ms: nothing waits longer, and the order stays', async (stepMs) => {
    const { clock, a, b, ids, start } = setUp({ orderWithinMs: 100 })
    a.trade('1', { timestamp: start })
    clock.stepWall(stepMs)
    await clock.advance(100)
    b.trade('3', { timestamp: start + 99 })
    a.trade('2', { timestamp: start + 98 })
    await clock.advance(99)
    expect(ids()).toEqual(['a 1'])
    await clock.advance(1)
    expect(ids()).toEqual(['a 1', 'a 2', 'b 3'])
  })

  test.each([-3_600_000, 3_600_000])('our clock has been wrong by %d ms from the start', async (wrongMs) => {
    const { clock, a, b, ids } = setUp({ orderWithinMs: 100 })
    const start = clock.now() - wrongMs
    for (const id of ['1', '2', '3', '4']) {
      b.trade(id, { timestamp: start + clock.elapsed() })
      a.trade(id, { timestamp: start + clock.elapsed() - 1 })
      await clock.advance(100)
    }
    // Who is right is known from the third on.
    expect(ids().slice(6)).toEqual(['a 4', 'b 4'])
  })

  test('no more than 10,000 wait', () => {
    const { a, ids } = setUp({ orderWithinMs: 100 })
    for (let i = 0; i < 10_005; i++) a.trade()
    expect(ids()).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5'])
  })

  test('whatever arrives when: each once, a venue’s own order kept, sorted where all came in time', async () => {
    const stepMs = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constantFrom(-600_000, -50, 50, 600_000))
    const arrival = fc.record({ venue: fc.nat(2), lagMs: fc.nat(60), waitMs: fc.nat(30), stepMs })
    await fc.assert(
      fc.asyncProperty(fc.array(arrival, { maxLength: 60 }), fc.constantFrom(30, 61, 100), async (arrivals, orderWithinMs) => {
        const clock = createVirtualClock()
        const venues = ['a', 'b', 'c'].map((name) => new FakeVenue(name, clock))
        const view = new ConsolidatedView({ symbol: SYMBOL, venues, clock, orderWithinMs })
        const got: ConsolidatedTrade[] = []
        const sentAt = new Map<string, number>()
        view.on('trade', (trade) => {
          expect(clock.elapsed() - (sentAt.get(trade.data.id) ?? NaN)).toBeLessThanOrEqual(orderWithinMs)
          got.push(trade)
        })
        const lastTimes = [0, 0, 0]
        const sent: string[][] = [[], [], []]
        for (const [index, { venue, lagMs, waitMs, stepMs }] of arrivals.entries()) {
          clock.stepWall(stepMs)
          // Times of one venue rise, as on a real tape.
          const timestamp = Math.max(lastTimes[venue]!, venues[venue]!.time - lagMs)
          lastTimes[venue] = timestamp
          sent[venue]!.push(String(index))
          sentAt.set(String(index), clock.elapsed())
          venues[venue]!.trade(String(index), { timestamp })
          await clock.advance(waitMs)
        }
        await clock.advance(orderWithinMs)
        expect(clock.pending).toBe(0)
        for (const [index, name] of ['a', 'b', 'c'].entries())
          expect(got.filter(({ venue }) => venue === name).map(({ data }) => data.id)).toEqual(sent[index])
        const times = got.map(({ timestamp }) => timestamp)
        if (orderWithinMs > 60) expect(times).toEqual(times.toSorted((x, y) => x - y))
      }),
      property({ quick: 60, deep: 300 }),
    )
  })
})
