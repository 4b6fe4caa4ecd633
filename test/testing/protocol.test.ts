import { createHmac } from 'node:crypto'
import { DEFAULT_CREDENTIALS, type FakeExchangeOptions } from 'tapekeeper/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { arg, eventsOf, rowsOf, subscribe, TRANSPORTS, virtual, type Setup } from './raw-client.ts'

const open: Setup[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ fake }) => fake.close()))
})

function login(now: number, changes: Record<string, unknown> = {}, secret = DEFAULT_CREDENTIALS.secret) {
  const timestamp = String(Math.floor(now / 1_000))
  const sign = createHmac('sha256', secret).update(`${timestamp}GET/users/self/verify`).digest('base64')
  const { apiKey, passphrase } = DEFAULT_CREDENTIALS
  return { op: 'login', args: [{ apiKey, passphrase, timestamp, sign, ...changes }] }
}

describe.each(TRANSPORTS)('protocol over %s', (_name, start) => {
  const setUp = async (options: FakeExchangeOptions = {}): Promise<Setup> => {
    const setup = await start(options)
    open.push(setup)
    return setup
  }

  test('answers ping with pong, as bare text', async () => {
    const { dial, until } = await setUp()
    const client = await dial()
    client.sendText('ping')
    await until(() => client.frames.includes('pong'), 'a pong')
  })

  test('acknowledges each argument by itself, with id and connId; a bad one fails alone', async () => {
    const { dial, until, fake } = await setUp({ tradesPerSecond: 0, bookUpdatesPerSecond: 0 })
    const client = await dial('public', '?brokerId=9999')
    client.send({ id: 's17', ...subscribe(arg('trades'), arg('trades', 'NOPE-USDT'), arg('tickers'), arg('candle1m')) })
    await until(() => eventsOf(client, 'subscribe').length === 2 && eventsOf(client, 'error').length === 2, 'four answers')
    const connId = fake.connections[0]!.id
    expect(eventsOf(client, 'subscribe')).toEqual(
      expect.arrayContaining([
        { id: 's17', event: 'subscribe', arg: arg('trades'), connId },
        { id: 's17', event: 'subscribe', arg: arg('tickers'), connId },
      ]),
    )
    for (const error of eventsOf(client, 'error')) expect(error).toMatchObject({ code: '60018', id: 's17', connId })
    expect(eventsOf(client, 'error').map(({ msg }) => /channel:([^,]+),instId:(\S+) doesn't exist/.exec(msg)?.slice(1))).toEqual(
      expect.arrayContaining([
        ['trades', 'NOPE-USDT'],
        ['candle1m', 'BTC-USDT'],
      ]),
    )
    expect(eventsOf(client, 'error').every((error) => !('arg' in error))).toBe(true)

    client.send({ id: 'u3', op: 'unsubscribe', args: [arg('trades')] })
    await until(() => eventsOf(client, 'unsubscribe').length === 1, 'the end is acknowledged')
    expect(eventsOf(client, 'unsubscribe')[0]).toEqual({ id: 'u3', event: 'unsubscribe', arg: arg('trades'), connId })
    expect(fake.connections[0]!.subscriptions).toEqual([arg('tickers')])
    fake.trade('BTC-USDT')
    await until(() => rowsOf(client, 'tickers').length > 0, 'a ticker')
    expect(rowsOf(client, 'trades')).toEqual([])
  })

  test('order of acknowledgements follows the seed', async () => {
    const channels = ['trades', 'tickers', 'books', 'books5', 'bbo-tbt']
    const orderOf = async (options: FakeExchangeOptions) => {
      const { dial, until } = await setUp({ tradesPerSecond: 0, bookUpdatesPerSecond: 0, ...options })
      const client = await dial()
      client.send(subscribe(...channels.map((channel) => arg(channel))))
      await until(() => eventsOf(client, 'subscribe').length === channels.length, 'all acknowledged')
      return eventsOf(client, 'subscribe').map((ack) => ack.arg!.channel)
    }
    expect(await orderOf({ shuffleAcks: false })).toEqual(channels)
    const [first, again] = [await orderOf({ seed: 5 }), await orderOf({ seed: 5 })]
    expect(first).toEqual(again)
    const orders = await Promise.all([1, 2, 3].map((seed) => orderOf({ seed })))
    expect(new Set(orders.map(String)).size).toBeGreaterThan(1)
    expect(orders[0]!.toSorted()).toEqual(channels.toSorted())
  })

  test('first data may come before its acknowledgement', async () => {
    const { dial, until } = await setUp({ dataBeforeAck: true })
    const client = await dial()
    client.send(subscribe(arg('books')))
    await until(() => client.frames.length >= 2, 'both frames')
    expect(client.messages.slice(0, 2).map(({ action, event }) => action ?? event)).toEqual(['snapshot', 'subscribe'])
  })

  test.each([
    ['not JSON', 'hello', '60012', undefined],
    ['an unknown op', '{"id":"a1","op":"jump","args":[{"channel":"trades"}]}', '60012', 'a1'],
    ['an id with a dash', '{"id":"a-1","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}', '60012', undefined],
    ['an id of 33', `{"id":"${'x'.repeat(33)}","op":"subscribe","args":[{"channel":"trades"}]}`, '60012', undefined],
    ['no args', '{"id":"a2","op":"subscribe"}', '60013', 'a2'],
    [
      'one bad arg among good ones',
      '{"id":"a3","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},7]}',
      '60013',
      'a3',
    ],
    ['uly', '{"op":"subscribe","args":[{"channel":"trades","uly":"BTC-USDT"}]}', '64000', undefined],
    ['a full-speed book', '{"op":"subscribe","args":[{"channel":"books-l2-tbt","instId":"BTC-USDT"}]}', '60011', undefined],
  ])('refuses %s as a whole', async (_what, text, code, id) => {
    const { dial, until, fake } = await setUp()
    const client = await dial()
    client.sendText(text)
    await until(() => client.messages.length > 0, 'an error')
    expect(client.messages).toMatchObject([{ event: 'error', code, ...(id === undefined ? {} : { id }) }])
    if (id === undefined) expect(client.messages[0]).not.toHaveProperty('id')
    expect(fake.connections[0]!.subscriptions).toEqual([])
    expect(fake.requests[0]!.text).toBe(text)
  })

  test('closes 1009 on a request beyond 64 KB', async () => {
    const { dial, until } = await setUp()
    const client = await dial()
    client.send(subscribe(...Array.from({ length: 1_500 }, (_, i) => arg('trades', `COIN${i}-USDT`))))
    await until(() => client.closed !== undefined, 'the end')
    expect(client.closed).toMatchObject({ code: 1009 })
    expect(client.messages).toEqual([])
  })

  test('answers the 481st request of an hour with 60014; pings are free', async () => {
    const { dial, until } = await setUp({ tradesPerSecond: 0 })
    const client = await dial()
    for (let i = 0; i < 240; i++) {
      client.send(subscribe(arg('trades')))
      client.send({ op: 'unsubscribe', args: [arg('trades')] })
      client.sendText('ping')
    }
    client.send({ id: 'last', ...subscribe(arg('trades')) })
    await until(() => eventsOf(client, 'error').length > 0, 'an error')
    expect(eventsOf(client, 'error')).toMatchObject([{ code: '60014', id: 'last' }])
    expect(eventsOf(client, 'unsubscribe')).toHaveLength(240)
    expect(client.frames.filter((text) => text === 'pong')).toHaveLength(240)
    expect(client.closed).toBeUndefined()
  })

  test('refuses the fourth handshake within a second with 429, and forgives', async () => {
    const { dial, pass, fake } = await setUp()
    const clients = [await dial(), await dial(), await dial(), await dial()]
    expect(clients.map(({ closed }) => closed?.status)).toEqual([undefined, undefined, undefined, 429])
    await pass(1_100)
    expect((await dial()).closed).toBeUndefined()
    expect(fake.dials.map(({ accepted }) => accepted)).toEqual([true, true, true, false, true])
  })

  test('closes an idle connection with 4004; pings keep it', async () => {
    const { dial, until, pass } = await setUp({ idleTimeoutMs: 600, tradesPerSecond: 0, bookUpdatesPerSecond: 0 })
    const [idle, pinging, watching] = [await dial(), await dial(), await dial()]
    watching.send(subscribe(arg('trades')))
    for (let i = 0; i < 6; i++) {
      pinging.sendText('ping')
      await pass(200)
    }
    await until(() => idle.closed !== undefined && watching.closed !== undefined, 'both closed')
    expect([idle.closed?.code, watching.closed?.code, pinging.closed]).toEqual([4004, 4004, undefined])
  })

  test('logs in, then serves the account in pages and counts connections', async () => {
    const { dial, until, fake } = await setUp({ accountPageSize: 2 })
    const client = await dial('private')
    client.send(subscribe({ channel: 'account' }))
    await until(() => eventsOf(client, 'error').length === 1, 'login is needed')
    expect(eventsOf(client, 'error')[0]).toMatchObject({ code: '60011' })

    client.send({ id: 'l1', ...login(fake.clock.now()) })
    await until(() => eventsOf(client, 'login').length === 1, 'login')
    expect(eventsOf(client, 'login')).toEqual([{ event: 'login', code: '0', msg: '', connId: fake.connections[0]!.id, id: 'l1' }])
    client.send(login(fake.clock.now()))
    client.send(subscribe({ channel: 'account', extraParams: '{"updateInterval":"0"}' }))
    const pages = () => client.messages.filter((message) => message.eventType === 'snapshot')
    await until(() => pages().length === 2, 'two pages')
    expect(eventsOf(client, 'error')[1]).toMatchObject({ code: '60031' })
    expect(eventsOf(client, 'channel-conn-count')).toMatchObject([{ channel: 'account', connCount: '1' }])
    expect(pages().map(({ curPage, lastPage, data }) => [curPage, lastPage, data![0]!.details.map(({ ccy }) => ccy)])).toEqual([
      [1, false, ['USDT', 'BTC']],
      [2, true, ['ETH']],
    ])
    expect(pages()[0]!.data![0]!.details[1]).toMatchObject({
      cashBal: '0.86520043',
      availBal: '0.81520043',
      frozenBal: '0.05',
      liab: '',
    })

    fake.setBalance('ETH', { available: '1.5', frozen: '0.25' })
    await until(() => client.messages.some((message) => message.eventType === 'event_update'), 'an event')
    expect(client.messages.at(-1)).toMatchObject({
      curPage: 1,
      lastPage: true,
      data: [{ details: [{ ccy: 'ETH', eq: '1.75' }] }],
    })
  })

  test.each([
    ['60032', { apiKey: '00000000-0000-4000-8000-000000000000' }],
    ['60005', { apiKey: 'mine' }],
    ['60007', { sign: 'bm9uc2Vuc2U=' }],
    ['60024', { passphrase: 'wrong' }],
    ['60004', { timestamp: 'today' }],
    ['60006', { timestamp: '1538054050' }],
    ['60009', { sign: undefined }],
  ])('refuses a login with %s and closes 4001', async (code, changes) => {
    const { dial, until, fake } = await setUp()
    const client = await dial('private')
    client.send(login(fake.clock.now(), changes))
    await until(() => client.closed !== undefined, 'the end')
    expect(client.messages).toMatchObject([{ event: 'error', code }])
    expect(client.closed).toMatchObject({ code: 4001 })
  })

  test('serves nothing at other paths', async () => {
    const { fake, dial } = await setUp()
    const path = fake.endpoints.public
    Object.assign(fake.endpoints, { public: path.replace('/v5/', '/v4/') })
    expect((await dial()).closed).toMatchObject({ status: 404 })
  })
})

test('regular account updates come unless the interval is "0"', async () => {
  const setup = await virtual()
  open.push(setup)
  const { dial, pass, fake } = setup
  const [regular, eventsOnly] = [await dial('private'), await dial('private')]
  for (const client of [regular, eventsOnly]) client.send(login(fake.clock.now()))
  regular.send(subscribe({ channel: 'account', ccy: 'BTC' }))
  eventsOnly.send(subscribe({ channel: 'account', extraParams: '{"updateInterval":"0"}' }))
  await pass(20_500)
  const pushes = [regular, eventsOnly].map((client) => client.messages.filter((message) => message.eventType === 'snapshot'))
  expect(pushes.map(({ length }) => length)).toEqual([5, 1])
  expect(pushes[0]![4]!.data![0]!.details.map(({ ccy }) => ccy)).toEqual(['BTC'])
})

test('an active subscription that falls silent for 30 s is closed; the default is 30 s', async () => {
  const setup = await virtual({ tradesPerSecond: 0 })
  open.push(setup)
  const { dial, pass, fake } = setup
  const client = await dial()
  client.send(subscribe(arg('trades')))
  for (let i = 0; i < 3; i++) {
    await pass(20_000)
    fake.trade('BTC-USDT')
  }
  fake.mute('BTC-USDT')
  await pass(20_000)
  fake.trade('BTC-USDT')
  await pass(9_000)
  expect(client.closed).toBeUndefined()
  await pass(1_100)
  expect(client.closed).toMatchObject({ code: 4004 })
})
