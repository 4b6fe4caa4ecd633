import { afterEach, describe, expect, test } from 'vitest'
import {
  createOkxCollector,
  DataType,
  silentLogger,
  type OkxCollector,
  type OkxCollectorConfig,
  type TapekeeperError,
} from 'tapekeeper'
import { createVirtualExchange, DEFAULT_CREDENTIALS, type VirtualExchange, type VirtualOptions } from 'tapekeeper/testing'
import { inVirtualTime } from '../support/virtual-time.ts'

// What a server, or whoever speaks in its place, may bring us to do. Virtual time, defaults of the library.
let fake: VirtualExchange
const collectors: OkxCollector[] = []

function setUp(options: VirtualOptions = {}): void {
  fake = createVirtualExchange({ seed: 11, tradesPerSecond: 20, ...options })
}

interface Watched {
  readonly collector: OkxCollector
  readonly errors: TapekeeperError[]
  readonly ids: number[]
}

function collector(config: Partial<OkxCollectorConfig> = {}): Watched {
  const made = createOkxCollector({
    symbol: 'BTC-USDT',
    dataTypes: [DataType.Trade],
    endpoints: fake.endpoints,
    ports: fake.ports,
    logger: silentLogger,
    ...config,
  })
  collectors.push(made)
  const watched: Watched = { collector: made, errors: [], ids: [] }
  made.on('error', (error) => watched.errors.push(error))
  if (made.dataTypes.includes('trade')) made.addDataCallback(DataType.Trade, ({ data }) => watched.ids.push(Number(data.id)))
  return watched
}

const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(fake.clock, promise)
const dialsSince = (from: number): number => fake.dials.filter(({ at }) => at >= from).length

afterEach(async () => {
  await later(Promise.all(collectors.splice(0).map((each) => each.stop())))
  await fake.close()
})

describe('Retry-After', () => {
  test('of thirty years, in a handshake: ten minutes, the host is told, and what was missed is read', async () => {
    setUp()
    const { collector: target, errors, ids } = collector()
    expect(await later(target.start())).toBe(true)
    await fake.clock.advance(5_000)
    fake.refuse({ status: 503, retryAfterSeconds: 946_080_000, forMs: 30_000 })
    fake.drop()
    await fake.clock.advance(570_000)
    expect(errors.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('HTTP 503; it asks us to stay away for 946080000 s, we try again after 600 s'),
    )
    expect(errors.find(({ code }) => code === 'SOCKET_REFUSED')?.context).toMatchObject({ retryAfterMs: 946_080_000_000 })
    expect(target.status).toBe('degraded')
    await fake.clock.advance(90_000)
    expect(target.status).toBe('running')
    expect(target.getCompleteness().missing).toBe(0)
    expect(ids.at(-1)).toBe(Number(fake.trades('BTC-USDT').at(-1)?.id))
  })

  test('of thirty years, over REST: ten minutes, and the log says so', async () => {
    setUp()
    const warnings: string[] = []
    const { collector: target } = collector({ logger: { ...silentLogger, warn: (message) => warnings.push(message) } })
    expect(await later(target.start())).toBe(true)
    await fake.clock.advance(5_000)
    fake.failRest({ status: 429, retryAfterSeconds: 946_080_000, times: 1 })
    fake.skip('BTC-USDT', 3)
    await fake.clock.advance(60_000)
    expect(warnings).toContainEqual(
      expect.stringMatching(/answered 429; it asks us to stay away for 946080000 s, we try again after 600 s$/),
    )
    await fake.clock.advance(1_800_000)
    expect(target.getCompleteness().missing).toBe(0)
  })
})

describe('notice 64008', () => {
  test.each([1, 2, 3])('after each subscription is no reason to storm, and costs no trade (seed %i)', async (seed) => {
    setUp({ seed })
    const { collector: target, ids } = collector()
    const other = collector({ symbol: 'ETH-USDT' })
    expect(await later(Promise.all([target.start(), other.collector.start()]))).toEqual([true, true])
    await fake.clock.advance(10_000)
    fake.noticeAfterAck()
    fake.notice({ closeAfterMs: 600_000 })
    await fake.clock.advance(60_000)
    const afterOneMinute = fake.clock.now()
    await fake.clock.advance(240_000)
    expect(fake.dials.length).toBeLessThan(40)
    expect(dialsSince(afterOneMinute)).toBeLessThanOrEqual(4 * 4)
    expect(target.status).toBe('running')
    expect(target.getCompleteness()).toMatchObject({ missing: 0 })
    fake.noticeAfterAck({ on: false })
    await fake.clock.advance(120_000)
    const settled = fake.dials.length
    await fake.clock.advance(300_000)
    expect(fake.dials).toHaveLength(settled)
    expect(fake.connections).toHaveLength(1)
    expect(ids.every((id, i) => i === 0 || id > ids[i - 1]!)).toBe(true)
  })
})

describe('answers', () => {
  const FOREIGN = [
    { event: 'error', code: '60012', msg: 'Invalid request' },
    { event: 'error', code: '60012', msg: 'Invalid request', id: 'zz9' },
    { event: 'error', code: '60018', msg: "channel:trades,instId:BTC-USDT doesn't exist", id: 'zz9' },
    { event: 'error', code: '60018', msg: "channel:trades,instId:ETH-USDT doesn't exist" },
    { event: 'error', code: '60011', msg: 'Please log in', id: 'zz9' },
    { event: 'error', code: '60009', msg: 'Login failed' },
    { event: 'error', code: '63999', msg: 'channel:books,instId:BTC-USDT internal', id: 'zz9' },
    { event: 'unsubscribe', arg: { channel: 'trades', instId: 'BTC-USDT' }, id: 'zz9' },
    { event: 'subscribe', arg: { channel: 'books', instId: 'BTC-USDT' }, id: 'zz9' },
    { event: 'error', code: '64008', msg: 'Please reconnect', id: 'zz9' },
  ]

  test('to somebody else, or about nothing we have, change nothing; each is told and counted', async () => {
    setUp()
    const { collector: target, errors } = collector({ dataTypes: ['trade', 'orderbook'], orderBook: { depth: 400 } })
    expect(await later(target.start())).toBe(true)
    await fake.clock.advance(5_000)
    const statuses: string[] = []
    target.on('status', ({ to }) => statuses.push(to))
    target.on('subscription', ({ status }) => statuses.push(status))
    target.on('book', ({ state }) => statuses.push(state))
    for (const frame of FOREIGN) {
      const before = errors.length
      fake.send(JSON.stringify(frame))
      await fake.clock.advance(1_000)
      expect(errors.slice(before)).toMatchObject([{ code: 'FRAME_INVALID' }])
    }
    await fake.clock.advance(60_000)
    expect(statuses).toEqual([])
    expect(fake.dials).toHaveLength(1)
    expect(fake.requests.filter(({ op }) => op !== 'ping')).toHaveLength(1)
    expect(target.getStatus().statistics.errorsByCode).toEqual({ FRAME_INVALID: FOREIGN.length })
    expect(target.getCompleteness().missing).toBe(0)
  })

  test('a flood of them is counted to the last, emitted in part, and costs nothing else', async () => {
    setUp()
    const { collector: target, errors } = collector()
    expect(await later(target.start())).toBe(true)
    await fake.clock.advance(5_000)
    for (let i = 0; i < 5_000; i++) fake.send(i % 2 === 0 ? '}{' : JSON.stringify({ event: 'error', code: '1', id: `x${i}` }))
    await fake.clock.advance(1_000)
    expect(errors.length).toBeLessThanOrEqual(50)
    expect(target.getStatus().statistics.errorsByCode.FRAME_INVALID).toBe(5_000)
    await fake.clock.advance(15_000)
    fake.send('}{')
    await fake.clock.advance(100)
    expect(errors.at(-2)?.message).toMatch(/^49\d\d more faults in frames/)
    expect(target.getStatus().statistics.errorsByCode.FRAME_INVALID).toBe(5_001)
    expect(target.getCompleteness().missing).toBe(0)
  })
})

describe('an offline start', () => {
  test('says that it could not connect, where to, and why', async () => {
    setUp()
    const endpoints = { ...fake.endpoints, public: 'wss://user:secretword@nowhere.test/ws/v5/public' }
    const { collector: target, errors } = collector({ endpoints })
    expect(await later(target.start())).toBe(false)
    expect(errors[0]).toMatchObject({
      code: 'SOCKET_LOST',
      message: 'wss://nowhere.test/ws/v5/public: could not connect: getaddrinfo ENOTFOUND nowhere.test',
    })
    expect(JSON.stringify(errors)).not.toContain('secretword')
  })
})

describe('a wrong wall clock at the login', () => {
  test.each([-3_600_000, 3_600_000])('by %i ms: named, and made good by the time of the exchange', async (off) => {
    setUp()
    fake.clock.stepWall(off)
    const warnings: string[] = []
    const { collector: target, errors } = collector({
      dataTypes: ['balance'],
      credentials: DEFAULT_CREDENTIALS,
      logger: { ...silentLogger, warn: (message) => warnings.push(message) },
    })
    await later(target.start())
    await fake.clock.advance(20_000)
    expect(target.status).toBe('running')
    const which = off < 0 ? 'behind' : 'ahead of'
    expect(errors[0]?.message).toMatch(/login refused: 600(04|06) .*/)
    expect(warnings).toContainEqual(expect.stringMatching(`the clock of this machine is 3600 s ${which} the exchange's`))
  })
})
