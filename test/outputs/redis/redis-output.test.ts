import { inspect } from 'node:util'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decimal } from '../../../src/domain/decimal.ts'
import type { Gap } from '../../../src/domain/gap.ts'
import type { MarketDataPoint } from '../../../src/domain/market-data.ts'
import { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { messageFromJson } from '../../../src/outputs/message-json.ts'
import type { OutputMessage } from '../../../src/outputs/output.ts'
import { createRedisOutput } from '../../../src/outputs/redis/create-redis-output.ts'
import { describeRedis, startRedis, until, type TestRedis } from '../../support/redis.ts'
import { feedOf, listenTo, range, trade } from './bus.ts'

const message = (sequence: number, stream = 'okx:BTC-USDT:trade', session = 's1'): OutputMessage => ({
  stream,
  session,
  sequence,
  payload: { type: 'point', point: trade(sequence) },
})

const candle: MarketDataPoint = {
  exchange: 'okx',
  symbol: 'BTC-USDT',
  dataType: 'candle',
  timestamp: 60_000,
  receivedAt: 120_001.5,
  data: {
    exchange: 'okx',
    symbol: 'BTC-USDT',
    timeframe: '1m',
    openTime: 60_000,
    closeTime: 120_000,
    open: decimal('1.10' as never),
    high: decimal('2' as never),
    low: decimal('0.000000000000000001' as never),
    close: decimal('1.5' as never),
    volume: decimal('123456789012345678901234567890.5' as never),
    quoteVolume: undefined,
    takerBuyVolume: undefined,
    tradesCount: 3,
    status: 'closed',
    complete: true,
    incompleteReason: undefined,
    source: 'trades',
  },
}

const gap: Gap = {
  exchange: 'okx',
  symbol: 'BTC-USDT',
  stream: 'okx trades BTC-USDT',
  fromId: '2',
  toId: '3',
  fromTime: 1,
  toTime: 4,
  missing: 2,
  reason: 'rest-failed',
  filled: false,
  trades: undefined,
  at: 5,
}

describe('options', () => {
  test.each<readonly [object, RegExp]>([
    [{ url: 'http://127.0.0.1' }, /url: must be like redis:\/\//],
    [{ channels: false }, /nothing would be published/],
    [{ client: {} as never }, /client: must be a client/],
    [{ url: 'redis://h', client: createClient() }, /url or client, not both/],
    [{ dataTypes: ['trades' as never] }, /did you mean "trade"/],
    [{ prefixx: 'a' }, /unknown key "prefixx".*did you mean "prefix"/],
    [{ streams: { maxLength: 0 } }, /maxLength is 0/],
    [{ streams: true as never }, /streams: must be false, or an object such as/],
  ])('%o is refused', (options, words) => {
    expect(() => createRedisOutput(options)).toThrow(words)
  })

  test('a wrong URL is not quoted', () => {
    const make = () => createRedisOutput({ url: 'redis:/user:hunter2secret@h' })
    expect(make).toThrow(/must be like/)
    expect(make).not.toThrow(/hunter2secret/)
  })
})

describeRedis('redis output', () => {
  let redis: TestRedis
  beforeAll(async () => void (redis = await startRedis()))
  afterAll(() => redis.close())

  const entries = async (key: string): Promise<readonly OutputMessage[]> => {
    const reply = (await redis.command('XRANGE', key, '-', '+')) as readonly (readonly [string, readonly string[]])[]
    return reply.map(([, [field, text]]) => {
      expect(field).toBe('message')
      return messageFromJson(text!)
    })
  }
  const sequences = async (key: string): Promise<readonly number[]> => (await entries(key)).map(({ sequence }) => sequence)

  test('points, candles and gaps arrive as they were, over channels and streams', async () => {
    const output = createRedisOutput({ url: redis.url, prefix: 'all', streams: {} })
    const [channel, stream] = await Promise.all(
      (['channel', 'stream'] as const).map((source) => listenTo({ url: redis.url, prefix: 'all', source })),
    )
    const gaps: Gap[] = []
    for (const { subscriber } of [channel!, stream!]) subscriber.on('gap', (heard) => gaps.push(heard))
    const { feed } = feedOf(output)
    feed.point(trade(1))
    feed.gap(gap)
    feed.point(candle)
    await feed.flush()
    for (const ear of [channel!, stream!]) {
      await until(() => ear.points.length === 2 && ear.subscriber.statistics.received === 3)
      expect(ear.points.find(({ point }) => point.dataType === 'trade')?.point).toEqual(trade(1))
      const heard = ear.points.find(({ point }) => point.dataType === 'candle')
      expect(JSON.stringify(heard?.point)).toBe(JSON.stringify(candle))
      expect(heard?.meta).toMatchObject({ stream: 'okx:BTC-USDT:candle:1m', sequence: 1 })
    }
    expect(gaps).toEqual([gap, gap])
    expect(channel!.points[0]!.meta.id).toBeUndefined()
    expect(stream!.points[0]!.meta.id).toMatch(/^\d+-\d+$/)
    await Promise.all([channel!.subscriber.close(), stream!.subscriber.close(), output.close()])
  })

  test('a repeated attempt adds nothing to a stream, whatever part of it had arrived', async () => {
    const output = createRedisOutput({ url: redis.url, prefix: 'again', streams: {}, channels: false })
    await output.publish(range(1, 3).map((sequence) => message(sequence)))
    await output.publish(range(1, 5).map((sequence) => message(sequence)))
    await output.publish(range(1, 5).map((sequence) => message(sequence)))
    expect(await sequences('again:stream:okx:BTC-USDT:trade')).toEqual(range(1, 5))
    await output.close()
  })

  test('a second publisher, or one whose clock went back, is taken as well', async () => {
    const output = createRedisOutput({ url: redis.url, prefix: 'clock', streams: {}, channels: false })
    const session = (name: string, count: number) => range(1, count).map((sequence) => message(sequence, undefined, name))
    await output.publish(session('2026', 2))
    await output.publish(session('2025', 3))
    await output.publish([...session('2026', 3), ...session('2025', 3)])
    const stored = await entries('clock:stream:okx:BTC-USDT:trade')
    expect(stored.map((one) => `${one.session} ${one.sequence}`)).toEqual([
      '2026 1',
      '2026 2',
      '2025 1',
      '2025 2',
      '2025 3',
      '2026 3',
    ])
    await output.close()
  })

  test('a stream keeps about as many as it is told', async () => {
    const output = createRedisOutput({ url: redis.url, prefix: 'short', streams: { maxLength: 200 }, channels: false })
    for (let from = 1; from <= 3_000; from += 500)
      await output.publish(range(from, from + 499).map((sequence) => message(sequence)))
    const kept = await sequences('short:stream:okx:BTC-USDT:trade')
    expect(kept.at(-1)).toBe(3_000)
    expect(kept.length).toBeGreaterThanOrEqual(200)
    expect(kept.length).toBeLessThan(400)
    await output.close()
  })

  test('a message that is no JSON is refused alone, before anything is sent', async () => {
    const output = createRedisOutput({ url: redis.url, prefix: 'poison', streams: {} })
    const loop: Record<string, unknown> = {}
    loop['self'] = loop
    const poison = { ...trade(2), data: { ...trade(2).data, more: loop } } as unknown as MarketDataPoint
    const { feed, errors } = feedOf(output)
    for (const point of [trade(1), poison, trade(3)]) feed.point(point)
    await feed.flush()
    expect(await sequences('poison:stream:okx:BTC-USDT:trade')).toEqual([1, 3])
    expect(errors).toMatchObject([{ code: 'ROW_REJECTED', context: { sequence: 2, stream: 'okx:BTC-USDT:trade' } }])
    await output.close()
  })

  test('a client of the host lends its settings, and is neither opened nor closed', async () => {
    const closed = createClient({ url: redis.url })
    const open = createClient({ url: redis.url })
    await open.connect()
    for (const [index, client] of [closed, open].entries()) {
      const output = createRedisOutput({ client, prefix: `host${index}`, streams: {} })
      const ear = await listenTo({ client, prefix: `host${index}`, source: 'stream' })
      await output.publish([message(1)])
      await until(() => ear.points.length === 1)
      await ear.subscriber.close()
      await output.close()
    }
    expect([closed.isOpen, open.isReady]).toEqual([false, true])
    expect(await open.ping()).toBe('PONG')
    open.destroy()
  })

  test('what many feeds publish at the same time shares one connection', async () => {
    await redis.command('CONFIG', 'RESETSTAT')
    const output = createRedisOutput({ url: redis.url, prefix: 'many', streams: {}, channels: false })
    const feeds = range(1, 30).map((index) => ({ index, feed: feedOf(output).feed }))
    for (const id of range(1, 20)) for (const { feed, index } of feeds) feed.point(trade(id, `S${index}`))
    await Promise.all(feeds.map(({ feed }) => feed.flush()))
    for (const { index } of feeds) expect(await sequences(`many:stream:okx:S${index}:trade`)).toEqual(range(1, 20))
    const clients = String(await redis.command('CLIENT', 'LIST'))
      .split('\n')
      .filter((line) => line.includes('cmd=eval'))
    expect(clients).toHaveLength(1)
    await output.close()
    await output.close()
    await expect(output.publish([message(1)])).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
  })

  test('nobody there: a typed refusal, soon', async () => {
    const output = createRedisOutput({ url: 'redis://user:hunter2secret@127.0.0.1:1/0', timeoutMs: 2_000 })
    const error: unknown = await output.publish([message(1)]).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringMatching(/^redis redis:\/\/127\.0\.0\.1:1\/0: .*ECONNREFUSED/) as string,
    })
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2secret')
    await output.close()
  })
})

describeRedis('redis with a password', () => {
  let redis: TestRedis
  const password = 'hunter2 s:e/c?r@t'
  beforeAll(async () => void (redis = await startRedis({ password })))
  afterAll(() => redis.close())

  test('the right one', async () => {
    const output = createRedisOutput({ url: redis.url })
    const ear = await listenTo({ url: redis.url })
    await output.publish([message(1)])
    await until(() => ear.points.length === 1)
    await ear.subscriber.close()
    await output.close()
  })

  test.each([
    ['none', () => redis.url.replace(/\/\/.*@/, '//'), /NOAUTH/],
    ['a wrong one', () => redis.url.replace(/:[^:/@]+@/, ':wrong-hunter2@'), /WRONGPASS|invalid/i],
  ])('%s: typed, without it, and the subscriber keeps trying', async (_name, urlOf, words) => {
    const url = urlOf()
    const output = createRedisOutput({ url })
    const error: unknown = await output.publish([message(1)]).catch((reason: unknown) => reason)
    expect(TapekeeperError.is(error) && error.message).toMatch(words)
    const { createRedisSubscriber } = await import('../../../src/outputs/redis/create-redis-subscriber.ts')
    const subscriber = createRedisSubscriber({ url })
    const errors: TapekeeperError[] = []
    subscriber.on('error', (fault) => errors.push(fault))
    const started = subscriber.start().catch((reason: unknown) => reason)
    await until(() => errors.length === 1 && subscriber.status === 'away')
    await subscriber.close()
    expect(await started).toMatchObject({ code: 'ABORTED' })
    expect(errors).toMatchObject([{ code: 'OUTPUT_FAILED' }])
    expect(inspect([error, errors], { depth: 10, showHidden: true })).not.toContain('hunter2')
    await output.close()
  })
})
