import { afterEach, describe, expect, test } from 'vitest'
import { type BaseCollectorOptions, type PointOf, type RestartNotice, silentLogger, type TapekeeperError } from 'tapekeeper'
import { createVirtualExchange } from 'tapekeeper/testing'
import { TickerPoller } from '../../examples/rest-poller.ts'
import { createTestWorld, httpAnswer, inVirtualTime, type TestWorld } from '../support/test-ports.ts'

const pollers: { readonly poller: TickerPoller; readonly world: TestWorld }[] = []

/** OKX's row, as the real exchange answered on 2026-11-22; empty where there is nothing. */
const row = (fields: object = {}): object => ({
  last: '64214.8',
  lastSz: '0.1',
  askPx: '64214.8',
  askSz: '0.5',
  bidPx: '64214.7',
  bidSz: '1.25',
  open24h: '63000',
  high24h: '65000.1',
  low24h: '62000',
  volCcy24h: '123456789.01',
  vol24h: '1922.5',
  ts: '1795305600123',
  ...fields,
})
const good = (fields?: object) => httpAnswer(200, { code: '0', msg: '', data: [row(fields)] })
const symbolOf = (url: string): string | undefined => /instId=(.*)$/.exec(url)?.[1]

interface Setup {
  readonly poller: TickerPoller
  readonly world: TestWorld
  readonly points: PointOf<'ticker'>[]
  readonly errors: TapekeeperError[]
  readonly notices: RestartNotice[]
  /** `symbol@ms` of every ticker asked for, ms since the start. */
  readonly asked: () => string[]
}

async function setUp(options: Partial<BaseCollectorOptions> & { everyMs?: number } = {}): Promise<Setup> {
  const world = createTestWorld(() => 0.5)
  const startedAt = world.clock.now()
  const asked: string[] = []
  const { http } = world.ports
  const ports = {
    ...world.ports,
    http: (request: Parameters<typeof http>[0]) => {
      const symbol = symbolOf(request.url)
      if (symbol !== undefined) asked.push(`${symbol}@${world.clock.now() - startedAt}`)
      return http(request)
    },
  }
  world.answer = () => good()
  const poller = new TickerPoller({
    restUrl: 'https://rest.test',
    symbols: ['BTC-USDT', 'ETH-USDT'],
    logger: silentLogger,
    restartDelayMs: 2_000,
    ports,
    ...options,
  })
  pollers.push({ poller, world })
  const points: PointOf<'ticker'>[] = []
  const errors: TapekeeperError[] = []
  const notices: RestartNotice[] = []
  poller.addDataCallback('ticker', (point) => points.push(point))
  poller.on('error', (error) => errors.push(error))
  poller.on('restart', (notice) => notices.push(notice))
  expect(await inVirtualTime(world.clock, poller.start())).toBe(true)
  return { poller, world, points, errors, notices, asked: () => asked }
}

afterEach(async () => {
  for (const { poller, world } of pollers.splice(0)) {
    await inVirtualTime(world.clock, poller.stop())
    expect([poller.status, world.clock.pending]).toEqual(['stopped', 0])
  }
})

describe('rounds', () => {
  test('every symbol, at once and then every second', async () => {
    const { world, asked, points } = await setUp()
    await world.clock.advance(2_500)
    const rounds = [0, 1_000, 2_000].flatMap((ms) => [`BTC-USDT@${ms}`, `ETH-USDT@${ms}`])
    expect(asked()).toEqual(rounds)
    expect(points.map(({ symbol }) => symbol)).toEqual(['BTC-USDT', 'ETH-USDT', 'BTC-USDT', 'ETH-USDT', 'BTC-USDT', 'ETH-USDT'])
  })

  test('an answer that takes 300 ms does not slow the rhythm; one that takes longer than a round does, and none is made up for', async () => {
    const { world, asked } = await setUp({ symbols: ['BTC-USDT'] })
    let takesMs = 300
    world.answer = () => new Promise((resolve) => world.clock.after(takesMs, () => resolve(good())))
    await world.clock.advance(3_500)
    takesMs = 2_500
    await world.clock.advance(6_000)
    takesMs = 0
    await world.clock.advance(4_100)
    expect(asked().map((entry) => Number(entry.split('@')[1]))).toEqual([
      0, 1_000, 2_000, 3_000, 4_000, 6_500, 9_000, 11_500, 12_500, 13_500,
    ])
  })
})

describe('a row', () => {
  test('is a typed point, in the exchange’s own digits', async () => {
    const { world, points } = await setUp({ symbols: ['BTC-USDT'] })
    expect(points).toEqual([
      {
        exchange: 'okx-rest',
        symbol: 'BTC-USDT',
        dataType: 'ticker',
        timestamp: 1_795_305_600_123,
        receivedAt: world.clock.now(),
        data: {
          last: '64214.8',
          bid: '64214.7',
          bidSize: '1.25',
          ask: '64214.8',
          askSize: '0.5',
          open24h: '63000',
          high24h: '65000.1',
          low24h: '62000',
          volume24h: '1922.5',
          quoteVolume24h: '123456789.01',
        },
      },
    ])
  })

  test.each([
    ['empty', ''],
    ['missing', undefined],
  ])('a field that is %s is undefined, and not 0', async (_name, nothing) => {
    const { world, points } = await setUp({ symbols: ['BTC-USDT'] })
    world.answer = () => good({ bidPx: nothing, bidSz: nothing, last: nothing, vol24h: nothing })
    await world.clock.advance(1_000)
    expect(points.at(-1)?.data).toMatchObject({ bid: undefined, bidSize: undefined, last: undefined, volume24h: undefined })
    expect(points.at(-1)?.data.ask).toBe('64214.8')
  })

  test.each([
    ['a price in words', { last: 'n/a' }],
    ['a price that is a number', { last: 64214.8 }],
    ['an exponent', { vol24h: '1e5' }],
    ['no time', { ts: '' }],
    ['a time in words', { ts: 'soon' }],
  ])('%s costs that row, and nothing else', async (_name, damage) => {
    const { poller, world, points, errors, notices } = await setUp()
    world.answer = ({ url }) => good(symbolOf(url) === 'ETH-USDT' ? damage : {})
    await world.clock.advance(1_000)
    expect(points.map(({ symbol }) => symbol)).toEqual(['BTC-USDT', 'ETH-USDT', 'BTC-USDT'])
    expect(errors.map(({ code }) => code)).toEqual(['FRAME_INVALID'])
    expect(poller.getStatus().statistics).toMatchObject({ messagesReceived: 4, messagesProcessed: 3, errors: 1, restarts: 0 })
    expect([poller.status, notices]).toEqual(['running', []])
  })
})

describe('requests that fail', () => {
  const fail = () => httpAnswer(503, 'away')

  test('two rounds are counted, and the loop goes on', async () => {
    const { poller, world, points, errors, notices } = await setUp()
    world.answer = fail
    await world.clock.advance(2_000)
    world.answer = () => good()
    await world.clock.advance(5_000)
    expect(errors.map(({ code, message, context }) => [code, message, context['symbol']])).toEqual([
      ['REST_FAILED', 'the server answered 503', 'BTC-USDT'],
      ['REST_FAILED', 'the server answered 503', 'ETH-USDT'],
      ['REST_FAILED', 'the server answered 503', 'BTC-USDT'],
      ['REST_FAILED', 'the server answered 503', 'ETH-USDT'],
    ])
    expect([notices, poller.status, points.length]).toEqual([[], 'running', 12])
  })

  test.each([
    ['no line', () => Promise.reject(new Error('ECONNREFUSED'))],
    ['no JSON', () => httpAnswer(200, '<html>')],
    ['null', () => httpAnswer(200, 'null')],
    ['no rows', () => httpAnswer(200, { code: '51001', msg: 'Instrument ID does not exist', data: [] })],
    ['429', () => httpAnswer(429, '')],
  ])('%s is a failed request', async (_name, answer) => {
    const { poller, world, errors } = await setUp({ symbols: ['BTC-USDT'] })
    world.answer = answer
    await world.clock.advance(2_000)
    expect(errors.map(({ code }) => code)).toEqual(['REST_FAILED', 'REST_FAILED'])
    expect(poller.status).toBe('running')
  })

  test('one symbol of three that nobody knows costs the others nothing, for hours', async () => {
    const { poller, world, points, notices } = await setUp({ symbols: ['BTC-USDT', 'NOPE-USDT', 'ETH-USDT'] })
    world.answer = ({ url }) => (symbolOf(url) === 'NOPE-USDT' ? httpAnswer(200, { code: '51001', data: [] }) : good())
    await world.clock.advance(600_000)
    expect(notices).toEqual([])
    expect(points.filter(({ symbol }) => symbol === 'BTC-USDT').length).toBeGreaterThanOrEqual(600)
    expect(poller.getStatus()).toMatchObject({ status: 'running', statistics: { restarts: 0 } })
    expect(Object.keys(poller.getStatus().statistics.errorsByCode)).toEqual(['REST_FAILED'])
  })

  test('the third round in a row is a lost connection: restarted, at its own rhythm again', async () => {
    const { poller, world, errors, notices, asked } = await setUp()
    const statuses: string[] = []
    poller.on('status', ({ to }) => statuses.push(to))
    world.answer = fail
    await world.clock.advance(3_000)
    expect(poller.status).toBe('unhealthy')
    expect(errors.at(-1)).toMatchObject({ code: 'COLLECTOR_FAILED', consequence: 'restart', message: 'no answer in 3 rounds' })
    world.answer = () => good()
    await world.clock.advance(2_000)
    expect(notices).toMatchObject([
      { trigger: 'connection-failure', reason: 'no answer in 3 rounds', attempt: 1, delayMs: 1_000 },
    ])
    expect(statuses).toEqual(['unhealthy', 'restarting', 'running'])
    expect(asked().slice(-2)).toEqual(['BTC-USDT@5000', 'ETH-USDT@5000'])
    // The rounds before the restart are forgotten: two more may fail.
    world.answer = fail
    await world.clock.advance(2_000)
    world.answer = () => good()
    await world.clock.advance(10_000)
    expect([notices.length, poller.status]).toEqual([1, 'running'])
  })

  test('a server that stays away: back-off, error state by error state, then given up', async () => {
    const { poller, world, notices } = await setUp()
    world.answer = fail
    await world.clock.advance(600_000)
    expect(notices.map(({ trigger, delayMs }) => [trigger, delayMs])).toEqual([
      ['connection-failure', 1_000],
      ['error-state', 2_000],
      ['error-state', 4_000],
      ['error-state', 8_000],
      ['error-state', 16_000],
    ])
    expect([poller.status, world.clock.pending]).toEqual(['error', 0])
    expect(poller.getHealthStatus()).toMatchObject({ isHealthy: false, isRunning: false, shouldBeRunning: true })
    world.answer = () => good()
    expect(await inVirtualTime(world.clock, poller.start())).toBe(true)
  })

  test('the start says no to a server that is away, and why', async () => {
    const { poller, world } = await setUp()
    await inVirtualTime(world.clock, poller.stop())
    world.answer = fail
    expect(await inVirtualTime(world.clock, poller.start())).toBe(false)
    expect([poller.status, poller.getStatus().statistics.lastError]).toEqual(['error', 'the server answered 503'])
  })
})

describe('while it runs', () => {
  test('symbols come and go with the next round', async () => {
    const { poller, world, asked } = await setUp()
    poller.addSymbol('SOL-USDT')
    poller.removeSymbol('ETH-USDT')
    await world.clock.advance(1_000)
    expect(asked().slice(2)).toEqual(['BTC-USDT@1000', 'SOL-USDT@1000'])
    expect(poller.getStatus().symbols).toEqual(['BTC-USDT', 'SOL-USDT'])
  })

  test('none left: it idles, and is restarted by nobody for a failed round', async () => {
    const { poller, world, asked, errors } = await setUp()
    poller.removeSymbol('ETH-USDT')
    poller.removeSymbol('BTC-USDT')
    await world.clock.advance(60_000)
    expect([asked().length, errors, poller.status]).toEqual([2, [], 'running'])
    poller.addSymbol('BTC-USDT')
    await world.clock.advance(1_000)
    expect(asked()).toHaveLength(3)
  })

  test('removed while its request is under way: no point of it', async () => {
    const { poller, world, points } = await setUp()
    world.answer = () => new Promise((resolve) => world.clock.after(500, () => resolve(good())))
    await world.clock.advance(1_200)
    poller.removeSymbol('ETH-USDT')
    await world.clock.advance(500)
    expect(points.map(({ symbol }) => symbol)).toEqual(['BTC-USDT', 'ETH-USDT', 'BTC-USDT'])
  })

  test('stopped in the middle of a round: the requests are aborted, and it is no error', async () => {
    const { poller, world, errors, points } = await setUp()
    world.answer = ({ signal }) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
    await world.clock.advance(1_200)
    await inVirtualTime(world.clock, poller.stop())
    expect([errors, points.length, world.requests.at(-1)?.signal?.aborted]).toEqual([[], 2, true])
  })

  test('status and health say what they should', async () => {
    const { poller, world } = await setUp()
    await world.clock.advance(10_500)
    expect(poller.getStatus()).toMatchObject({
      exchange: 'okx-rest',
      status: 'running',
      dataTypes: ['ticker'],
      health: { timeSinceHeartbeat: 0.5, timeSinceData: 0.5 },
      statistics: { messagesReceived: 22, messagesProcessed: 22, messagesByType: { ticker: 22 }, errors: 0, uptimeSeconds: 10.5 },
    })
    expect(poller.getHealthStatus()).toEqual({
      isHealthy: true,
      issues: [],
      status: 'running',
      lastHeartbeat: new Date(world.clock.now() - 500).toISOString(),
      lastDataReceived: new Date(world.clock.now() - 500).toISOString(),
      shouldBeRunning: true,
      isRunning: true,
    })
  })

  test('a server that never answers is found by the heartbeat', async () => {
    const { world, notices } = await setUp()
    world.answer = ({ signal }) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
    await world.clock.advance(100_000)
    expect(notices[0]).toMatchObject({ trigger: 'no-heartbeat' })
  })
})

test('against the fake exchange, in virtual time: a minute with an outage of ten seconds', async () => {
  const fake = createVirtualExchange({ seed: 1 })
  const poller = new TickerPoller({
    restUrl: fake.endpoints.rest,
    symbols: ['BTC-USDT', 'ETH-USDT'],
    ports: fake.ports,
    logger: silentLogger,
    restartDelayMs: 2_000,
  })
  const quotes: (readonly [ours: unknown, theirs: unknown])[] = []
  poller.addDataCallback('ticker', ({ symbol, data }) => {
    const { bids, asks } = fake.book(symbol)
    quotes.push([
      [data.bid, data.bidSize, data.ask, data.askSize],
      [...bids[0]!.slice(0, 2), ...asks[0]!.slice(0, 2)],
    ])
  })
  expect(await inVirtualTime(fake.clock, poller.start())).toBe(true)
  await fake.clock.advance(20_000)
  fake.failRest({ status: 503, forMs: 10_000 })
  await fake.clock.advance(40_000)
  expect(quotes.length).toBeGreaterThan(60)
  for (const [ours, theirs] of quotes) expect(ours).toEqual(theirs)
  expect(poller.status).toBe('running')
  expect(poller.getStatus().statistics.restarts).toBeGreaterThan(0)
  await inVirtualTime(fake.clock, poller.stop())
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})
