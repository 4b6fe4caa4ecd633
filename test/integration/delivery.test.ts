import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createOkxCollector, DataType, ExchangeFactory, silentLogger, TapekeeperError, type PointOf } from 'tapekeeper'
import { startFakeExchange, type FakeExchange } from 'tapekeeper/testing'

// Real sockets on loopback, nothing mocked.
let fake: FakeExchange

beforeEach(async () => {
  fake = await startFakeExchange({ exchange: 'okx', seed: 7, tradesPerSecond: 50, pairs: 9 })
})
afterEach(() => fake.close())

const common = () => ({ endpoints: fake.endpoints, logger: silentLogger })

async function nextPoints<T extends DataType>(stream: AsyncIterable<PointOf<T>>, count: number): Promise<PointOf<T>[]> {
  const points: PointOf<T>[] = []
  for await (const point of stream) {
    points.push(point)
    if (points.length === count) break
  }
  return points
}

describe('an OKX collector', () => {
  test('delivers every public data type, typed and exact', async () => {
    await using collector = createOkxCollector({
      symbol: 'BTC-USDT',
      dataTypes: ['trade', 'ticker', 'orderbook', 'candle'],
      candles: { timeframes: ['1s', '1d'], source: 'exchange' },
      ...common(),
    })
    const trades = nextPoints(collector.stream(DataType.Trade), 20)
    const tickers = nextPoints(collector.stream(DataType.Ticker), 2)
    const books = nextPoints(collector.stream(DataType.OrderBook), 2)
    const candles = nextPoints(collector.stream(DataType.Candle), 2)

    expect(await collector.start()).toBe(true)
    expect(collector.status).toBe('running')

    const truth = new Map<string, ReturnType<FakeExchange['trades']>[number]>()
    const received = await trades
    for (const fill of fake.trades('BTC-USDT')) truth.set(fill.id, fill)
    for (const { data, symbol, timestamp } of received) {
      expect(symbol).toBe('BTC-USDT')
      expect(truth.get(data.id)).toMatchObject({ price: data.price, side: data.side, timestamp })
    }
    expect((await tickers)[0]?.data.last).toMatch(/^\d+(\.\d+)?$/)
    const [book] = await books
    expect(book?.data.bids).toHaveLength(5)
    expect(book?.data.asks).toHaveLength(5)
    expect(book?.data.kind).toBe('snapshot')
    const [candle] = await candles
    expect(candle?.data.source).toBe('exchange')
    expect(candle?.data.high.gte(candle.data.low)).toBe(true)
  })

  test('translates symbols of swaps and dated futures both ways', async () => {
    await using swap = createOkxCollector({ symbol: 'BTC-USDT-PERP', dataTypes: ['trade'], ...common() })
    const points = nextPoints(swap.stream(DataType.Trade), 3)
    expect(await swap.start()).toBe(true)
    expect(swap.instrument).toMatchObject({
      nativeSymbol: 'BTC-USDT-SWAP',
      marketType: 'perpetual',
      sizeUnit: 'contract',
      live: true,
    })
    expect((await points).map(({ symbol }) => symbol)).toEqual(['BTC-USDT-PERP', 'BTC-USDT-PERP', 'BTC-USDT-PERP'])
  })

  test('takes trades from trades-all by customParams', async () => {
    await using collector = createOkxCollector({
      symbol: 'ETH-USDT',
      dataTypes: ['trade'],
      customParams: { tradeChannel: 'trades-all' },
      ...common(),
    })
    const points = nextPoints(collector.stream(DataType.Trade), 10)
    expect(await collector.start()).toBe(true)
    const ids = (await points).map(({ data }) => Number(data.id))
    expect(ids).toEqual(ids.map((_, i) => ids[0]! + i))
    expect(fake.connections.map(({ path }) => path)).toEqual(['/ws/v5/business'])
  })

  test('logs in and delivers balances', async () => {
    const { DEFAULT_CREDENTIALS } = await import('tapekeeper/testing')
    await using collector = createOkxCollector({
      symbol: 'BTC-USDT',
      dataTypes: ['balance'],
      credentials: DEFAULT_CREDENTIALS,
      ...common(),
    })
    const balances = nextPoints(collector.stream(DataType.Balance), 2)
    expect(await collector.start()).toBe(true)
    expect((await balances)[0]?.data).toMatchObject({ asset: expect.any(String) as string })
    expect(JSON.stringify(collector.getStatus())).not.toContain(DEFAULT_CREDENTIALS.secret)
  })

  test('with wrong credentials fails the private collector alone, after one login', async () => {
    const { DEFAULT_CREDENTIALS } = await import('tapekeeper/testing')
    const logs: string[] = []
    const log = (...parts: unknown[]): void => void logs.push(JSON.stringify(parts))
    await using wrong = createOkxCollector({
      symbol: 'BTC-USDT',
      dataTypes: ['balance'],
      credentials: { ...DEFAULT_CREDENTIALS, secret: 'not-the-secret' },
      endpoints: fake.endpoints,
      logger: { debug: log, info: log, warn: log, error: log },
    })
    await using fine = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], ...common() })
    expect(await Promise.all([wrong.start(), fine.start()])).toEqual([false, true])
    expect(wrong.status).toBe('error')
    expect(wrong.lastError).toMatchObject({ code: 'AUTH_FAILED', consequence: 'stop-login' })
    expect(fake.requests.filter(({ op }) => op === 'login')).toHaveLength(1)
    expect(logs.join('\n') + JSON.stringify(wrong.lastError?.context) + String(wrong.lastError)).not.toContain('not-the-secret')
  })

  test('an unknown symbol among ten costs only its own collector', async () => {
    const symbols = ['NOPE-USDT', ...Array.from({ length: 9 }, (_, i) => `C00${i + 1}-USDT`)]
    const collectors = ExchangeFactory.createMultipleCollectors(
      symbols.map((symbol) => ({ exchange: 'okx', symbol, dataTypes: ['trade', 'ticker'], ...common() })),
    )
    const results = await Promise.all(collectors.map((collector) => collector.start()))
    for (const [index, collector] of collectors.entries()) {
      const isBad = collector.symbols[0] === 'NOPE-USDT'
      expect(results[index]).toBe(!isBad)
      expect(collector.status).toBe(isBad ? 'error' : 'running')
      if (!isBad) continue
      expect(TapekeeperError.is(collector.lastError)).toBe(true)
      expect(collector.lastError).toMatchObject({ code: 'SYMBOL_UNKNOWN', context: { symbol: 'NOPE-USDT' } })
      expect(collector.getStatus().statistics.lastError).toContain('NOPE-USDT')
    }
    expect(fake.connections).toHaveLength(1)
    await Promise.all(collectors.map((collector) => collector.stop()))
    await expect.poll(() => fake.connections.length).toBe(0)
  })

  test('a symbol that only the exchange knows to be wrong is refused alone', async () => {
    // Without REST there is no list: the exchange has the last word.
    fake.failRest({ status: 404 })
    const make = (symbol: string) => createOkxCollector({ symbol, dataTypes: ['trade'], ...common() })
    const collectors = ['BTC-USDT', 'NOPE-USDT', 'ETH-USDT'].map(make)
    expect(await Promise.all(collectors.map((collector) => collector.start()))).toEqual([true, false, true])
    expect(collectors[1]?.lastError).toMatchObject({ code: 'SUBSCRIPTION_REJECTED', context: { symbol: 'NOPE-USDT' } })
    await Promise.all(collectors.map((collector) => collector.stop()))
  })

  test('a callback that throws or rejects stops nobody and is reported once', async () => {
    await using collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], ...common() })
    const errors: TapekeeperError[] = []
    collector.on('error', (error) => errors.push(error))
    collector.addDataCallback(DataType.Trade, () => {
      throw new Error('first')
    })
    collector.addDataCallback(DataType.Trade, () => Promise.reject(new Error('second')))
    const points = nextPoints(collector.stream(DataType.Trade), 10)
    await collector.start()
    expect(await points).toHaveLength(10)
    expect(errors.map(({ code }) => code)).toEqual(['CALLBACK_FAILED'])
    expect(collector.getStatus().statistics.callbackErrors).toBeGreaterThanOrEqual(20)
  })

  test('emits raw frames on request', async () => {
    await using collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], storeRawData: true, ...common() })
    const raw = new Promise<string>((resolve) => collector.once('raw', ({ text }) => resolve(text)))
    await collector.start()
    expect(JSON.parse(await raw)).toMatchObject({ arg: { channel: 'trades', instId: 'BTC-USDT' } })
  })
})
