import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FakeExchange } from 'tapekeeper/testing'
import {
  CREDENTIALS,
  assertRowsAreGenerated,
  assertShowsLastTrade,
  nativeNames,
  startFake,
  until,
  type TradeRow,
} from './fake.ts'

interface Arg {
  readonly channel: string
  readonly instId?: string
}
interface Event {
  readonly event?: string
  readonly code?: string
  readonly msg?: string
  readonly connId?: string
  readonly id?: string
  readonly arg?: Arg
  readonly action?: string
  readonly data?: readonly unknown[]
}
interface WsClient {
  on(event: 'open' | 'update' | 'response' | 'exception' | 'authenticated' | 'reconnect', listener: (event: Event) => void): void
  subscribe(args: Arg | readonly Arg[]): unknown
  unsubscribe(args: Arg | readonly Arg[]): unknown
  closeAll(force?: boolean): void
}
interface Rest {
  getInstruments(query: object): Promise<readonly Record<string, unknown>[]>
  getTrades(query: object): Promise<readonly TradeRow[]>
  getHistoricTrades(query: object): Promise<readonly TradeRow[]>
  getCandles(query: object): Promise<readonly (readonly string[])[]>
  getOrderBook(query: object): Promise<readonly Book[]>
  getSystemTime(): Promise<readonly { readonly ts: string }[]>
}
type Log = () => void
interface OkxApi {
  readonly WebsocketClient: new (options: object, logger: { trace: Log; info: Log; error: Log }) => WsClient
  readonly RestClient: new (options: object) => Rest
}
interface Book {
  readonly asks: readonly (readonly string[])[]
  readonly bids: readonly (readonly string[])[]
  readonly ts: string
  readonly seqId: number
  readonly prevSeqId?: number
}
interface Ticker {
  readonly instId: string
  readonly last: string
  readonly bidPx: string
  readonly askPx: string
  readonly ts: string
}

describe('okx-api', { timeout: 120_000 }, () => {
  let fake: FakeExchange
  let okx: OkxApi
  const clients: WsClient[] = []

  before(async () => {
    fake = await startFake('okx-api')
    const module: unknown = await import('okx-api')
    okx = module as OkxApi
  })
  after(async () => {
    for (const client of clients) client.closeAll(true)
    await fake.close()
  })

  /** What the client tells its user, by kind. One client per endpoint: its `wsUrl` replaces all of them. */
  function connect(wsUrl: string, options: object = {}) {
    const quiet: Log = () => undefined
    const client = new okx.WebsocketClient(
      { wsUrl, pingInterval: 500, pongTimeout: 1_000, ...options },
      { trace: quiet, info: quiet, error: quiet },
    )
    clients.push(client)
    const seen = { updates: [] as Event[], responses: [] as Event[], exceptions: [] as Event[], logins: [] as Event[], losses: 0 }
    client.on('update', (event) => seen.updates.push(event))
    client.on('response', (event) => seen.responses.push(event))
    client.on('exception', (event) => seen.exceptions.push(event))
    client.on('authenticated', (event) => seen.logins.push(event))
    client.on('reconnect', () => seen.losses++)
    const rows = <T>(channel: string, instId?: string): T[] =>
      seen.updates
        .filter(({ arg }) => arg?.channel === channel && (instId === undefined || arg.instId === instId))
        .flatMap((event) => event.data as T[])
    return { client, seen, rows }
  }

  test('streams trades and tickers as they were generated', async () => {
    const { client, seen, rows } = connect(fake.endpoints.public)
    const instIds = ['BTC-USDT', 'BTC-USDT-SWAP', 'BTC-USD-261225']
    client.subscribe(
      instIds.flatMap((instId) => [
        { channel: 'trades', instId },
        { channel: 'tickers', instId },
      ]),
    )
    await until(() => instIds.every((instId) => rows('trades', instId).length >= 20), '20 trades each')
    await until(() => instIds.every((instId) => rows('tickers', instId).length >= 5), '5 tickers each')

    assert.equal(seen.responses.filter(({ event }) => event === 'subscribe').length, 2 * instIds.length, 'one ack per argument')
    for (const { connId, id } of seen.responses) assert.ok(connId !== undefined && id !== undefined, 'acks carry connId and id')
    for (const instId of instIds) {
      const fills = fake.trades(instId)
      assertRowsAreGenerated(rows<TradeRow>('trades', instId), fills)
      rows<Ticker>('tickers', instId).forEach((ticker, index) => {
        assert.equal(ticker.instId, instId)
        assertShowsLastTrade({ last: Number(ticker.last), timestamp: Number(ticker.ts) }, index === 0, fills)
        assert.ok(Number(ticker.bidPx) < Number(ticker.askPx))
      })
    }
    assert.ok(
      fake.requests.some(({ op }) => op === 'ping'),
      'the client has sent its text ping',
    )
    assert.equal(seen.losses, 0, 'and got its pong')
    assert.deepEqual(seen.exceptions, [])
  })

  test('streams books that chain and add up to the book of the fake', async () => {
    const { client, seen } = connect(fake.endpoints.public)
    const instId = 'ETH-USDT'
    const sides = { asks: new Map<string, readonly string[]>(), bids: new Map<string, readonly string[]>() }
    let sequence: number | undefined
    let equal = 0
    const snapshots = { books5: 0, 'bbo-tbt': 0 }
    const failures: unknown[] = []
    const check = ({ arg, action, data }: Event): void => {
      const [book] = data as readonly [Book]
      const truth = fake.book(instId)
      const shown = (levels: readonly (readonly string[])[]) =>
        levels.map(([price, size, , orders]) => [price, size, Number(orders)])
      if (arg?.channel === 'books') {
        if (action === 'snapshot') assert.equal(book.prevSeqId, -1)
        else assert.equal(book.prevSeqId, sequence)
        sequence = book.seqId
        for (const side of ['asks', 'bids'] as const) {
          for (const level of book[side]) {
            if (level[1] === '0') sides[side].delete(level[0]!)
            else sides[side].set(level[0]!, level)
          }
        }
        if (truth.sequence !== sequence) return
        const sorted = (side: 'asks' | 'bids', sign: number) =>
          shown([...sides[side].values()].sort((a, b) => sign * (Number(a[0]) - Number(b[0]))))
        assert.deepEqual(sorted('asks', 1), truth.asks)
        assert.deepEqual(sorted('bids', -1), truth.bids)
        equal++
      } else if (arg?.channel === 'books5' || arg?.channel === 'bbo-tbt') {
        const depth = arg.channel === 'books5' ? 5 : 1
        assert.equal(action, undefined)
        assert.equal(book.prevSeqId, undefined)
        if (truth.sequence !== book.seqId) return
        assert.deepEqual(shown(book.asks), truth.asks.slice(0, depth))
        assert.deepEqual(shown(book.bids), truth.bids.slice(0, depth))
        snapshots[arg.channel]++
      }
    }
    // What a listener throws, the client only logs.
    client.on('update', (event) => {
      try {
        check(event)
      } catch (failure) {
        failures.push(failure)
      }
    })
    client.subscribe(['books', 'books5', 'bbo-tbt'].map((channel) => ({ channel, instId })))
    const isEnough = () => equal >= 10 && snapshots.books5 >= 3 && snapshots['bbo-tbt'] >= 3
    await until(() => failures.length > 0 || isEnough(), 'books equal to the book of the fake')
    assert.deepEqual(failures, [])
    assert.deepEqual(seen.exceptions, [])
  })

  test('reports an unknown symbol and goes on with the others', async () => {
    const { client, seen, rows } = connect(fake.endpoints.public)
    client.subscribe([
      { channel: 'trades', instId: 'NOPE-USDT' },
      { channel: 'trades', instId: 'BTC-USDT' },
    ])
    await until(() => rows('trades', 'BTC-USDT').length > 0 && seen.exceptions.length > 0, 'an exception and trades')
    const [refusal] = seen.exceptions
    assert.equal(refusal?.event, 'error')
    assert.equal(refusal.code, '60018')
    assert.match(refusal.msg ?? '', /channel:trades,instId:NOPE-USDT doesn't exist/)
    assert.equal(seen.exceptions.length, 1)
  })

  test('unsubscribes', async () => {
    const { client, seen, rows } = connect(fake.endpoints.public)
    const topic = { channel: 'trades', instId: 'SOL-USDT' }
    client.subscribe(topic)
    await until(() => rows('trades').length > 3, 'trades')
    client.unsubscribe(topic)
    await until(() => seen.responses.some(({ event }) => event === 'unsubscribe'), 'the acknowledgement')
    const received = rows('trades').length
    await new Promise((resolve) => setTimeout(resolve, 500))
    assert.equal(rows('trades').length, received)
  })

  test('streams individual trades and candles from the business endpoint', async () => {
    const { client, seen, rows } = connect(fake.endpoints.business)
    client.subscribe([
      { channel: 'trades-all', instId: 'BTC-USDT' },
      { channel: 'candle1m', instId: 'BTC-USDT' },
    ])
    await until(() => rows('trades-all').length >= 20 && rows('candle1m').length >= 2, 'trades and candles')
    assertRowsAreGenerated(rows<TradeRow>('trades-all'), fake.trades('BTC-USDT'))
    for (const candle of rows<readonly string[]>('candle1m')) {
      assert.equal(candle.length, 9)
      assert.equal(Number(candle[0]) % 60_000, 0)
    }
    assert.deepEqual(seen.exceptions, [])
  })

  test('logs in and receives the account', async () => {
    const { apiKey, secret, passphrase } = CREDENTIALS
    const accounts = [{ apiKey, apiSecret: secret, apiPass: passphrase }]
    const { client, seen, rows } = connect(fake.endpoints.private, { accounts })
    client.subscribe({ channel: 'account' })
    await until(() => rows('account').length > 0, 'the account')
    assert.equal(seen.logins[0]?.code, '0')
    fake.setBalance('SOL', { available: '12.5', frozen: '2.5' })
    await until(() => JSON.stringify(rows('account')).includes('"ccy":"SOL"'), 'the changed balance')
    const details = rows<{ details: readonly Record<string, unknown>[] }>('account').flatMap((account) => account.details)
    const sol = details.find(({ ccy }) => ccy === 'SOL')
    assert.deepEqual([sol?.['availBal'], sol?.['frozenBal'], sol?.['cashBal']], ['12.5', '2.5', '15'])
    assert.deepEqual(seen.exceptions, [])
  })

  test('is refused with a wrong secret', async () => {
    const { apiKey, passphrase } = CREDENTIALS
    const accounts = [{ apiKey, apiSecret: 'wrong', apiPass: passphrase }]
    const { client, seen, rows } = connect(fake.endpoints.private, { accounts })
    client.subscribe({ channel: 'account' })
    await until(() => seen.exceptions.length > 0, 'a refusal')
    assert.equal(seen.exceptions[0]?.event, 'error')
    assert.equal(seen.exceptions[0].code, '60007')
    assert.equal(rows('account').length, 0)
  })

  test('reads REST', async () => {
    const rest = new okx.RestClient({ baseUrl: fake.endpoints.rest })
    const [time] = await rest.getSystemTime()
    assert.ok(Math.abs(Number(time?.ts) - Date.now()) < 5_000)

    for (const instType of ['SPOT', 'SWAP', 'FUTURES']) {
      const rows = await rest.getInstruments({ instType })
      assert.deepEqual(rows.map(({ instId }) => String(instId)).sort(), nativeNames(fake.instruments, instType))
      for (const row of rows)
        assert.deepEqual(row, fake.instruments.find(({ native }) => native.instId === row['instId'])?.native)
    }

    const instId = 'BTC-USDT'
    const latest = await rest.getTrades({ instId, limit: '50' })
    assert.equal(latest.length, 50)
    assertRowsAreGenerated(latest.toReversed(), fake.trades(instId))

    // Walking down with `after`, page by page, meets every fill once.
    const walked: TradeRow[] = []
    for (let after = String(Number(latest[0]!.tradeId) + 1); walked.length < 350; after = walked.at(-1)!.tradeId) {
      const page = await rest.getHistoricTrades({ instId, after, limit: '100' })
      assert.equal(page.length, 100)
      walked.push(...page)
    }
    assert.equal(walked[0]?.tradeId, latest[0]?.tradeId)
    assertRowsAreGenerated(walked.toReversed(), fake.trades(instId))

    const [book] = await rest.getOrderBook({ instId, sz: '20' })
    assert.equal(book?.asks.length, 20)
    assert.equal(book.bids.length, 20)
    assert.equal(typeof book.seqId, 'number')

    const candles = await rest.getCandles({ instId, bar: '1m', limit: '3' })
    assert.equal(candles.length, 3)
    assert.deepEqual(
      candles.map((candle) => candle[8]),
      ['0', '1', '1'],
    )
  })

  test('throws what REST refuses', async () => {
    const rest = new okx.RestClient({ baseUrl: fake.endpoints.rest })
    await assert.rejects(rest.getTrades({ instId: 'NOPE-USDT' }), (error: { code?: string }) => error.code === '51001')
  })
})
