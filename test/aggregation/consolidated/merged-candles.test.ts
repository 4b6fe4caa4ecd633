import { describe, expect, test } from 'vitest'
import { CandleAggregator } from '../../../src/aggregation/candle-aggregator.ts'
import { ConsolidatedView } from '../../../src/aggregation/consolidated/consolidated-view.ts'
import type { ConsolidatedViewOptions } from '../../../src/aggregation/consolidated/options.ts'
import type { OhlcvData, PointOf } from '../../../src/domain/market-data.ts'
import type { SizeTerms } from '../../../src/aggregation/quote-rule.ts'
import { silentLogger } from '../../../src/ports/logger.ts'
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts'
import fc from '../../support/fast-check.ts'
import { asDecimal } from '../../support/decimals.ts'
import { FakeVenue, SYMBOL } from './fake-venue.ts'
import { property } from '../../support/runs.ts'

type Candles = NonNullable<ConsolidatedViewOptions['candles']>

const words = ({ timeframe, status, openTime, open, high, low, close, volume, complete, incompleteReason }: OhlcvData): string =>
  `${timeframe} ${status} ${(openTime / 1_000) % 3_600} ${[open, high, low, close, volume].join(' ')} ${complete ? 'complete' : incompleteReason}`

function setUp(candles: Partial<Candles> = {}, options: Partial<ConsolidatedViewOptions> = {}) {
  const clock = createVirtualClock()
  const [a, b, twin] = [new FakeVenue('a', clock), new FakeVenue('b', clock), new FakeVenue('a', clock)]
  const view = new ConsolidatedView({
    ...{ symbol: SYMBOL, venues: [a, b], clock, staleAfterMs: Infinity },
    candles: { timeframes: ['1s'], allowedLatenessMs: 100, ...candles },
    ...options,
  })
  const got: string[] = []
  view.on('candle', (candle) => {
    expect([candle.exchange, candle.symbol]).toEqual(['consolidated', SYMBOL])
    got.push(words(candle))
  })
  const trade = (venue: FakeVenue, id: string, price: string, more: Partial<PointOf<'trade'>> = {}, backfilled = false): void =>
    venue.trade(id, more, undefined, { price: asDecimal(price), backfilled })
  return { clock, view, a, b, twin, got, trade, start: clock.now() }
}

test('one candle of all venues’ trades, closed when the exchanges’ time has come', async () => {
  const { clock, a, b, got, trade, start, view } = setUp()
  await clock.advance(1_500)
  // They are 100 ms behind our clock, or as long on their way.
  trade(b, '1', '11', { timestamp: start + 1_400 })
  trade(b, '2', '9', { timestamp: start + 1_300 })
  trade(a, '1', '10', { timestamp: start + 1_200 })
  trade(a, '2', '9', { timestamp: start + 1_400 })
  await clock.advance(699)
  expect(got).toEqual([])
  await clock.advance(1)
  expect(got).toEqual(['1s closed 1 10 11 9 9 4 complete'])
  view.close()
  expect(clock.pending).toBe(0)
})

describe('what time it is', () => {
  const HOUR = 3_600_000

  test.each([-HOUR, -5_000, 5_000, HOUR])(
    'our clock is set by %d ms: the candles are what and when they were',
    async (stepMs) => {
      const { clock, a, b, got, trade, view } = setUp({ completeSeries: true })
      await clock.advance(1_000)
      for (let second = 1; second < 10; second++) {
        trade(a, String(second), String(10 + second))
        if (second === 4) clock.stepWall(stepMs)
        if (second === 6) b.subscription('trade', 'pending')
        if (second === 7) trade(b, '7', '99')
        await clock.advance(1_000)
        expect(got.filter((candle) => candle.startsWith('1s closed'))).toHaveLength(second - 1)
      }
      await clock.advance(100)
      const last = new Map(got.map((candle) => [candle.split(' ')[2], candle]))
      expect([...last.values()].every((candle) => candle.endsWith('complete'))).toBe(true)
      expect(last.get('9')).toBe('1s closed 9 19 19 19 19 1 complete')
      view.close()
    },
  )

  test.each([-HOUR, -60_000, 60_000, HOUR])('our clock is wrong by %d ms from the start', async (wrongMs) => {
    const { clock, a, b, got, trade, view } = setUp()
    // There the view began in the middle of a second.
    for (const venue of [a, b]) venue.offset += 500 - wrongMs
    await clock.advance(250)
    for (let i = 0; i < 20; i++) {
      trade(a, String(i), '10')
      trade(b, String(i), '10')
      await clock.advance(250)
    }
    const volumes = got.map((candle) => candle.split(' ').slice(2).join(' '))
    const from = Math.floor(a.offset / 1_000) % 3_600
    expect(volumes).toEqual([
      `${from} 10 10 10 10 2 before-start`,
      ...[1, 2, 3, 4].map((second) => `${from + second} 10 10 10 10 8 complete`),
    ])
    view.close()
  })

  test('nothing closes, and nothing is complete, until an exchange has told it', async () => {
    const { clock, a, b, got, trade, view, start } = setUp({ completeSeries: true, previousClose: asDecimal('7') })
    await clock.advance(10_000)
    expect(got).toEqual([])
    trade(a, '1', '10')
    await clock.advance(100)
    expect(got.map((candle) => candle.split(' ').slice(1).join(' '))).toEqual(
      Array.from({ length: 10 }, (_, second) => `closed ${second} 7 7 7 7 0 complete`),
    )
    expect((start / 1_000) % 3_600).toBe(0)
    trade(b, '1', '10')
    view.close()
  })

  test('of three exchanges one is an hour behind: it holds up nobody', async () => {
    const { clock, a, b, got, trade, view } = setUp()
    const c = new FakeVenue('c', clock)
    c.offset -= HOUR
    view.add(c)
    for (let i = 0; i < 5; i++) {
      for (const venue of [a, b, c]) trade(venue, String(i), '10')
      await clock.advance(1_000)
    }
    expect(got.filter((candle) => / closed [1-3] .* 2 complete/.test(candle))).toHaveLength(3)
    view.close()
  })

  test('trades that a tape held back, and then hands on at once, do not turn it back', async () => {
    const { clock, a, got, trade, view, b } = setUp()
    view.remove(b)
    trade(a, '1', '10')
    await clock.advance(500)
    const held = Array.from({ length: 5 }, (_, i) => ({ timestamp: a.time + i, receivedAt: clock.now() + i }))
    await clock.advance(20_000)
    got.length = 0
    for (const [i, more] of held.entries()) trade(a, `h${i}`, '10', more)
    trade(a, '2', '11')
    await clock.advance(600)
    expect(got.at(-1)).toMatch(/^1s closed 20 11 11 11 11 1 /)
    view.close()
  })

  test('a single wrong time: the candle it may belong to is not called complete', async () => {
    const { clock, a, b, got, trade, view } = setUp()
    for (let i = 0; i < 30; i++) {
      trade(a, String(i), '10', i === 16 ? { timestamp: a.time + HOUR } : {})
      trade(b, String(i), '10')
      await clock.advance(200)
    }
    const last = new Map(got.map((candle) => [candle.split(' ')[2], candle.split(' ').at(-1)]))
    expect(Object.fromEntries(last)).toEqual({ 0: 'complete', 1: 'complete', 2: 'complete', 3: 'time-doubtful', 4: 'complete' })
    view.close()
  })
})

test('higher timeframes and a complete series', async () => {
  const { clock, a, got, trade, view } = setUp({ timeframes: ['5s', '1s'], completeSeries: true })
  trade(a, '1', '10')
  await clock.advance(3_000)
  trade(a, '2', '12')
  await clock.advance(3_000)
  expect(got.filter((candle) => candle.startsWith('1s'))).toHaveLength(5)
  expect(got).toContain('1s closed 2 10 10 10 10 0 complete')
  expect(got.at(-1)).toBe('5s closed 0 10 12 10 12 2 complete')
  view.close()
  expect(clock.pending).toBe(0)
})

test('open candles, at most so often', async () => {
  const { clock, a, got, trade, view } = setUp({ updateIntervalMs: 250 })
  await clock.advance(1_000)
  for (let i = 0; i < 5; i++) {
    trade(a, String(i), String(10 + i))
    await clock.advance(100)
  }
  expect(got.map((candle) => candle.split(' ').slice(1, 7).join(' '))).toEqual(
    [10, 12, 14].map((last) => `open 1 10 ${last} 10 ${last}`),
  )
  view.close()
})

test('two collectors of one exchange: each trade once', async () => {
  const { clock, view, a, twin, got, trade } = setUp()
  view.add(twin)
  await clock.advance(1_000)
  trade(a, '1', '10')
  trade(twin, '1', '10')
  trade(twin, '2', '11')
  await clock.advance(1_100)
  expect(got).toEqual(['1s closed 1 10 11 10 11 2 complete'])
  view.close()
})

describe('the truth', () => {
  test('a venue that comes or goes in the middle leaves an incomplete candle, and only that', async () => {
    const { clock, view, a, twin, b, got, trade } = setUp()
    await clock.advance(1_500)
    trade(a, '1', '10')
    view.add(twin)
    await clock.advance(1_000)
    trade(a, '2', '10')
    await clock.advance(1_000)
    trade(a, '3', '10')
    view.remove(b)
    await clock.advance(1_000)
    trade(a, '4', '10')
    await clock.advance(1_000)
    const last = new Map(got.map((candle) => [candle.split(' ')[2], candle.split(' ').at(-1)]))
    expect(Object.fromEntries(last)).toEqual({ 1: 'venue-joined', 2: 'complete', 3: 'venue-left', 4: 'complete' })
    view.close()
  })

  test.each<[string, (venue: FakeVenue) => void, (venue: FakeVenue) => void]>([
    ['its subscription', (venue) => venue.subscription('trade', 'pending'), (venue) => venue.subscription('trade', 'confirmed')],
    ['its collector', (venue) => venue.status('restarting'), (venue) => venue.status('running')],
  ])('interrupted by %s: in doubt until its next live trade, then revised with what was found', async (_name, cut, mend) => {
    const { clock, a, b, got, trade, start, view } = setUp()
    await clock.advance(1_200)
    trade(a, '1', '10')
    cut(b)
    cut(b)
    await clock.advance(1_000)
    expect(got).toEqual(['1s closed 1 10 10 10 10 1 venue-interrupted'])
    trade(a, '2', '10')
    mend(b)
    trade(b, '7', '12', { timestamp: start + 1_900 }, true)
    expect(got.slice(1)).toEqual(['1s revised 1 10 12 10 12 2 venue-interrupted'])
    trade(b, '8', '11')
    expect(got.slice(2)).toEqual(['1s revised 1 10 12 10 12 2 complete'])
    await clock.advance(1_000)
    expect(got.slice(3)).toEqual(['1s closed 2 10 11 10 11 2 complete'])
    view.close()
    expect(clock.pending).toBe(0)
  })

  test('a venue whose collector starts later is heard from then on', async () => {
    const { clock, view, twin, a, got, trade } = setUp()
    twin.state = 'stopped'
    view.add(twin)
    await clock.advance(1_200)
    trade(a, '1', '10')
    await clock.advance(1_000)
    twin.status('running')
    trade(a, '2', '10')
    await clock.advance(1_000)
    trade(a, '3', '10')
    await clock.advance(1_000)
    const last = new Map(got.map((candle) => [candle.split(' ')[2], candle.split(' ').at(-1)]))
    expect(Object.fromEntries(last)).toEqual({ 1: 'venue-joined', 2: 'venue-joined', 3: 'complete' })
    view.close()
  })

  test('one that collects no trades says nothing about them', async () => {
    const { clock, view, twin, a, got, trade } = setUp()
    twin.dataTypes = ['ticker']
    twin.state = 'stopped'
    view.add(twin)
    twin.status('restarting')
    await clock.advance(1_200)
    trade(a, '1', '10')
    await clock.advance(1_000)
    expect(got).toEqual(['1s closed 1 10 10 10 10 1 complete'])
    view.remove(twin)
    view.close()
  })

  test('a gap of one venue, and its filling; not that of another consumer', async () => {
    const { clock, a, b, got, trade, start, view } = setUp()
    await clock.advance(1_200)
    trade(a, '1', '10')
    const gap = { fromId: '5', fromTime: start + 1_100, toTime: start + 1_300 }
    b.gap(gap)
    a.gap({ ...gap, reason: 'consumer-too-slow' })
    a.gap({ ...gap, symbol: 'BTC-USD' })
    await clock.advance(1_000)
    expect(got).toEqual(['1s closed 1 10 10 10 10 1 rest-failed'])
    const data = { id: '5', price: asDecimal('8'), size: asDecimal('2'), side: 'sell', backfilled: true } as const
    const origin = {
      exchange: 'b',
      symbol: SYMBOL,
      dataType: 'trade',
      timestamp: start + 1_200,
      receivedAt: clock.now(),
    } as const
    const found = { ...origin, data }
    b.gap({ ...gap, filled: true, trades: [found, found] })
    expect(got.slice(1)).toEqual(['1s revised 1 10 10 8 8 3 complete'])
    view.close()
  })
})

describe('contracts', () => {
  const PERP = 'BTC-USDT-PERP'
  const linear = (size: string) => ({ sizeUnit: 'contract', contractSize: asDecimal(size), contractType: 'linear' }) as const
  const inverse = (size: string) => ({ sizeUnit: 'contract', contractSize: asDecimal(size), contractType: 'inverse' }) as const
  const volumes = ({ volume, quoteVolume, takerBuyVolume, complete, incompleteReason }: OhlcvData): string =>
    [volume, quoteVolume, takerBuyVolume, complete ? 'complete' : incompleteReason].join(' ')

  function setUpPerps(a: SizeTerms | undefined, b: SizeTerms | undefined, instrument?: SizeTerms) {
    const clock = createVirtualClock()
    const venues = [new FakeVenue('a', clock), new FakeVenue('b', clock)] as const
    ;[venues[0].instrument, venues[1].instrument] = [a, b]
    const candles = { timeframes: ['1s'], instrument } as const
    const view = new ConsolidatedView({ symbol: PERP, venues, clock, candles, logger: silentLogger })
    const errors: string[] = []
    view.on('error', ({ code, message }) => errors.push(`${code} ${message}`))
    const got: string[] = []
    view.on('candle', (candle) => got.push(volumes(candle)))
    const trade = (venue: FakeVenue, id: string, size: string, side: 'buy' | 'sell' = 'buy') =>
      venue.trade(id, { symbol: PERP }, undefined, { size: asDecimal(size), price: asDecimal('50000'), side })
    return { clock, view, a: venues[0], b: venues[1], got, errors, trade }
  }

  test.each([
    ['linear ones of unequal sizes: base currency', linear('0.01'), linear('0.0001'), '0.0502 2510 0.05 complete'],
    ['linear ones and base currency', linear('0.01'), { sizeUnit: 'base' } as const, '2.05 102500 0.05 complete'],
    ['inverse ones: the quote currency that they are worth', inverse('100'), inverse('1'), '502 502 500 complete'],
  ])('%s', async (_name, ofA, ofB, expected) => {
    const { clock, view, a, b, got, errors, trade } = setUpPerps(ofA, ofB)
    trade(a, '1', '5')
    trade(b, '1', '2', 'sell')
    await clock.advance(1_000)
    expect([got, errors]).toEqual([[expected], []])
    view.close()
  })

  test('one that is not known yet: its trades are left out, which is told and seen', async () => {
    const { clock, view, a, b, got, errors, trade } = setUpPerps(linear('0.01'), undefined)
    trade(a, '1', '5')
    trade(b, '1', '2')
    await clock.advance(1_000)
    trade(a, '2', '5')
    trade(b, '2', '2')
    await clock.advance(500)
    b.instrument = linear('0.0001')
    trade(b, '3', '2')
    await clock.advance(500)
    trade(b, '4', '2')
    await clock.advance(1_000)
    expect(got.slice(-3)).toEqual(['0.05 2500 0.05 size-unknown', '0.0502 2510 0.0502 size-unknown', '0.0002 10 0.0002 complete'])
    expect(errors).toEqual([expect.stringMatching(/^OHLCV_INVALID trades of b are not in the candles of BTC-USDT-PERP/)])
    view.close()
  })

  test('linear and inverse ones are never added', async () => {
    const { clock, view, a, b, got, errors, trade } = setUpPerps(linear('0.01'), inverse('100'))
    trade(a, '1', '5')
    trade(b, '1', '2')
    view.remove(b)
    await clock.advance(1_000)
    trade(a, '2', '5')
    await clock.advance(1_000)
    expect(got).toEqual(['0.05 2500 0.05 size-unknown', '0.05 2500 0.05 complete'])
    expect(errors).toEqual([expect.stringContaining('linear and inverse contracts cannot be added')])
    view.close()
  })

  test('what venues do not tell the option does; found trades count alike', async () => {
    const { clock, view, a, b, got, trade } = setUpPerps(undefined, linear('0.0001'), linear('0.01'))
    const time = a.time
    trade(a, '1', '5')
    await clock.advance(1_000)
    const data = { id: '5', price: asDecimal('50000'), size: asDecimal('2'), side: 'buy', backfilled: true } as const
    const found = { exchange: 'b', symbol: PERP, dataType: 'trade', timestamp: time, receivedAt: time, data } as const
    b.gap({ symbol: PERP, fromTime: time, toTime: time, filled: true, trades: [found] })
    expect(got).toEqual(['0.05 2500 0.05 complete', '0.0502 2510 0.0502 complete'])
    view.close()
  })
})

test('the timer lives while there are venues', async () => {
  const { clock, view, a, b, got, trade } = setUp({ completeSeries: true })
  trade(a, '1', '10')
  expect(clock.pending).toBe(1)
  view.remove(a)
  view.remove(b)
  expect(clock.pending).toBe(0)
  view.add(a)
  expect(clock.pending).toBe(1)
  await clock.advance(1_100)
  expect(got.length).toBeGreaterThan(0)
  view.on('candle', () => view.close())
  await clock.advance(1_000)
  expect([view.isClosed, clock.pending]).toEqual([true, 0])
})

test.each([
  [{ timeframes: ['1s'], exchange: 'x' }, /unknown key "candles.exchange"/],
  [{ timeframes: ['3s'] }, /candles.timeframes/],
])('candles: %j is refused', (candles, message) => {
  expect(() => new ConsolidatedView({ symbol: SYMBOL, candles: candles as never })).toThrow(message)
})

test('whatever comes from where and when: the candles of one aggregator fed with all trades in order', async () => {
  const arrival = fc.record({
    venue: fc.nat(2),
    price: fc.integer({ min: 90, max: 110 }),
    lagMs: fc.nat(400),
    waitMs: fc.nat(700),
    stepMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constantFrom(-600_000, -1_000, 1_000, 3_600_000)),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { minLength: 1, maxLength: 40 }), fc.boolean(), async (arrivals, isHeldBack) => {
      const clock = createVirtualClock()
      const venues = ['a', 'b', 'c'].map((name) => new FakeVenue(name, clock))
      const timeframes = ['1s', '5s'] as const
      const candles = { timeframes, allowedLatenessMs: 500 }
      const held = isHeldBack ? { orderWithinMs: 200 } : {}
      const view = new ConsolidatedView({ symbol: SYMBOL, venues, clock, candles, ...held })
      const got: string[] = []
      view.on('candle', (candle) => got.push(words(candle)))
      await clock.advance(5_000)
      const trades: { id: string; price: string; size: string; side: 'buy'; timestamp: number }[] = []
      for (const [index, { venue, price, lagMs, waitMs, stepMs }] of arrivals.entries()) {
        clock.stepWall(stepMs)
        const timestamp = venues[venue]!.time - lagMs
        const id = String(index)
        trades.push({ id, price: String(price), size: '1', side: 'buy', timestamp })
        venues[venue]!.trade(id, { timestamp }, undefined, { price: asDecimal(String(price)) })
        await clock.advance(waitMs)
      }
      await clock.advance(10_000)
      const expected: string[] = []
      const onCandle = (candle: OhlcvData): void => void expected.push(words(candle))
      const alone = new CandleAggregator({ exchange: 'consolidated', symbol: SYMBOL, timeframes, onCandle })
      for (const trade of trades.toSorted((x, y) => x.timestamp - y.timestamp)) alone.add(trade)
      alone.advance(venues[0]!.time)
      expect(got.toSorted()).toEqual(expected.toSorted())
      view.close()
      expect(clock.pending).toBe(0)
    }),
    property({ quick: 40, deep: 200 }),
  )
})
