import type { FakeExchangeOptions } from 'tapekeeper/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { TRANSPORTS, virtual, type Setup } from './raw-client.ts'

const open: Setup[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ fake }) => fake.close()))
})

describe.each(TRANSPORTS)('REST over %s', (_name, start) => {
  const setUp = async (options: FakeExchangeOptions = {}): Promise<Setup> => {
    const setup = await start(options)
    open.push(setup)
    return setup
  }

  test('history-trades: after is older, before is newer, newest first, at most 100', async () => {
    const { fake, get } = await setUp({ tradesPerSecond: 0 })
    fake.emitTrades('BTC-USDT', 250)
    const ids = fake.trades('BTC-USDT').map(({ id }) => Number(id))
    const page = async (query: string) =>
      (await get(`/api/v5/market/history-trades?instId=BTC-USDT${query}`)).body.data.map(({ tradeId }) => Number(tradeId))
    const newestFirst = ids.toReversed()
    expect(await page('')).toEqual(newestFirst.slice(0, 100))
    expect(await page('&limit=500')).toHaveLength(100)
    expect(await page(`&after=${ids[200]}`)).toEqual(newestFirst.slice(50, 150))
    expect(await page(`&after=${ids[3]}&limit=10`)).toEqual(newestFirst.slice(-3))
    expect(await page(`&after=${ids[0]}`)).toEqual([])
    // `before` alone: the latest page, not the one next to it.
    expect(await page(`&before=${ids[10]}`)).toEqual(newestFirst.slice(0, 100))
    expect(await page(`&before=${ids[240]}`)).toEqual(newestFirst.slice(0, 9))
    expect(await page(`&after=${ids[20]}&before=${ids[10]}`)).toEqual(ids.slice(11, 20).toReversed())
  })

  test('the envelope, errors, and headers for browsers', async () => {
    const { get, fake } = await setUp()
    const time = await get('/api/v5/public/time')
    expect(time.body).toMatchObject({ code: '0', msg: '' })
    expect(Math.abs(Number(time.body.data[0]!.ts) - fake.clock.now())).toBeLessThan(2_000)
    expect(time.header('access-control-allow-origin')).toBe('*')
    expect(await get('/api/v5/public/instruments?instType=BAD')).toMatchObject({ status: 400, body: { code: '51000', data: [] } })
    expect(await get('/api/v5/public/instruments')).toMatchObject({ body: { code: '50014' } })
    expect(await get('/api/v5/public/instruments?instType=OPTION&instFamily=BTC-USD')).toMatchObject({
      body: { code: '0', data: [] },
    })
    expect(await get('/api/v5/market/ticker?instId=NOPE')).toMatchObject({ status: 200, body: { code: '51001' } })
    expect(await get('/api/v5/system/status')).toMatchObject({ body: { code: '0', data: [] } })
    expect(await get('/nowhere')).toMatchObject({ status: 404 })
    expect((await get('/api/v5/market/books?instId=BTC-USDT&sz=3')).body.data[0]!.asks).toHaveLength(3)
    expect((await get('/api/v5/market/books?instId=BTC-USDT')).body.data[0]!.bids).toHaveLength(1)
    expect((await get('/api/v5/market/books-full?instId=BTC-USDT&sz=3')).body.data[0]!.asks[0]).toHaveLength(3)
    expect((await get('/api/v5/market/tickers?instType=SWAP')).body.data).toHaveLength(4)
    expect(fake.restRequests[1]).toMatchObject({
      method: 'GET',
      path: '/api/v5/public/instruments',
      query: { instType: 'BAD' },
      status: 400,
    })
  })

  test('limits are per endpoint: 429 with 50011, then again', async () => {
    const { get, pass } = await setUp()
    const statuses: number[] = []
    for (let i = 0; i < 12; i++) statuses.push((await get('/api/v5/public/time')).status)
    expect(statuses).toEqual([...Array<number>(10).fill(200), 429, 429])
    expect((await get('/api/v5/public/time')).body).toMatchObject({ code: '50011' })
    expect((await get('/api/v5/system/status')).status).toBe(200)
    await pass(2_100)
    expect((await get('/api/v5/public/time')).status).toBe(200)
  })

  test('fails, shortens, empties, delays and recovers on demand', async () => {
    const { get, fake, until } = await setUp({ enforceRestLimits: false })
    const trades = '/api/v5/market/history-trades?instId=BTC-USDT'
    fake.failRest({ status: 429, retryAfterSeconds: 2, times: 1 })
    const refused = await get(trades)
    expect([refused.status, refused.body.code, refused.header('retry-after')]).toEqual([429, '50011', '2'])
    fake.failRest({ code: '50001', path: 'history-trades', times: 1 })
    expect((await get('/api/v5/public/time')).body.code).toBe('0')
    expect(await get(trades)).toMatchObject({ status: 200, body: { code: '50001', data: [] } })
    fake.failRest({ short: 7 })
    expect((await get(trades)).body.data).toHaveLength(7)
    fake.failRest({ empty: true })
    expect((await get(trades)).body).toMatchObject({ code: '0', data: [] })
    fake.healRest()
    expect((await get(trades)).body.data).toHaveLength(100)
    fake.failRest({ cut: true, times: 1 })
    await expect(get(trades)).rejects.toThrow('fetch failed')
    fake.failRest({ forMs: 50 })
    expect((await get(trades)).status).toBe(503)
    const from = fake.clock.now()
    await until(() => fake.clock.now() - from >= 60, 'the fault is over')
    fake.restDelay(300)
    expect((await get(trades)).status).toBe(200)
    expect(fake.clock.now() - from).toBeGreaterThanOrEqual(350)
  })
})

test('history-trades by time', async () => {
  const setup = await virtual()
  open.push(setup)
  const { fake, get } = setup
  const fills = fake.trades('ETH-USDT')
  const middle = fills[100]!.timestamp
  const rows = (await get(`/api/v5/market/history-trades?instId=ETH-USDT&type=2&after=${middle}&limit=5`)).body.data
  expect(rows.map(({ tradeId }) => tradeId)).toEqual(
    fills
      .filter(({ timestamp }) => timestamp < middle)
      .slice(-5)
      .map(({ id }) => id)
      .reverse(),
  )
})
