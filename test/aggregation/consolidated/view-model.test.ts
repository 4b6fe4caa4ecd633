import { expect, test } from 'vitest'
import { ConsolidatedView } from '../../../src/aggregation/consolidated/consolidated-view.ts'
import type { ConsolidatedQuote } from '../../../src/aggregation/consolidated/quote.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import { FakeVenue } from './fake-venue.ts'
import fc from '../../support/fast-check.ts'
import { property, size } from '../../support/runs.ts'

// The view against a model that forgets nothing and decides anew, from the whole history, each time it is asked.

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const STALE_MS = 1_000
const STATUSES = ['running', 'unhealthy', 'restarting', 'stopping', 'stopped', 'error', 'degraded', 'degraded-elsewhere'] as const
type Source = 'ticker' | 'orderbook'

type Command =
  | { readonly type: 'ticker'; readonly venue: number; readonly bid?: string; readonly ask?: string; readonly lagMs: number }
  | { readonly type: 'book'; readonly venue: number; readonly isUpdate: boolean; readonly levels: Levels; readonly lagMs: number }
  | { readonly type: 'status'; readonly venue: number; readonly to: (typeof STATUSES)[number] }
  | { readonly type: 'subscription'; readonly venue: number; readonly source: Source; readonly status: string }
  | { readonly type: 'invalid'; readonly venue: number }
  | { readonly type: 'toggle'; readonly venue: number }
  | { readonly type: 'wait'; readonly ms: number }
  /** Our wall clock is set; nothing follows from that. */
  | { readonly type: 'step'; readonly ms: number }

interface Levels {
  readonly bids: readonly (readonly [price: string, size: string])[]
  readonly asks: readonly (readonly [price: string, size: string])[]
}

/** `at`: elapsed time. */
type Entry = { readonly at: number; readonly timestamp: number; readonly command: Command }

interface Naive {
  readonly source: Source
  readonly timestamp: number
  readonly at: number
  readonly bid: number | undefined
  readonly ask: number | undefined
}

/** What a venue quotes now, by reading its history from the start. */
function naiveQuote(history: readonly Entry[], now: number): Naive | undefined {
  let quote: Naive | undefined
  let book: { bids: Map<number, string>; asks: Map<number, string> } | undefined
  for (const { at, timestamp, command } of history) {
    if (quote !== undefined && at - quote.at >= STALE_MS) quote = undefined
    if (command.type === 'toggle') [quote, book] = [undefined, undefined]
    else if (command.type === 'ticker') {
      const isOlder = quote?.source === 'orderbook' && timestamp <= quote.timestamp
      if (isOlder || (command.bid === undefined && command.ask === undefined)) continue
      const [bid, ask] = [command.bid, command.ask].map((price) => (price === undefined ? undefined : Number(price)))
      quote = { source: 'ticker', timestamp, at, bid, ask }
    } else if (command.type === 'book') {
      if (!command.isUpdate) book = { bids: new Map(), asks: new Map() }
      if (book === undefined) continue
      for (const side of ['bids', 'asks'] as const) {
        for (const [price, size] of command.levels[side]) {
          if (Number(size) === 0) book[side].delete(Number(price))
          else book[side].set(Number(price), size)
        }
      }
      if (quote?.source === 'ticker' && timestamp < quote.timestamp) continue
      const bid = book.bids.size === 0 ? undefined : Math.max(...book.bids.keys())
      const ask = book.asks.size === 0 ? undefined : Math.min(...book.asks.keys())
      quote = { source: 'orderbook', timestamp, at, bid, ask }
    } else if (command.type === 'status') {
      if (command.to === 'running' || command.to === 'degraded-elsewhere') continue
      // Looked into only while there is something to lose.
      if (command.to !== 'degraded' || quote !== undefined) [quote, book] = [undefined, undefined]
    } else if (command.type === 'subscription') {
      if (command.status === 'confirmed') continue
      if (command.source === 'orderbook') book = undefined
      if (quote?.source === command.source) quote = undefined
    } else if (command.type === 'invalid') {
      book = undefined
      if (quote?.source === 'orderbook') quote = undefined
    }
  }
  return quote === undefined || now - quote.at >= STALE_MS ? undefined : quote
}

const venue = fc.nat(NAMES.length - 1)
/** The same few prices, written in different ways. */
const price = fc
  .tuple(fc.integer({ min: 95, max: 105 }), fc.constantFrom('', '.0', '.00'), fc.constantFrom('', '0'))
  .map(([whole, fraction, zero]) => `${zero}${whole}${fraction}`)
const lagMs = fc.integer({ min: 0, max: 30 })
const bestFirst = (sign: number) => (levels: readonly (readonly [string, string])[]) =>
  levels.toSorted(([a], [b]) => sign * (Number(a) - Number(b)))
const levels = (sign: number, size: fc.Arbitrary<string>) =>
  fc.uniqueArray(fc.tuple(price, size), { maxLength: 4, selector: ([text]) => Number(text) }).map(bestFirst(sign))
const sides = (size: fc.Arbitrary<string>) => fc.record({ bids: levels(-1, size), asks: levels(1, size) })
const optional = fc.option(price, { nil: undefined })

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('ticker'), venue, bid: optional, ask: optional, lagMs }) },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ type: fc.constant('book'), venue, lagMs },
      ...{ isUpdate: fc.constant(false), levels: sides(fc.constantFrom('1', '2.5')) },
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ type: fc.constant('book'), venue, lagMs },
      ...{ isUpdate: fc.constant(true), levels: sides(fc.constantFrom('0', '0.00', '1', '2')) },
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('status'), venue, to: fc.constantFrom(...STATUSES) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ type: fc.constant('subscription'), venue },
      ...{ source: fc.constantFrom<Source>('ticker', 'orderbook'), status: fc.constantFrom('pending', 'confirmed', 'rejected') },
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('invalid'), venue }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('toggle'), venue }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('wait'), ms: fc.constantFrom(1, 10, 300, 999, 1_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('step'), ms: fc.constantFrom(-600_000, -999, 1, 1_000, 3_600_000) }),
  },
)

const SIZES = { quick: 150, deep: 1_500 }

test('best bid and offer always are the greatest and the least of the live venues', async () => {
  let quotesSeen = 0
  let evictionsSeen = 0
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 30, maxLength: 60 }), async (commands) => {
      const clock = createVirtualClock()
      const venues = NAMES.map((name) => new FakeVenue(name, clock))
      const view = new ConsolidatedView({ symbol: 'BTC-USDT', venues, clock, staleAfterMs: STALE_MS })
      const histories = venues.map((): Entry[] => [])
      let told: ConsolidatedQuote | undefined
      const out = new Set<string>()
      view.on('venue', ({ venue: name, state }) => {
        if (state === 'stale') evictionsSeen++
        if (state === 'stale' || state === 'left') out.add(name)
        else out.delete(name)
      })
      view.on('quote', (quote) => {
        quotesSeen++
        told = quote
        for (const side of [quote.bid, quote.ask]) if (side !== undefined) expect(out).not.toContain(side.venue)
      })

      const check = (): void => {
        const live = venues.flatMap((_, index) => naiveQuote(histories[index]!, clock.elapsed()) ?? [])
        const bids = live.flatMap(({ bid }) => bid ?? [])
        const asks = live.flatMap(({ ask }) => ask ?? [])
        const { quote } = view
        expect(quote.bid && Number(quote.bid.price)).toBe(bids.length === 0 ? undefined : Math.max(...bids))
        expect(quote.ask && Number(quote.ask.price)).toBe(asks.length === 0 ? undefined : Math.min(...asks))
        expect([told?.bid, told?.ask]).toEqual([quote.bid, quote.ask])
        const isBoth = bids.length > 0 && asks.length > 0
        const spread = Math.min(...asks) - Math.max(...bids)
        expect(quote.spread?.toNumber()).toBe(isBoth ? spread : undefined)
        expect([quote.isCrossed, quote.isLocked]).toEqual([isBoth && spread < 0, isBoth && spread === 0])
      }

      const removed = new Set<FakeVenue>()
      for (const next of commands) {
        if (next.type === 'wait') await clock.advance(next.ms)
        else if (next.type === 'step') clock.stepWall(next.ms)
        else {
          const fake = venues[next.venue]!
          const timestamp = fake.time - ('lagMs' in next ? next.lagMs : 0)
          if (!removed.has(fake) || next.type === 'toggle')
            histories[next.venue]!.push({ at: clock.elapsed(), timestamp, command: next })
          perform(next, fake, timestamp)
          if (next.type === 'toggle') {
            if (view.remove(fake)) removed.add(fake)
            else {
              removed.delete(fake)
              view.add(fake)
            }
          }
        }
        check()
      }
      for (const fake of venues) view.remove(fake)
      expect([view.quote.bid, view.quote.ask, clock.pending]).toEqual([undefined, undefined, 0])
      expect(venues.map(({ attached }) => attached)).toEqual([0, 0, 0, 0, 0])
    }),
    property(SIZES),
  )
  expect(quotesSeen).toBeGreaterThan(size(SIZES) * 6)
  expect(evictionsSeen).toBeGreaterThan(size(SIZES) * 0.6)
})

function perform(next: Command, fake: FakeVenue, timestamp: number): void {
  if (next.type === 'ticker') fake.ticker(next.bid, next.ask, { timestamp })
  else if (next.type === 'book')
    fake.orderbook(next.isUpdate ? 'update' : 'snapshot', next.levels.bids, next.levels.asks, { timestamp })
  else if (next.type === 'subscription') fake.subscription(next.source, next.status)
  else if (next.type === 'invalid') fake.bookState('invalid')
  else if (next.type === 'status') {
    const isElsewhere = next.to === 'degraded-elsewhere'
    fake.subscriptions = (['ticker', 'orderbook'] as const).map((dataType) => ({
      ...{ dataType, isStale: false },
      status: isElsewhere ? 'confirmed' : 'pending',
    }))
    fake.status(isElsewhere ? 'degraded' : next.to)
  }
}
