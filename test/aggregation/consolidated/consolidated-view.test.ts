import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import { ConsolidatedView } from '../../../src/aggregation/consolidated/consolidated-view.ts'
import type { ConsolidatedViewOptions } from '../../../src/aggregation/consolidated/options.ts'
import type { ConsolidatedQuote } from '../../../src/aggregation/consolidated/quote.ts'
import type { Venue } from '../../../src/aggregation/consolidated/venue.ts'
import type { BaseDataCollector } from '../../../src/core/collector/base-collector.ts'
import type { ExchangeCollector } from '../../../src/core/collector/exchange-collector.ts'
import type { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { silentLogger, type Logger } from '../../../src/ports/logger.ts'
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { asDecimal } from '../../support/decimals.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { inVirtualTime } from '../../support/test-ports.ts'
import { FakeVenue, SYMBOL } from './fake-venue.ts'

interface World {
  readonly clock: VirtualClock
  readonly view: ConsolidatedView
  readonly a: FakeVenue
  readonly b: FakeVenue
  /** Everything told, in order, in short. */
  readonly told: string[]
}

const side = (quote: ConsolidatedQuote, name: 'bid' | 'ask'): string => {
  const best = quote[name]
  return best === undefined ? '-' : `${best.price}x${best.size ?? '?'}@${best.venue}`
}
const words = (quote: ConsolidatedQuote): string => `${side(quote, 'bid')} ${side(quote, 'ask')}`

let open: ConsolidatedView[] = []

function watch(view: ConsolidatedView): string[] {
  const told: string[] = []
  open.push(view)
  view.on('quote', (quote) => {
    expect(words(view.quote)).toBe(words(quote))
    told.push(words(quote))
  })
  view.on('venue', ({ venue, state, reason }) => told.push(`${venue} ${state}: ${reason}`))
  view.on('trade', ({ venue, data }) => told.push(`trade ${data.id} of ${venue}`))
  return told
}

function setUp(options: Partial<ConsolidatedViewOptions> = {}): World {
  const clock = createVirtualClock()
  const [a, b] = [new FakeVenue('a', clock), new FakeVenue('b', clock)]
  const view = new ConsolidatedView({ symbol: SYMBOL, venues: [a, b], clock, logger: silentLogger, ...options })
  return { clock, view, a, b, told: watch(view) }
}

afterEach(() => {
  for (const view of open) view.close()
  open = []
})

test('collectors of every kind have the shape of a venue', () => {
  expectTypeOf<BaseDataCollector>().toExtend<Venue>()
  expectTypeOf<ExchangeCollector>().toExtend<Venue>()
})

describe('best bid and offer', () => {
  test('the highest bid and the lowest ask, each with its venue', () => {
    const { view, a, b, told, clock } = setUp()
    expect(view.quote).toEqual({
      ...{ symbol: SYMBOL, bid: undefined, ask: undefined, spread: undefined },
      ...{ isCrossed: false, isLocked: false, at: clock.now() },
    })
    a.ticker('99.9', '100.2')
    b.ticker('99.8', '100.10')
    b.ticker('99.90', '100.1')
    expect(told).toEqual(['99.9x1@a 100.2x2@a', '99.9x1@a 100.10x2@b', '99.9x1@a 100.1x2@b'])
    expect(view.quote).toMatchObject({ bid: { price: '99.9', size: '1', venue: 'a' }, isCrossed: false, isLocked: false })
    expect(view.quote.spread?.toString()).toBe('0.2')
    expect(view.venues).toMatchObject([
      { venue: 'a', exchange: 'a', quote: { source: 'ticker', bid: { price: '99.9' } } },
      { venue: 'b', exchange: 'b', quote: { bid: { price: '99.90' } } },
    ])
  })

  test.each([
    ['apart', '99', '100', false, false, '1'],
    ['locked', '100.0', '100', false, true, '0'],
    ['crossed', '100.5', '100', true, false, '-0.5'],
    ['crossed where no float can tell', '100.00000000000000002', '100.00000000000000001', true, false, '-0.00000000000000001'],
  ])('%s: bid %s of one venue, ask %s of the other', (_name, bid, ask, isCrossed, isLocked, spread) => {
    const { view, a, b } = setUp()
    a.ticker(bid, undefined)
    b.ticker(undefined, ask)
    expect(view.quote).toMatchObject({ isCrossed, isLocked, bid: { venue: 'a' }, ask: { venue: 'b' } })
    expect(view.quote.spread?.toString()).toBe(spread)
  })

  test('of equal prices the venue that was added first', () => {
    const { view, a, b } = setUp()
    b.ticker('99', '101')
    expect(words(view.quote)).toBe('99x1@b 101x2@b')
    a.ticker('99.0', '101.0')
    expect(words(view.quote)).toBe('99.0x1@a 101.0x2@a')
  })

  test('told only when price, size or venue changed', () => {
    const { a, b, told } = setUp()
    a.ticker('99', '101')
    a.ticker('99', '101')
    b.ticker('98', '102')
    b.ticker('97', '103')
    a.orderbook('snapshot', [['99', '5']], [['101', '2']])
    expect(told).toEqual(['99x1@a 101x2@a', '99x5@a 101x2@a'])
  })

  test('other symbols are not looked at, above all not other quote currencies', () => {
    const { a, told } = setUp()
    a.ticker('99', '101', { symbol: 'BTC-USD' })
    a.orderbook('snapshot', [['99', '5']], [['101', '2']], { symbol: 'BTC-USDT-PERP' })
    a.trade('1', { symbol: 'BTC-USD' })
    a.ticker('1', '2')
    a.subscription('ticker', 'pending', 'BTC-USD')
    a.bookState('invalid', 'gap', 'BTC-USD')
    expect(told).toEqual(['1x1@a 2x2@a'])
  })

  test('a ticker without a quote says nothing; an empty book says that nobody quotes', () => {
    const { a, told } = setUp()
    a.ticker('99', '101')
    a.ticker(undefined, undefined)
    a.orderbook('snapshot', [], [['101', '2']])
    expect(told).toEqual(['99x1@a 101x2@a', '- 101x2@a'])
  })
})

describe('ticker and order book of one venue', () => {
  test('the newer by the exchange’s time counts; the book at the same time', () => {
    const { a, view } = setUp()
    const best = () => view.quote.bid?.price
    a.ticker('1', '9', { timestamp: 1_000 })
    a.orderbook('snapshot', [['2', '1']], [], { timestamp: 999 })
    expect(best()).toBe('1')
    a.orderbook('snapshot', [['2', '1']], [], { timestamp: 1_000 })
    expect(best()).toBe('2')
    a.ticker('3', '9', { timestamp: 1_000 })
    expect(best()).toBe('2')
    a.ticker('3', '9', { timestamp: 1_001 })
    expect(best()).toBe('3')
  })

  test('within one of them arrival counts, whatever the exchange’s clock does', () => {
    const { a, view } = setUp()
    a.ticker('1', '9', { timestamp: 1_000 })
    a.ticker('2', '9', { timestamp: 10 })
    expect(view.quote.bid?.price).toBe('2')
  })

  test('changes amend the last snapshot; before one they say nothing', () => {
    const { a, told } = setUp()
    a.orderbook('update', [['50', '1']], [])
    a.orderbook(
      'snapshot',
      [
        ['99', '1'],
        ['98', '2'],
      ],
      [
        ['101', '1'],
        ['102', '2'],
      ],
    )
    a.orderbook('update', [['99.5', '3']], [])
    a.orderbook(
      'update',
      [
        ['99.50', '0'],
        ['99.0', '0'],
      ],
      [
        ['100.5', '7'],
        ['77', '0'],
      ],
    )
    a.orderbook('update', [['98', '4']], [['101.5', '9']])
    expect(told).toEqual(['99x1@a 101x1@a', '99.5x3@a 101x1@a', '98x2@a 100.5x7@a', '98x4@a 100.5x7@a'])
  })

  test('where the collector keeps a book, that one is read, also in the middle of its life', () => {
    const { a, told } = setUp()
    const book = { symbol: SYMBOL, isValid: true, bestBid: [asDecimal('5'), asDecimal('1')], bestAsk: undefined } as const
    a.book = book
    a.orderbook('update', [['1', '1']], [])
    a.book = { ...book, isValid: false }
    a.orderbook('update', [['1', '1']], [])
    a.book = { ...book, bestBid: [asDecimal('6'), asDecimal('1')] }
    a.orderbook('update', [], [])
    expect(told).toEqual(['5x1@a -', '6x1@a -'])
  })
})

describe('evicted at once', () => {
  const ticker = (world: World) => world.a.ticker('99', '101')
  const book = (world: World) => world.a.orderbook('snapshot', [['99', '1']], [['101', '2']])
  const confirmed = { dataType: 'ticker', status: 'confirmed', isStale: false }

  test.each<[string, (world: World) => void, (world: World) => void, string | undefined]>([
    ['the collector is unhealthy', ticker, ({ a }) => a.status('unhealthy'), 'status'],
    ['it restarts', ticker, ({ a }) => a.status('restarting'), 'status'],
    ['it stops', book, ({ a }) => a.status('stopping'), 'status'],
    ['it failed', book, ({ a }) => a.status('error', 'refused'), 'status'],
    ['it runs', ticker, ({ a }) => a.status('running'), undefined],
    ['it is degraded and tells no streams apart', ticker, ({ a }) => a.status('degraded'), 'subscription'],
    [
      'degraded, and this stream is silent',
      ticker,
      ({ a }) => {
        a.subscriptions = [{ ...confirmed, isStale: true }]
        a.status('degraded')
      },
      'subscription',
    ],
    [
      'degraded, and this stream is pending',
      ticker,
      ({ a }) => {
        a.subscriptions = [{ ...confirmed, status: 'pending' }]
        a.status('degraded')
      },
      'subscription',
    ],
    [
      'degraded, but by another stream',
      ticker,
      ({ a }) => {
        a.subscriptions = [confirmed, { dataType: 'trade', status: 'pending', isStale: false }]
        a.status('degraded')
      },
      undefined,
    ],
    ['the subscription is lost', ticker, ({ a }) => a.subscription('ticker', 'pending'), 'subscription'],
    ['the subscription has ended', book, ({ a }) => a.subscription('orderbook', 'ended'), 'subscription'],
    ['the subscription is confirmed', ticker, ({ a }) => a.subscription('ticker', 'confirmed'), undefined],
    ['another subscription is lost', ticker, ({ a }) => a.subscription('orderbook', 'pending'), undefined],
    ['the book is invalid', book, ({ a }) => a.bookState('invalid'), 'book'],
    ['the book is invalid, the quote is the ticker’s', ticker, ({ a }) => a.bookState('invalid'), undefined],
    ['the book is valid', book, ({ a }) => a.bookState('valid'), undefined],
  ])('%s', (_name, quote, news, reason) => {
    const world = setUp()
    const { a, b, view, told } = world
    quote(world)
    b.ticker('98', '102')
    told.length = 0
    news(world)
    expect(told).toEqual(reason === undefined ? [] : [`a stale: ${reason}`, '98x1@b 102x2@b'])
    expect(view.venues[0]?.quote === undefined).toBe(reason !== undefined)
    news(world)
    a.ticker('99.1', '101')
    expect(told.slice(2)).toEqual(reason === undefined ? [] : ['a recovered: quote', '99.1x1@a 101x2@a'])
  })

  test('changes of a lost book say nothing until its next snapshot', () => {
    const world = setUp()
    const { a, told } = world
    for (const lose of [
      () => a.bookState('invalid'),
      () => a.subscription('orderbook', 'pending'),
      () => a.status('restarting'),
    ]) {
      book(world)
      lose()
      told.length = 0
      a.orderbook('update', [['99.5', '1']], [])
      expect(told).toEqual([])
    }
  })

  test('a venue that has not quoted is neither stale nor recovered', () => {
    const { a, told } = setUp()
    a.status('unhealthy')
    a.trade('7')
    a.ticker('1', '2')
    expect(told).toEqual(['trade 7 of a', '1x1@a 2x2@a'])
  })
})

describe('evicted by time', () => {
  test('to the millisecond, each on its own, and back with the next quote', async () => {
    const { clock, a, b, told } = setUp({ staleAfterMs: 1_000 })
    a.ticker('99', '101')
    await clock.advance(600)
    b.ticker('98', '102')
    await clock.advance(399)
    told.length = 0
    await clock.advance(1)
    expect(told).toEqual(['a stale: silence', '98x1@b 102x2@b'])
    await clock.advance(600)
    expect(told.slice(2)).toEqual(['b stale: silence', '- -'])
    expect(clock.pending).toBe(0)
    a.ticker('99', '101')
    expect(told.slice(4)).toEqual(['a recovered: quote', '99x1@a 101x2@a'])
    expect(clock.pending).toBe(1)
  })

  test('every quote renews, one timer for all', async () => {
    const { clock, a, b, told } = setUp({ staleAfterMs: 1_000 })
    for (let i = 0; i < 50; i++) {
      a.ticker('99', '101')
      b.ticker('98', '102')
      await clock.advance(100)
      expect(clock.pending).toBe(1)
    }
    expect(told).toEqual(['99x1@a 101x2@a'])
  })

  test('a timer that is late shows nothing old', async () => {
    const { clock, a } = setUp({ venues: [] })
    let stuckMs = 0
    const late = { ...clock, elapsed: () => clock.elapsed() + stuckMs, after: () => () => undefined }
    const b = new FakeVenue('b', clock)
    const blocked = new ConsolidatedView({ symbol: SYMBOL, venues: [a, b], clock: late, staleAfterMs: 1_000 })
    const told = watch(blocked)
    a.ticker('99', '101')
    stuckMs = 5_000
    expect([words(blocked.quote), blocked.venues[0]?.quote]).toEqual(['- -', undefined])
    b.ticker('98', '102')
    expect(told).toEqual(['99x1@a 101x2@a', 'a stale: silence', '98x1@b 102x2@b'])
  })

  test('a quote counts from when it comes, whatever was written on it', async () => {
    const { clock, a, view } = setUp({ staleAfterMs: 1_000 })
    a.ticker('99', '101', { receivedAt: clock.now() - 600_000 })
    await clock.advance(400)
    expect(view.venues.map(({ quote, quoteAgeMs }) => [quote?.bid?.price, quoteAgeMs])).toEqual([
      ['99', 400],
      [undefined, undefined],
    ])
  })

  test.each([-600_000, -1_000, 1_000, 600_000])(
    'our clock is set by %d ms: a dead venue goes when its time has passed, a living one stays',
    async (stepMs) => {
      const { clock, a, b, view, told } = setUp({ staleAfterMs: 1_000 })
      a.ticker('99', '100')
      b.ticker('98', '101')
      await clock.advance(500)
      clock.stepWall(stepMs)
      expect(words(view.quote)).toBe('99x1@a 100x2@a')
      b.ticker('98', '101')
      await clock.advance(499)
      expect(told).toEqual(['99x1@a 100x2@a'])
      await clock.advance(1)
      expect(told.slice(1)).toEqual(['a stale: silence', '98x1@b 101x2@b'])
      await clock.advance(499)
      clock.stepWall(-stepMs)
      expect(view.venues.map(({ quoteAgeMs }) => quoteAgeMs)).toEqual([undefined, 999])
      await clock.advance(1)
      expect(told.slice(3)).toEqual(['b stale: silence', '- -'])
      expect(clock.pending).toBe(0)
    },
  )

  test('Infinity trusts the collectors alone', async () => {
    const { clock, a, view } = setUp({ staleAfterMs: Infinity })
    a.ticker('99', '101')
    await clock.advance(86_400_000)
    expect([view.quote.bid?.venue, clock.pending]).toEqual(['a', 0])
  })
})

describe('venues come and go', () => {
  test('added once, removed with all that was attached', () => {
    const { clock, view, a, b, told } = setUp({ venues: [] })
    expect([view.add(a), view.add(a), view.add(b)]).toEqual(['a', 'a', 'b'])
    a.ticker('99', '101')
    b.ticker('98', '102')
    expect([view.remove(a), view.remove(a)]).toEqual([true, false])
    expect([a.attached, b.attached, clock.pending]).toEqual([0, 7, 1])
    expect(told).toEqual(['a joined: added', 'b joined: added', '99x1@a 101x2@a', 'a left: removed', '98x1@b 102x2@b'])
    view.remove(b)
    expect([b.attached, clock.pending]).toEqual([0, 0])
  })

  test('several collectors of one exchange have names of their own', () => {
    const { clock, view } = setUp({ venues: [] })
    const same = [1, 2, 3].map(() => new FakeVenue('okx', clock))
    expect(same.map((venue) => view.add(venue))).toEqual(['okx', 'okx-2', 'okx-3'])
    view.remove(same[1]!)
    expect(view.add(new FakeVenue('okx', clock))).toBe('okx-2')
    expect(view.venues.map(({ exchange }) => exchange)).toEqual(['okx', 'okx', 'okx'])
  })

  test.each<[string, (view: ConsolidatedView, abort: () => void) => unknown]>([
    ['close', (view) => view.close()],
    ['using', (view) => view[Symbol.dispose]()],
    ['await using', (view) => view[Symbol.asyncDispose]()],
    ['its signal', (_view, abort) => abort()],
  ])('%s leaves no timer, no callback and no listener', async (_name, end) => {
    const abort = new AbortController()
    const { clock, view, a, b, told } = setUp({ signal: abort.signal, orderWithinMs: 100 })
    a.ticker('99', '101')
    b.trade('1')
    told.length = 0
    await end(view, () => abort.abort())
    view.close()
    expect(told).toEqual(['trade 1 of b', 'a left: closed', 'b left: closed'])
    expect([a.attached, b.attached, clock.pending, view.isClosed, view.venues]).toEqual([0, 0, 0, true, []])
    expect(() => view.add(a)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error)
    expect(words(view.quote)).toBe('- -')
  })

  test('a signal that has aborted already: closed from the start', () => {
    const { a, view } = setUp({ signal: AbortSignal.abort() })
    expect([a.attached, view.isClosed]).toEqual([0, true])
  })

  test.each([
    [{ symbol: '' }, /symbol must have at least 1 character/],
    [{ symbol: SYMBOL, staleAfterMS: 5 }, /unknown key "staleAfterMS", did you mean "staleAfterMs"/],
    [{ symbol: SYMBOL, staleAfterMs: 0 }, /staleAfterMs/],
    [{ symbol: SYMBOL, venues: [{}] }, /must be a collector/],
  ])('%j is refused', (options, message) => {
    expect(() => new ConsolidatedView(options as never)).toThrow(message)
  })
})

describe('listeners are fenced', () => {
  test('one that throws or rejects stops nobody, and is reported once', async () => {
    const { clock, view, a, told } = setUp()
    const errors: TapekeeperError[] = []
    const fresh = new ConsolidatedView({ symbol: SYMBOL, venues: [a], clock })
    open.push(fresh)
    fresh.on('error', (error) => errors.push(error))
    fresh.on('quote', () => {
      throw new Error('mine')
    })
    const later: () => unknown = () => Promise.reject(new Error('later'))
    fresh.on('trade', later)
    const seen = watch(fresh)
    a.ticker('1', '2')
    a.trade('1')
    await clock.settle()
    expect(seen).toEqual(told)
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ['CALLBACK_FAILED', "a listener of 'quote' failed (reported once): mine"],
    ])
    expect(view.isClosed).toBe(false)
  })

  test('unheard, it goes to the logger', () => {
    const lines: string[] = []
    const logger: Logger = { ...silentLogger, error: (message) => lines.push(message) }
    const { view, a } = setUp({ logger })
    view.on('quote', () => {
      throw new Error('mine')
    })
    a.ticker('1', '2')
    expect(lines).toEqual(["a listener of 'quote' failed (reported once): mine"])
  })

  test('a listener may end it all', () => {
    const { clock, view, a, told } = setUp({ orderWithinMs: 10 })
    view.on('quote', () => view.close())
    a.trade('1')
    a.trade('2')
    a.ticker('1', '2')
    expect(told).toEqual(['1x1@a 2x2@a', 'trade 1 of a', 'trade 2 of a', 'a left: closed', 'b left: closed'])
    expect(clock.pending).toBe(0)
  })

  test('off takes one listener away', () => {
    const { view, a } = setUp()
    let calls = 0
    const count = (): void => {
      calls++
    }
    view.on('trade', count).on('trade', count).off('trade', count).off('venue', count)
    a.trade('1')
    expect(calls).toBe(1)
  })
})

test('a collector of one’s own, over a restart', async () => {
  const source = new FakeSource({ symbols: ['ABC-USD'], dataTypes: ['trade', 'ticker'] })
  const { clock } = source.world
  const view = new ConsolidatedView({ symbol: 'ABC-USD', venues: [source], clock })
  const told = watch(view)
  await inVirtualTime(clock, source.start())
  await clock.advance(1_500)
  expect(told).toEqual(['trade 1 of fake'])
  await inVirtualTime(clock, source.stop())
  view.close()
  expect([source.listenerCount('book'), source.listenerCount('subscription'), clock.pending]).toEqual([0, 0, 0])
})
