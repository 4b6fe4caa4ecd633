import { CORRUPT_KINDS, type FakeExchangeOptions } from 'tapekeeper/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { arg, eventsOf, rowsOf, subscribe, TRANSPORTS, type RawClient, type Setup } from './raw-client.ts'

const open: Setup[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ fake }) => fake.close()))
})

const idsOf = (client: RawClient, channel = 'trades', instId = 'BTC-USDT') =>
  rowsOf(client, channel, instId).map(({ tradeId }) => Number(tradeId))

describe.each(TRANSPORTS)('faults over %s', (_name, start) => {
  const setUp = async (options: FakeExchangeOptions = {}): Promise<Setup> => {
    const setup = await start({ enforceDialLimit: false, bookUpdatesPerSecond: 0, tradesPerSecond: 0, ...options })
    open.push(setup)
    return setup
  }
  const watching = async ({ dial, until }: Setup, ...args: readonly object[]): Promise<RawClient> => {
    const client = await dial()
    client.send(subscribe(...args))
    await until(() => eventsOf(client, 'subscribe').length === args.length, 'subscribed')
    return client
  }

  test('drop cuts without a goodbye; the market goes on', async () => {
    const setup = await setUp({ tradesPerSecond: 50 })
    const { fake, until, dial } = setup
    const client = await watching(setup, arg('trades'))
    const other = await dial('business')
    expect(fake.drop({ path: 'public' })).toBe(1)
    await until(() => client.closed !== undefined, 'cut')
    expect(client.closed?.code).toBe(1006)
    expect(fake.connections.map(({ path }) => path)).toEqual(['/ws/v5/business'])
    expect(other.closed).toBeUndefined()
    const { length } = fake.trades('BTC-USDT')
    await until(() => fake.trades('BTC-USDT').length > length, 'trades go on')
  })

  test('closeAfterAck closes cleanly after the acknowledgement, for a while', async () => {
    const setup = await setUp()
    const { fake, until, dial } = setup
    fake.closeAfterAck({ forMs: 60_000, code: 4006 })
    const client = await dial()
    client.send(subscribe(arg('trades'), arg('books')))
    await until(() => client.closed !== undefined, 'closed')
    expect(client.messages.map(({ event }) => event)).toEqual(['subscribe', 'subscribe'])
    expect(client.closed?.code).toBe(4006)
    fake.closeAfterAck({ on: false })
    await watching(setup, arg('trades'))
  })

  test('halfOpen leaves the line up and silent, also for pings and goodbyes; new connections work', async () => {
    const setup = await setUp()
    const { fake, until, pass, dial } = setup
    const silent = await watching(setup, arg('trades'))
    expect(fake.halfOpen()).toBe(1)
    const fresh = await watching(setup, arg('trades'))
    silent.sendText('ping')
    fake.trade('BTC-USDT')
    await until(() => idsOf(fresh).length === 1, 'the new connection is served')
    silent.close()
    await pass(100)
    expect([silent.closed, idsOf(silent), silent.frames.includes('pong')]).toEqual([undefined, [], false])
    expect(fake.connections.map(({ deaf }) => deaf)).toEqual([true, false])
    // The end of the peer is noticed all the same.
    silent.terminate()
    await until(() => fake.connections.length === 1, 'the silent one is gone')

    fake.halfOpen({ includeNew: true })
    const mute = await dial()
    mute.send(subscribe(arg('trades')))
    await pass(100)
    expect([mute.closed, mute.frames]).toEqual([undefined, []])
    fake.heal()
    await watching(setup, arg('trades'))
  })

  test('refuse answers handshakes with a status until accepted', async () => {
    const { fake, dial } = await setUp()
    fake.refuse({ status: 503, forMs: 60_000 })
    expect((await dial()).closed).toMatchObject({ code: 1006, status: 503 })
    fake.accept()
    expect((await dial()).closed).toBeUndefined()
    fake.refuse({ retryAfterSeconds: 3 })
    expect((await dial()).closed).toMatchObject({ status: 429 })
    expect(fake.dials.map(({ accepted, status }) => [accepted, status])).toEqual([
      [false, 503],
      [true, undefined],
      [false, 429],
    ])
  })

  test('mute silences one symbol or one channel; ids and REST go on', async () => {
    const setup = await setUp()
    const { fake, until, get } = setup
    const client = await watching(setup, arg('trades'), arg('tickers'), arg('trades', 'ETH-USDT'), arg('trades', 'BTC-USDT-SWAP'))
    fake.mute('BTC-USDT')
    fake.mute({ symbol: 'BTC-USDT-PERP', channel: 'trades' })
    const lost = fake.emitTrades('BTC-USDT', 3)
    fake.trade('BTC-USDT-PERP')
    fake.trade('ETH-USDT')
    await until(() => idsOf(client, 'trades', 'ETH-USDT').length === 1, 'the other symbol')
    expect([idsOf(client), idsOf(client, 'trades', 'BTC-USDT-SWAP')]).toEqual([[], []])
    const page = (await get('/api/v5/market/history-trades?instId=BTC-USDT')).body.data
    expect(page.map(({ tradeId }) => tradeId)).toEqual(lost.map(({ id }) => id).reverse())
    fake.unmute('BTC-USDT')
    fake.unmute('BTC-USDT-PERP')
    const [next] = fake.trade('BTC-USDT')
    fake.trade('BTC-USDT-PERP')
    await until(() => idsOf(client, 'trades', 'BTC-USDT-SWAP').length === 1, 'sound again')
    expect(idsOf(client)).toEqual([Number(next!.id)])
    expect(Number(next!.id)).toBe(Number(lost[2]!.id) + 1)
  })

  test('skip, reorder and resend: loss, disorder and duplicates', async () => {
    const setup = await setUp()
    const { fake, until } = setup
    const client = await watching(setup, arg('trades'))
    const trade = () => Number(fake.trade('BTC-USDT')[0]!.id)
    const first = trade()
    fake.skip({ symbol: 'BTC-USDT', channel: 'trades' }, 2)
    trade()
    trade()
    trade()
    fake.reorder('BTC-USDT')
    trade()
    trade()
    fake.resend('BTC-USDT', 2)
    await until(() => idsOf(client).length === 6, 'everything')
    expect(idsOf(client).map((id) => id - first)).toEqual([0, 3, 5, 4, 4, 5])
  })

  test('resendOnSubscribe repeats the latest rows', async () => {
    const setup = await setUp({ resendOnSubscribe: 3 })
    const { fake, until } = setup
    const fills = fake.emitTrades('BTC-USDT', 20)
    const client = await watching(setup, arg('trades'))
    await until(() => idsOf(client).length === 3, 'three rows')
    expect(idsOf(client).at(-1)).toBe(Number(fills.at(-1)!.id))
  })

  test.each(CORRUPT_KINDS)('corrupt: %s', async (kind) => {
    const setup = await setUp()
    const { fake, until } = setup
    const client = await watching(setup, arg('trades'), arg('trades', 'ETH-USDT'))
    fake.corrupt(kind, 'BTC-USDT')
    fake.trade('BTC-USDT')
    const [good] = fake.trade('BTC-USDT')
    fake.trade('ETH-USDT')
    await until(() => idsOf(client, 'trades', 'ETH-USDT').length === 1, 'what follows')
    const data = client.frames.filter((text) => !text.includes('"event"'))
    const broken = data[0]!
    const brokenRow = () => (JSON.parse(broken) as { data: Record<string, unknown>[] }).data[0]!
    expect(idsOf(client).filter(Boolean).at(-1)).toBe(Number(good!.id))
    expect(data).toHaveLength(kind === 'binary' ? 2 : 3)
    const expected: Record<(typeof CORRUPT_KINDS)[number], () => void> = {
      truncated: () => expect(() => JSON.parse(broken) as unknown).toThrow(),
      empty: () => expect(broken).toBe(''),
      binary: () => expect(client.binary).toHaveLength(1),
      huge: () => expect(broken.length).toBeGreaterThan(10_000_000),
      nested: () => expect(broken).toContain('['.repeat(100_000)),
      'wrong-types': () => expect(typeof brokenRow().px).not.toBe('string'),
      'missing-fields': () => expect(Object.keys(brokenRow())).toEqual(['instId']),
      'empty-numbers': () => expect(brokenRow()).toMatchObject({ px: '', sz: '', instId: 'BTC-USDT' }),
      'not-json': () => expect(broken).toMatch(/^<html>/),
    }
    expected[kind]()
  })

  test('slow delays acknowledgements, frames and REST, in order', async () => {
    const setup = await setUp()
    const { fake, until, get } = setup
    fake.slow(300)
    const from = fake.clock.now()
    const client = await watching(setup, arg('trades'))
    expect(fake.clock.now() - from).toBeGreaterThanOrEqual(300)
    const asked = fake.clock.now()
    await get('/api/v5/public/time')
    expect(fake.clock.now() - asked).toBeGreaterThanOrEqual(300)
    const [first] = fake.trade('BTC-USDT')
    fake.slow(0)
    const [second] = fake.trade('BTC-USDT')
    await until(() => idsOf(client).length === 2, 'both')
    expect(idsOf(client)).toEqual([first, second].map((fill) => Number(fill!.id)))
  })

  test('notice announces, then closes those it was sent to', async () => {
    const setup = await setUp()
    const { fake, until, dial } = setup
    const client = await watching(setup, arg('trades'))
    fake.notice({ closeAfterMs: 200 })
    await until(() => eventsOf(client, 'notice').length === 1, 'the notice')
    expect(eventsOf(client, 'notice')[0]).toMatchObject({ code: '64008', connId: fake.connections[0]!.id })
    expect(client.closed).toBeUndefined()
    const replacement = await dial()
    await until(() => client.closed !== undefined, 'the close')
    expect(replacement.closed).toBeUndefined()
  })

  test('subscriptions can be rejected or left without an answer, one symbol or all', async () => {
    const { fake, until, dial, pass } = await setUp()
    const client = await dial()
    fake.rejectSubscriptions('63999', 'internal error', { symbol: 'BTC-USDT', times: 1 })
    fake.silenceAcks('ETH-USDT')
    client.send(subscribe(arg('trades'), arg('trades', 'ETH-USDT'), arg('trades', 'SOL-USDT')))
    await until(() => client.messages.length === 2, 'two answers')
    await pass(100)
    expect(client.messages.map((message) => message.code ?? message.arg?.instId).toSorted()).toEqual(['63999', 'SOL-USDT'])
    expect(fake.connections[0]!.subscriptions).toEqual([arg('trades', 'SOL-USDT')])
    fake.acceptSubscriptions()
    client.send(subscribe(arg('trades'), arg('trades', 'ETH-USDT')))
    await until(() => eventsOf(client, 'subscribe').length === 3, 'all accepted')
    fake.silenceAcks(undefined, { withData: true })
    client.send(subscribe(arg('books')))
    await until(() => rowsOf(client, 'books').length === 1, 'data without an acknowledgement')
    expect(eventsOf(client, 'subscribe')).toHaveLength(3)
  })

  test('raw frames, to the newest or to all', async () => {
    const { fake, until, dial } = await setUp()
    const [older, newer] = [await dial(), await dial()]
    fake.send('{"only":"newest"}')
    fake.broadcast('{"to":"all"}', { path: 'public' })
    fake.connections[0]!.send('{"to":"first"}')
    await until(() => older.frames.length === 2 && newer.frames.length === 2, 'raw frames')
    expect([older.frames, newer.frames]).toEqual([
      ['{"to":"all"}', '{"to":"first"}'],
      ['{"only":"newest"}', '{"to":"all"}'],
    ])
  })
})
