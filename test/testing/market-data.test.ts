import { okxInstrument, type FakeExchangeOptions, type FakeFill } from 'tapekeeper/testing'
import { afterEach, describe, expect, test } from 'vitest'
import {
  arg,
  candlesOf,
  eventsOf,
  rowsOf,
  subscribe,
  TRANSPORTS,
  virtual,
  type Row,
  type RawClient,
  type Setup,
} from './raw-client.ts'

const open: Setup[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ fake }) => fake.close()))
})
const setUpVirtual = async (options: FakeExchangeOptions = {}): Promise<Setup> => {
  const setup = await virtual(options)
  open.push(setup)
  return setup
}

const PLAIN = /^\d+(\.\d*[1-9])?$/
/** Is `value` a multiple of `step`, in exact arithmetic? */
function isMultiple(value: string, step: string): boolean {
  const decimals = Math.max(...[value, step].map((text) => text.split('.')[1]?.length ?? 0))
  const scaled = (text: string) => BigInt((text.split('.')[0] ?? '') + (text.split('.')[1] ?? '').padEnd(decimals, '0'))
  return scaled(value) % scaled(step) === 0n
}
const asFill = ({ tradeId, px, sz, side, source, ts }: Row): Omit<FakeFill, 'order'> => ({
  id: tradeId,
  price: px,
  size: sz,
  side,
  source,
  timestamp: Number(ts),
})

describe.each(TRANSPORTS)('market data over %s', (_name, start) => {
  const setUp = async (options: FakeExchangeOptions = {}): Promise<Setup> => {
    const setup = await start(options)
    open.push(setup)
    return setup
  }

  test('trades merge exactly the fills of trades-all, with dense ids', async () => {
    const { dial, until, fake } = await setUp({ tradesPerSecond: 200 })
    const [merged, single] = [await dial('public'), await dial('business')]
    merged.send(subscribe(arg('trades')))
    single.send(subscribe(arg('trades-all')))
    await until(() => rowsOf(merged, 'trades').length > 100 && rowsOf(single, 'trades-all').length > 100, 'trades')
    const truth = new Map(fake.trades('BTC-USDT').map((fill) => [fill.id, fill]))

    const fills = rowsOf(single, 'trades-all')
    for (const [index, fill] of fills.entries()) {
      expect(truth.get(fill.tradeId)).toMatchObject(asFill(fill))
      if (index > 0) expect(Number(fill.tradeId)).toBe(Number(fills[index - 1]!.tradeId) + 1)
    }
    const rows = rowsOf(merged, 'trades')
    for (const [index, row] of rows.entries()) {
      if (index > 0) expect(Number(row.tradeId) - Number(row.count)).toBe(Number(rows[index - 1]!.tradeId))
      expect(row).toMatchObject({ side: truth.get(row.tradeId)!.side, px: truth.get(row.tradeId)!.price })
    }
    expect(rows.some(({ count }) => Number(count) > 1)).toBe(true)
    expect(rows.every(({ seqId }) => Number.isInteger(seqId))).toBe(true)
  })

  test('books chain, stay uncrossed, and are equal on all connections and to the truth', async () => {
    const { dial, until, fake } = await setUp({ bookUpdatesPerSecond: 10, tradesPerSecond: 30 })
    const clients = [await dial(), await dial()]
    for (const client of clients) client.send(subscribe(arg('books'), arg('books5')))
    await until(() => clients.every((client) => rowsOf(client, 'books').length > 15), 'book updates')
    const states = clients.map(rebuild)
    const common = [...states[0]!.keys()].filter((sequence) => states[1]!.has(sequence))
    expect(common.length).toBeGreaterThan(10)
    for (const sequence of common) expect(states[0]!.get(sequence)).toEqual(states[1]!.get(sequence))

    const truth = fake.book('BTC-USDT')
    await until(() => rowsOf(clients[0]!, 'books').some(({ seqId }) => seqId === truth.sequence), 'the present book')
    const final = rebuild(clients[0]!).get(truth.sequence)
    expect(final).toEqual({ bids: truth.bids.map(([p, s]) => [p, s]), asks: truth.asks.map(([p, s]) => [p, s]) })
    for (const row of rowsOf(clients[0]!, 'books5')) {
      expect(row).not.toHaveProperty('prevSeqId')
      const known = states[0]!.get(row.seqId)
      if (known !== undefined) expect(row.bids.map(([p, s]) => [p, s])).toEqual(known.bids.slice(0, 5))
    }
  })
})

/** Every state of a book by its sequence number, checking the chain on the way. */
function rebuild(client: RawClient): Map<number, { bids: [string, string][]; asks: [string, string][] }> {
  const sides = { bids: new Map<string, string>(), asks: new Map<string, string>() }
  const states = new Map<number, { bids: [string, string][]; asks: [string, string][] }>()
  let last = -1
  for (const { action, data } of client.messages.filter((message) => message.arg?.channel === 'books' && message.data)) {
    const row = data![0]!
    if (action === 'snapshot') expect(row.prevSeqId).toBe(-1)
    else expect(row.prevSeqId).toBe(last)
    last = row.seqId
    for (const side of ['bids', 'asks'] as const) {
      if (action === 'snapshot') sides[side].clear()
      for (const [price, size, dead, orders] of row[side]) {
        expect(dead).toBe('0')
        if (size === '0') expect(orders).toBe('0')
        if (size === '0') sides[side].delete(price!)
        else sides[side].set(price!, size!)
      }
    }
    const sorted = (side: 'bids' | 'asks', sign: number) => [...sides[side]].sort(([a], [b]) => sign * (Number(a) - Number(b)))
    const state = { bids: sorted('bids', -1), asks: sorted('asks', 1) }
    expect(Number(state.bids[0]![0])).toBeLessThan(Number(state.asks[0]![0]))
    expect(Math.max(state.bids.length, state.asks.length)).toBeLessThanOrEqual(400)
    states.set(last, state)
  }
  return states
}

test('every number is an exact multiple of the instrument steps, without exponents or trailing zeros', async () => {
  const gold = okxInstrument('GOLD-USDT', { tickSz: '0.05', lotSz: '0.025', minSz: '0.025', startPrice: '4200' })
  const { fake, pass } = await setUpVirtual({ instruments: ['BTC-USDT', 'PEPE-USDT', 'BTC-USD-SWAP', 'ETH-BTC', gold], pairs: 5 })
  await pass(60_000)
  for (const { native } of fake.instruments) {
    for (const { price, size } of fake.trades(native.instId)) {
      expect(price).toMatch(PLAIN)
      expect(size).toMatch(PLAIN)
      expect(isMultiple(price, native.tickSz)).toBe(true)
      expect(isMultiple(size, native.lotSz)).toBe(true)
    }
    const { bids, asks } = fake.book(native.instId)
    for (const [price] of [...bids, ...asks]) expect(isMultiple(price, native.tickSz)).toBe(true)
  }
})

test('the default list holds every kind of instrument, in OKX fields, and both spellings find them', async () => {
  const { fake, get } = await setUpVirtual({ pairs: 2 })
  const list = async (type: string) => (await get(`/api/v5/public/instruments?instType=${type}`)).body.data
  const [spot, swap, futures] = [await list('SPOT'), await list('SWAP'), await list('FUTURES')]
  expect(spot.map(({ instId }) => instId)).toEqual(expect.arrayContaining(['BTC-USDT', 'C001-USDT', 'C002-USDT']))
  expect(spot.filter(({ state }) => state !== 'live').map(({ state }) => state)).toEqual(['suspend', 'preopen'])
  expect(swap.every((row) => row.baseCcy === '' && row.quoteCcy === '' && row.settleCcy !== '')).toBe(true)
  expect(futures.filter(({ ruleType }) => ruleType === 'xperp').map(({ instId }) => instId)).toEqual(['ETH-USD_UM_XPERP-310404'])
  expect(futures.find(({ instId }) => instId === 'BTC-USD-261225')).toMatchObject({
    instType: 'FUTURES',
    instFamily: 'BTC-USD',
    uly: 'BTC-USD',
    ctType: 'inverse',
    settleCcy: 'BTC',
    ctVal: '100',
    expTime: String(Date.UTC(2026, 11, 25, 8)),
    state: 'live',
  })
  expect(fake.trades('BTC-USDT-PERP')).toEqual(fake.trades('BTC-USDT-SWAP'))
  expect(fake.book('BTC-USD-20261225')).toEqual(fake.book('BTC-USD-261225'))
  expect(fake.book('ETH-USD-PERP')).toEqual(fake.book('ETH-USD_UM_XPERP-310404'))
  expect(() => fake.trades('NOPE-USDT')).toThrow(/does not list NOPE-USDT/)
})

test('tickers come at most every 100 ms, with the last trade and exact volumes', async () => {
  const { dial, pass, fake } = await setUpVirtual({ tradesPerSecond: 50, historyMs: 0 })
  const client = await dial()
  client.send(subscribe(arg('tickers'), arg('tickers', 'BTC-USD-SWAP')))
  await pass(5_000)
  const rows = rowsOf(client, 'tickers')
  expect(rows.length).toBeGreaterThan(30)
  expect(rows.length).toBeLessThanOrEqual(51)
  const last = rows.at(-1)!
  const fills = fake.trades('BTC-USDT').filter(({ timestamp }) => timestamp <= Number(last.ts))
  expect(last).toMatchObject({ instType: 'SPOT', last: fills.at(-1)!.price, lastSz: fills.at(-1)!.size })
  const lots = fills.reduce((sum, { size }) => sum + BigInt(Math.round(Number(size) * 1e8)), 0n)
  expect(BigInt(Math.round(Number(last.vol24h) * 1e8))).toBe(lots)
  const contracts = rowsOf(client, 'tickers', 'BTC-USD-SWAP').at(-1)!
  expect(Number(contracts.volCcy24h)).toBeCloseTo((Number(contracts.vol24h) * 100) / Number(contracts.last), 2)
})

test('what never traded is an empty text; what is not live stays silent', async () => {
  const { dial, pass, get } = await setUpVirtual({ tradesPerSecond: 0 })
  const client = await dial()
  const ids = ['BTC-USDT', 'NEWCOIN-USDT', 'LUNA-USDT']
  client.send(subscribe(...ids.flatMap((id) => [arg('tickers', id), arg('books5', id), arg('trades', id)])))
  await pass(5_000)
  expect(eventsOf(client, 'subscribe')).toHaveLength(9)
  expect(rowsOf(client, 'tickers')[0]).toMatchObject({ last: '', open24h: '', vol24h: '0' })
  expect(rowsOf(client, 'tickers')[0]!.bidPx).toMatch(PLAIN)
  for (const id of ids.slice(1)) expect([...rowsOf(client, 'tickers', id), ...rowsOf(client, 'books5', id)]).toEqual([])
  expect((await get('/api/v5/market/ticker?instId=NEWCOIN-USDT')).body.data[0]).toMatchObject({ last: '', bidPx: '', askPx: '' })
})

test('a quiet book is kept alive every minute', async () => {
  const { dial, pass } = await setUpVirtual({ tradesPerSecond: 0, bookUpdatesPerSecond: 0 })
  const client = await dial()
  client.send(subscribe(arg('books'), arg('books5'), arg('bbo-tbt')))
  for (let i = 0; i < 7; i++) {
    client.sendText('ping')
    await pass(20_000)
  }
  const [snapshot, ...updates] = rowsOf(client, 'books')
  expect(updates).toMatchObject([1, 2].map(() => ({ asks: [], bids: [], seqId: snapshot!.seqId, prevSeqId: snapshot!.seqId })))
  expect(rowsOf(client, 'books5')).toHaveLength(3)
  expect(rowsOf(client, 'bbo-tbt')).toHaveLength(3)
})

test('maintenance resets the numbers but not the chain', async () => {
  const { dial, pass, fake } = await setUpVirtual()
  const client = await dial()
  client.send(subscribe(arg('books')))
  await pass(2_000)
  fake.resetSequence('BTC-USDT')
  await pass(2_000)
  const rows = rowsOf(client, 'books')
  const resets = rows.filter(({ seqId, prevSeqId }) => seqId < prevSeqId)
  expect(resets).toHaveLength(1)
  rebuild(client)
})

test('the announced variant starts with an update that REST can be joined to', async () => {
  const { dial, pass, get } = await setUpVirtual({ initialBookSnapshot: false, checksum: 'zero' })
  const client = await dial()
  client.send(subscribe(arg('books')))
  await pass(2_000)
  const frames = client.messages.filter((message) => message.arg?.channel === 'books' && message.data)
  expect(frames.length).toBeGreaterThan(2)
  expect(frames.every(({ action, data }) => action === 'update' && data![0]!.checksum === 0)).toBe(true)
  const { seqId } = (await get('/api/v5/market/books?instId=BTC-USDT&sz=400')).body.data[0]!
  await pass(1_000)
  expect(rowsOf(client, 'books').some((row) => row.prevSeqId <= seqId && seqId < row.seqId)).toBe(true)
})

test('candles are the sums of their trades, confirmed once, and close without trades, too', async () => {
  const { dial, pass, fake, get } = await setUpVirtual({ tradesPerSecond: 3, historyMs: 0 })
  const client = await dial('business')
  const bars = ['candle1s', 'candle1m', 'candle1D', 'candle1Dutc', 'candle3Mutc']
  client.send(subscribe(...bars.map((bar) => arg(bar)), arg('candle1M', 'BTC-USD-SWAP')))
  await pass(65_000)
  fake.setTradesPerSecond('BTC-USDT', 0)
  await pass(60_000)
  const start = Date.UTC(2026, 10, 22)
  const minutes = candlesOf(rowsOf(client, 'candle1m'))
  const confirmed = minutes.filter((row) => row[8] === '1')
  expect(confirmed.map(([openTime]) => Number(openTime))).toEqual([start, start + 60_000])
  const inside = fake.trades('BTC-USDT').filter(({ timestamp }) => timestamp < start + 60_000)
  const prices = inside.map(({ price }) => Number(price))
  expect(confirmed[0]!.slice(1, 5).map(Number)).toEqual([prices[0], Math.max(...prices), Math.min(...prices), prices.at(-1)])
  const e8 = (text: string) => BigInt(Math.round(Number(text) * 1e8))
  expect(e8(confirmed[0]![5]!)).toBe(inside.reduce((sum, { size }) => sum + e8(size), 0n))

  const seconds = candlesOf(rowsOf(client, 'candle1s'))
  expect(seconds.filter((row) => row[8] === '1').map(([openTime]) => Number(openTime))).toEqual(
    Array.from({ length: 125 }, (_, i) => start + i * 1_000).filter((openTime) => openTime >= inside[0]!.timestamp - 1_000),
  )
  expect(seconds.at(-1)).toMatchObject({ 5: '0', 8: '1' })
  expect(candlesOf(rowsOf(client, 'candle1Dutc'))[0]![0]).toBe(String(start))
  // Plain days open at 16:00 UTC.
  expect(candlesOf(rowsOf(client, 'candle1D'))[0]![0]).toBe(String(start - 8 * 3_600_000))
  expect(candlesOf(rowsOf(client, 'candle3Mutc'))[0]![0]).toBe(String(Date.UTC(2026, 9, 1)))

  const page = candlesOf((await get('/api/v5/market/candles?instId=BTC-USDT&bar=1m&limit=2')).body.data)
  expect(page.map(([openTime, , , , , , , , confirm]) => [Number(openTime), confirm])).toEqual([
    [start + 120_000, '0'],
    [start + 60_000, '1'],
  ])
  const older = candlesOf((await get(`/api/v5/market/history-candles?instId=BTC-USDT&bar=1m&after=${start + 60_000}`)).body.data)
  expect(older).toEqual([confirmed[0]])
})

test('200 pairs on one socket', async () => {
  const { dial, pass, fake } = await setUpVirtual({ pairs: 200, tradesPerSecond: 2 })
  const client = await dial()
  const ids = fake.instruments.map(({ native }) => native.instId).filter((id) => id.startsWith('C'))
  client.send(subscribe(...ids.map((id) => arg('trades', id))))
  await pass(10_000)
  expect(ids).toHaveLength(200)
  for (const id of ids) expect(rowsOf(client, 'trades', id).length).toBeGreaterThan(0)
})

test('trades by hand are exact, merged, pushed at once and known to REST', async () => {
  const { dial, pass, fake, get } = await setUpVirtual({ tradesPerSecond: 0 })
  const [merged, single] = [await dial(), await dial('business')]
  merged.send(subscribe(arg('trades')))
  single.send(subscribe(arg('trades-all')))
  await pass(10)
  const fills = fake.trade('BTC-USDT', { price: '30227.6', size: '0.3', side: 'sell', count: 3, source: '1' })
  await pass(1)
  expect(fills).toHaveLength(3)
  expect(rowsOf(merged, 'trades')).toMatchObject([
    { tradeId: fills[2]!.id, px: '30227.6', sz: '0.3', side: 'sell', count: '3', source: '1', ts: String(fills[2]!.timestamp) },
  ])
  expect(rowsOf(single, 'trades-all').map(asFill)).toMatchObject(fills.map(({ order: _, ...fill }) => fill))
  expect(fake.emitTrades('BTC-USDT', 25)).toHaveLength(25)
  expect(fake.trades('BTC-USDT')).toHaveLength(28)
  const page = (await get('/api/v5/market/history-trades?instId=BTC-USDT')).body.data
  expect(page.map(({ tradeId }) => tradeId)).toEqual(
    fake
      .trades('BTC-USDT')
      .map(({ id }) => id)
      .reverse(),
  )
  expect(() => fake.trade('BTC-USDT', { price: '30227.65' })).toThrow(/not a multiple of 0.1/)
})
