import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FakeExchange, FakeFill } from 'tapekeeper/testing'
import {
  assertRowsAreGenerated,
  assertShowsLastTrade,
  CREDENTIALS,
  nativeNames,
  startFake,
  until,
  type TradeRow,
} from './fake.ts'

interface Trade {
  readonly id: string
  readonly symbol: string
  readonly price: number
  readonly amount: number
  readonly side: string
  readonly timestamp: number
  readonly info: TradeRow
}
interface Ticker {
  readonly symbol: string
  readonly last: number
  readonly bid: number
  readonly ask: number
  readonly timestamp: number
}
interface Book {
  readonly bids: readonly (readonly [price: number, amount: number])[]
  readonly asks: readonly (readonly [price: number, amount: number])[]
  readonly timestamp: number | undefined
  readonly nonce: number | undefined
}
interface Market {
  readonly id: string
  readonly symbol: string
  readonly type: string
  readonly active: boolean
}
type Ohlcv = readonly [time: number, open: number, high: number, low: number, close: number, volume: number]
interface Exchange {
  readonly markets: Readonly<Record<string, Market>>
  loadHttpProxyAgent(): Promise<unknown>
  loadMarkets(): Promise<unknown>
  parseMarket(row: object): object
  setMarkets(markets: readonly object[]): void
  watchTrades(symbol: string): Promise<readonly Trade[]>
  watchTicker(symbol: string): Promise<Ticker>
  watchOrderBook(symbol: string, limit?: number): Promise<Book>
  watchOHLCV(symbol: string, timeframe: string): Promise<readonly Ohlcv[]>
  watchBalance(): Promise<Readonly<Record<string, { readonly free?: number; readonly used?: number; readonly total?: number }>>>
  fetchTrades(symbol: string, since?: number, limit?: number, params?: object): Promise<readonly Trade[]>
  fetchOHLCV(symbol: string, timeframe: string, since?: number, limit?: number): Promise<readonly Ohlcv[]>
  fetchOrderBook(symbol: string, limit?: number): Promise<Book>
  fetchTime(): Promise<number>
  close(): Promise<void>
}
interface Ccxt {
  readonly pro: { readonly okx: new (options: object) => Exchange }
  readonly BadSymbol: new () => Error
  readonly BadRequest: new () => Error
  readonly AuthenticationError: new () => Error
}

/** With keys it would also ask for the list of currencies, which the fake does not serve. */
const WITHOUT_CURRENCIES = { has: { fetchCurrencies: false } }

describe('ccxt', { timeout: 120_000 }, () => {
  let fake: FakeExchange
  let ccxt: Ccxt
  const exchanges: Exchange[] = []

  before(async () => {
    fake = await startFake('ccxt')
    const module: unknown = await import('ccxt')
    ccxt = (module as { readonly default: Ccxt }).default
  })
  after(async () => {
    for (const exchange of exchanges) await exchange.close()
    await fake.close()
  })

  /** A client whose every URL is the fake's. */
  async function connect(options: object = {}): Promise<Exchange> {
    const { rest, public: publicUrl } = fake.endpoints
    const exchange = new ccxt.pro.okx({
      urls: { api: { rest, ws: publicUrl.replace(/\/public$/, '') } },
      streaming: { keepAlive: 500 },
      // The pace at which it would ask the real exchange.
      rateLimit: 10,
      ...options,
    })
    // Sockets without TLS need this agent.
    await exchange.loadHttpProxyAgent()
    exchanges.push(exchange)
    await exchange.loadMarkets()
    return exchange
  }

  test('loads the markets', async () => {
    const exchange = await connect()
    const markets = Object.values(exchange.markets)
    assert.deepEqual(markets.map(({ id }) => id).sort(), nativeNames(fake.instruments))
    const byId = (id: string): Market | undefined => markets.find((market) => market.id === id)
    assert.equal(byId('BTC-USDT')?.symbol, 'BTC/USDT')
    assert.equal(byId('BTC-USDT-SWAP')?.symbol, 'BTC/USDT:USDT')
    assert.equal(byId('BTC-USD-SWAP')?.symbol, 'BTC/USD:BTC')
    assert.equal(byId('BTC-USD-261225')?.symbol, 'BTC/USD:BTC-261225')
    assert.equal(byId('BTC-USDT')?.active, true)
    assert.ok(Math.abs((await exchange.fetchTime()) - Date.now()) < 5_000)
  })

  test('watches trades as they were generated', async () => {
    const exchange = await connect()
    const rows: TradeRow[] = []
    while (rows.length < 40) {
      for (const trade of await exchange.watchTrades('BTC/USDT')) {
        assert.equal(trade.id, trade.info.tradeId)
        assert.equal(trade.symbol, 'BTC/USDT')
        assert.equal(trade.price, Number(trade.info.px))
        assert.equal(trade.side, trade.info.side)
        if (!rows.some(({ tradeId }) => tradeId === trade.id)) rows.push(trade.info)
      }
    }
    assertRowsAreGenerated(rows, fake.trades('BTC-USDT'))
  })

  test('watches tickers', async () => {
    const exchange = await connect()
    for (let seen = 0; seen < 5; seen++) {
      const ticker = await exchange.watchTicker('BTC/USDT:USDT')
      assert.equal(ticker.symbol, 'BTC/USDT:USDT')
      assertShowsLastTrade(ticker, seen === 0, fake.trades('BTC-USDT-SWAP'))
      assert.ok(ticker.bid < ticker.ask)
    }
  })

  test('keeps the incremental book equal to the book of the fake', async () => {
    const exchange = await connect()
    for (let equal = 0; equal < 10;) {
      const book = await exchange.watchOrderBook('BTC/USDT')
      const truth = fake.book('BTC-USDT')
      if (book.nonce !== truth.sequence) continue
      assertSameLevels(book, truth)
      assert.equal(book.timestamp, truth.timestamp)
      equal++
    }
  })

  for (const limit of [5, 1]) {
    test(`watches the best ${limit}`, async () => {
      const exchange = await connect()
      for (let equal = 0; equal < 5;) {
        const book = await exchange.watchOrderBook('ETH/USDT', limit)
        const { bids, asks, timestamp } = fake.book('ETH-USDT')
        assert.ok(book.bids.length <= limit && book.asks.length <= limit)
        if (book.timestamp !== timestamp) continue
        assertSameLevels(book, { bids: bids.slice(0, limit), asks: asks.slice(0, limit) })
        equal++
      }
    })
  }

  test('watches candles', async () => {
    const exchange = await connect()
    const candles = await exchange.watchOHLCV('BTC/USDT', '1m')
    assert.ok(candles.length > 0)
    assert.equal(candles[0]![0] % 60_000, 0)
  })

  test('logs in and watches the balance', async () => {
    const { apiKey, secret, passphrase } = CREDENTIALS
    const exchange = await connect({ apiKey, secret, password: passphrase, ...WITHOUT_CURRENCIES })
    await exchange.watchBalance()
    fake.setBalance('SOL', { available: '12.5', frozen: '2.5' })
    let balance = await exchange.watchBalance()
    while (balance['SOL'] === undefined) balance = await exchange.watchBalance()
    assert.deepEqual(balance['SOL'], { free: 12.5, used: 2.5, total: 15 })
  })

  test('rejects a login with a wrong secret', async () => {
    const exchange = await connect({
      apiKey: CREDENTIALS.apiKey,
      secret: 'wrong',
      password: CREDENTIALS.passphrase,
      ...WITHOUT_CURRENCIES,
    })
    await assert.rejects(exchange.watchBalance(), (error) => error instanceof ccxt.AuthenticationError)
  })

  test('rejects what the exchange does not know', async () => {
    const exchange = await connect()
    const native = fake.instruments.find((instrument) => instrument.native.instId === 'BTC-USDT')!.native
    // A market that was delisted after it was loaded: otherwise the client would not even ask.
    const delisted = { ...native, instId: 'NOPE-USDT', baseCcy: 'NOPE' }
    exchange.setMarkets([...Object.values(exchange.markets), exchange.parseMarket(delisted)])
    await assert.rejects(exchange.watchTrades('NOPE/USDT'), (error: Error) => {
      assert.ok(error instanceof ccxt.BadRequest)
      assert.match(error.message, /60018/)
      assert.match(error.message, /NOPE-USDT/)
      return true
    })
    await assert.rejects(
      exchange.fetchTrades('NOPE/USDT'),
      (error: Error) => error instanceof ccxt.BadSymbol && error.message.includes('51001'),
    )
  })

  test('fetches trades', async () => {
    const exchange = await connect()
    const latest = await exchange.fetchTrades('BTC/USDT', undefined, 80)
    assert.equal(latest.length, 80)
    assertRowsAreGenerated(
      latest.map(({ info }) => info),
      fake.trades('BTC-USDT'),
    )
    const older = await exchange.fetchTrades('BTC/USDT', undefined, 100, {
      method: 'publicGetMarketHistoryTrades',
      after: latest[0]!.id,
    })
    assert.equal(older.length, 100)
    assertRowsAreGenerated(
      [...older, ...latest].map(({ info }) => info),
      fake.trades('BTC-USDT'),
    )
  })

  test('fetches candles that follow from the trades', async () => {
    const exchange = await connect()
    const candles = await exchange.fetchOHLCV('BTC/USDT', '1m', undefined, 4)
    assert.equal(candles.length, 4)
    // The oldest may begin before the history does, the newest is still open.
    for (const candle of candles.slice(1, -1)) assertFollowsFrom(candle, fake.trades('BTC-USDT'))
    const since = candles[1]![0]
    const from = await exchange.fetchOHLCV('BTC/USDT', '1m', since, 2)
    assert.deepEqual(
      from.map(([time]) => time),
      [since, since + 60_000],
    )
  })

  test('fetches the book', async () => {
    const exchange = await connect()
    let equal = false
    await until(() => fake.book('BTC-USDT').sequence > 0, 'a book')
    for (let attempt = 0; attempt < 50 && !equal; attempt++) {
      const book = await exchange.fetchOrderBook('BTC/USDT', 20)
      const { bids, asks, timestamp } = fake.book('BTC-USDT')
      assert.equal(book.bids.length, 20)
      assert.equal(book.asks.length, 20)
      if (book.timestamp !== timestamp) continue
      assertSameLevels(book, { bids: bids.slice(0, 20), asks: asks.slice(0, 20) })
      equal = true
    }
    assert.ok(equal)
  })
})

type GeneratedLevels = readonly (readonly [price: string, size: string, orders: number])[]

function assertSameLevels(book: Book, truth: { readonly bids: GeneratedLevels; readonly asks: GeneratedLevels }): void {
  for (const side of ['bids', 'asks'] as const) {
    assert.deepEqual(
      Array.from(book[side], ([price, amount]) => [price, amount]),
      truth[side].map(([price, size]) => [Number(price), Number(size)]),
    )
  }
}

function assertFollowsFrom([time, open, high, low, close, volume]: Ohlcv, fills: readonly FakeFill[]): void {
  const within = fills.filter(({ timestamp }) => timestamp >= time && timestamp < time + 60_000)
  const prices = within.map(({ price }) => Number(price))
  assert.ok(prices.length > 0)
  assert.deepEqual([open, high, low, close], [prices[0], Math.max(...prices), Math.min(...prices), prices.at(-1)])
  const total = within.reduce((sum, { size }) => sum + Number(size), 0)
  assert.ok(Math.abs(volume - total) < 1e-7)
}
