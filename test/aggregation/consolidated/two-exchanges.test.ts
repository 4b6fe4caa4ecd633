import { afterEach, describe, expect, test } from 'vitest'
import { CandleAggregator } from '../../../src/aggregation/candle-aggregator.ts'
import {
  ConsolidatedView,
  decimal,
  Decimal,
  defineExchange,
  ExchangeFactory,
  registerExchange,
  silentLogger,
  type ConsolidatedQuote,
  type ConsolidatedTrade,
  type ExchangeCollector,
  type ExchangeCollectorConfig,
  type OhlcvData,
} from 'tapekeeper'
import { okx } from 'tapekeeper/okx'
import { createVirtualClock, createVirtualExchange, type VirtualExchange } from 'tapekeeper/testing'
import { inVirtualTime } from '../../support/virtual-time.ts'

// Whole collectors of two exchanges, each a fake of its own, in one virtual time.

const SYMBOL = 'BTC-USDT'
const EXCHANGES = ['east', 'west'] as const
for (const id of EXCHANGES) registerExchange(defineExchange({ ...okx, id, name: id }))

const clock = createVirtualClock()
let fakes: VirtualExchange[] = []
let collectors: ExchangeCollector[] = []

async function open(config: Partial<ExchangeCollectorConfig>): Promise<void> {
  fakes = EXCHANGES.map((_, index) =>
    createVirtualExchange({ clock, seed: index + 1, instruments: [SYMBOL], tradesPerSecond: 10, bookUpdatesPerSecond: 10 }),
  )
  collectors = EXCHANGES.map((exchange, index) => {
    const { endpoints, ports } = fakes[index]!
    const dataTypes = ['orderbook'] as const
    return ExchangeFactory.createCollector({
      exchange,
      symbol: SYMBOL,
      dataTypes,
      endpoints,
      ports,
      logger: silentLogger,
      ...config,
    })
  })
  const started = await inVirtualTime(clock, Promise.all(collectors.map((collector) => collector.start())))
  expect(started).toEqual([true, true])
}

const touch = (fake: VirtualExchange) => [fake.book(SYMBOL).bids[0]?.[0], fake.book(SYMBOL).asks[0]?.[0]]

afterEach(async () => {
  await inVirtualTime(clock, Promise.all(collectors.map((collector) => collector.stop())))
  await Promise.all(fakes.map((fake) => fake.close()))
  expect(clock.pending).toBe(0)
})

describe.each<[string, Partial<ExchangeCollectorConfig>, boolean]>([
  ['tickers', { dataTypes: ['ticker'] }, false],
  ['books of 5 levels', { dataTypes: ['orderbook'] }, true],
  ['books of 400 levels, change by change', { dataTypes: ['orderbook'], orderBook: { depth: 400 } }, true],
  ['tickers and books', { dataTypes: ['ticker', 'orderbook'] }, false],
])('%s', (_name, config, isBook) => {
  test('the best of both; one is cut: evicted before anything else, and back when it quotes again', async () => {
    await open(config)
    // Late, in the middle of what the collectors do: a book that is kept needs no snapshot to be read.
    using view = new ConsolidatedView({ symbol: SYMBOL, venues: collectors, clock, logger: silentLogger })
    const news: string[] = []
    const quotes: ConsolidatedQuote[] = []
    const out = new Set<string>()
    view.on('venue', ({ venue, state, reason }) => {
      news.push(`${venue} ${state}: ${reason}`)
      if (state === 'stale') out.add(venue)
      else out.delete(venue)
    })
    view.on('quote', (quote) => {
      quotes.push(quote)
      for (const side of [quote.bid, quote.ask]) if (side !== undefined) expect(out).not.toContain(side.venue)
    })
    await clock.advance(3_000)
    expect(quotes.length).toBeGreaterThan(20)
    expect(view.venues.map(({ venue, quote }) => [venue, quote !== undefined])).toEqual(EXCHANGES.map((id) => [id, true]))
    expect(news).toEqual([])

    // Once what was published has arrived, a venue's quote is what its exchange has.
    for (let i = 0; i < 20; i++) {
      await clock.advance(37)
      while (fakes.some((fake) => clock.now() - fake.book(SYMBOL).timestamp < 2)) await clock.advance(1)
      const quoted = view.venues.map(({ quote }) => quote!)
      if (isBook) expect(quoted.map(({ bid, ask }) => [bid?.price, ask?.price])).toEqual(fakes.map(touch))
      const [bids, asks] = (['bid', 'ask'] as const).map((side) => quoted.map((quote) => decimal(quote[side]!.price)))
      expect(decimal(view.quote.bid!.price)).toEqual(Decimal.max(...bids!))
      expect(decimal(view.quote.ask!.price)).toEqual(Decimal.min(...asks!))
    }

    fakes[0]!.refuse({ forMs: 5_000 })
    fakes[0]!.drop()
    await clock.advance(2)
    expect(news).toHaveLength(1)
    expect(news[0]).toMatch(/^east stale: (subscription|book)$/)
    expect([view.quote.bid?.venue, view.quote.ask?.venue]).toEqual(['west', 'west'])
    await clock.advance(4_000)
    expect(view.venues.map(({ quote }) => quote !== undefined)).toEqual([false, true])
    await clock.advance(30_000)
    expect(news.slice(1)).toEqual(['east recovered: quote'])
  })
})

test('a market that falls silent while its line lives is evicted by time', async () => {
  await open({ dataTypes: ['ticker'] })
  using view = new ConsolidatedView({ symbol: SYMBOL, venues: collectors, clock, staleAfterMs: 2_000 })
  const news: string[] = []
  view.on('venue', ({ venue, state, reason }) => news.push(`${venue} ${state}: ${reason}`))
  await clock.advance(2_000)
  fakes[1]!.mute(SYMBOL)
  await clock.advance(2_200)
  expect(news).toEqual(['west stale: silence'])
  fakes[1]!.unmute()
  await clock.advance(2_200)
  expect(news).toEqual(['west stale: silence', 'west recovered: quote'])
})

test('all trades of both, each once, over a cut and its repair; in order of time', async () => {
  await open({ dataTypes: ['trade'] })
  const [east, west] = fakes as [VirtualExchange, VirtualExchange]
  const { endpoints, ports } = west
  const twin = ExchangeFactory.createCollector({
    ...{ exchange: 'west', symbol: SYMBOL, dataTypes: ['trade'], endpoints, ports, logger: silentLogger },
  })
  collectors.push(twin)
  expect(await inVirtualTime(clock, twin.start())).toBe(true)
  const since = fakes.map((fake) => fake.trades(SYMBOL).length)
  using view = new ConsolidatedView({ symbol: SYMBOL, venues: collectors, clock, orderWithinMs: 500 })
  const trades: ConsolidatedTrade[] = []
  view.on('trade', (trade) => trades.push(trade))
  await clock.advance(5_000)
  const before = trades.map(({ timestamp }) => timestamp)
  expect(before.length).toBeGreaterThan(50)
  expect(before).toEqual(before.toSorted((a, b) => a - b))
  east.drop()
  west.drop()
  await clock.advance(5_000)
  for (const fake of fakes) fake.setTradesPerSecond(SYMBOL, 0)
  await clock.advance(1_000)
  for (const fake of fakes) fake.trade(SYMBOL)
  await clock.advance(10_000)
  view.close()
  for (const [index, fake] of fakes.entries()) {
    const fills = trades
      .filter(({ venue }) => venue.startsWith(EXCHANGES[index]!))
      .flatMap(({ data: { id, count = 1 } }) => Array.from({ length: count }, (_, i) => Number(id) - i))
    expect(new Set(fills).size).toBe(fills.length)
    const expected = fake
      .trades(SYMBOL)
      .slice(since[index])
      .map(({ id }) => Number(id))
    // What was under way when the view was made may come on top.
    expect(fills.toSorted((a, b) => a - b).slice(-expected.length)).toEqual(expected)
  }
})

test('candles of both over a cut and its repair: those of the exchanges’ own trades', async () => {
  await open({ dataTypes: ['trade'] })
  const since = clock.now()
  const candles = { timeframes: ['1s', '5s'], allowedLatenessMs: 100 } as const
  using view = new ConsolidatedView({ symbol: SYMBOL, venues: collectors, clock, candles })
  const last = new Map<string, OhlcvData>()
  const incomplete: string[] = []
  const key = ({ timeframe, openTime }: OhlcvData): string => `${timeframe} ${openTime}`
  view.on('candle', (candle) => {
    last.set(key(candle), candle)
    if (!candle.complete) incomplete.push(`${candle.status} ${candle.incompleteReason}`)
  })
  await clock.advance(5_000)
  fakes[0]!.refuse({ forMs: 2_000 })
  fakes[0]!.drop()
  await clock.advance(20_000)
  for (const fake of fakes) fake.setTradesPerSecond(SYMBOL, 0)
  await clock.advance(1_000)
  for (const fake of fakes) fake.trade(SYMBOL)
  await clock.advance(10_000)
  expect(incomplete).toContain('closed venue-interrupted')

  const expected = new Map<string, OhlcvData>()
  const alone = new CandleAggregator({
    ...{ exchange: 'consolidated', symbol: SYMBOL, timeframes: candles.timeframes, dropDuplicates: false },
    onCandle: (candle) => expected.set(key(candle), candle),
  })
  const fills = fakes.flatMap((fake) => fake.trades(SYMBOL))
  for (const fill of fills.toSorted((a, b) => a.timestamp - b.timestamp)) alone.add(fill)
  alone.advance(clock.now())
  // Whole buckets since the view was made; before, it has heard a part or nothing.
  const whole = [...expected.values()].filter(({ openTime }) => openTime > since)
  expect(whole.length).toBeGreaterThan(20)
  for (const candle of whole)
    expect(plain(last.get(key(candle))!)).toEqual(plain({ ...candle, status: last.get(key(candle))!.status }))
})

const plain = (candle: OhlcvData): unknown => JSON.parse(JSON.stringify(candle))
