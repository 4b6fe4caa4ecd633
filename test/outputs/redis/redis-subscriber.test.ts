import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { messageToJson } from '../../../src/outputs/message-json.ts'
import { createRedisOutput } from '../../../src/outputs/redis/create-redis-output.ts'
import { createRedisSubscriber } from '../../../src/outputs/redis/create-redis-subscriber.ts'
import { silentLogger } from '../../../src/ports/logger.ts'
import { describeRedis, startProxy, startRedis, until, type Proxy, type TestRedis } from '../../support/redis.ts'
import { feedOf, listenTo, range, trade, type Ear, type Feed } from './bus.ts'

describe('options', () => {
  test.each<readonly [object, RegExp]>([
    [{ source: 'channels' as never }, /did you mean "channel"/],
    [{ start: 'yesterday' }, /start: must be now, beginning, or an id/],
    [{ streams: [{ timeframe: '1m' as const }] }, /a timeframe is for candles/],
    [{ streams: [{ symbl: 'BTC-USDT' }] }, /unknown key "streams.0.symbl", did you mean "symbol"/],
    [{ streams: [] }, /streams must have at least 1 item/],
    [{ url: 'nothing' }, /url: must be like/],
  ])('%o is refused', (options, words) => {
    expect(() => createRedisSubscriber(options)).toThrow(words)
  })

  test('one that was never started is closed', async () => {
    const subscriber = createRedisSubscriber()
    expect(subscriber.status).toBe('idle')
    await subscriber.close()
    await subscriber.close()
    await expect(subscriber.start()).rejects.toMatchObject({ code: 'ABORTED' })
    expect(subscriber.status).toBe('closed')
  })
})

const sources = ['channel', 'stream'] as const

describeRedis('redis subscriber', () => {
  let redis: TestRedis
  let tests = 0
  const closing: (() => Promise<unknown>)[] = []
  beforeAll(async () => void (redis = await startRedis()))
  afterAll(() => redis.close())
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()))
  })

  const freshPrefix = (): string => `test${++tests}`
  const publisher = (prefix: string, maxLength?: number): Feed => {
    const output = createRedisOutput({ url: redis.url, prefix, streams: { maxLength } })
    closing.push(() => output.close())
    return feedOf(output)
  }
  const ear = async (options: Parameters<typeof listenTo>[0]): Promise<Ear> => {
    const made = await listenTo({ url: redis.url, ...options })
    closing.push(() => made.subscriber.close())
    return made
  }
  const proxy = async (): Promise<Proxy> => {
    const made = await startProxy(redis.port)
    closing.push(() => made.close())
    return made
  }
  const publish = async ({ feed }: Feed, from: number, to: number, symbol?: string): Promise<void> => {
    for (const id of range(from, to)) feed.point(trade(id, symbol))
    await feed.flush()
  }

  test.each(sources)('%s: only what a filter asks for, whatever the names', async (source) => {
    const odd = [
      'BTC-USDT',
      'BTC:USDT',
      'BTC*',
      'BTC?',
      '[BTC]',
      'B\\TC',
      '100%',
      '%3A',
      ' ',
      '比特币🚀',
      "'; FLUSHALL",
      'a\nb\u0000c',
      '{tag}',
    ]
    const prefix = `${freshPrefix()}*[x]`
    const all = await ear({ prefix, source })
    const each = await Promise.all(
      odd.map((symbol) => ear({ prefix, source, streams: [{ exchange: 'okx', symbol, dataType: 'trade' }] })),
    )
    const none = await ear({ prefix, source, streams: [{ exchange: 'ok' }, { symbol: 'BTC' }, { dataType: 'candle' }] })
    const feed = publisher(prefix)
    for (const symbol of odd) feed.feed.point(trade(1, symbol))
    await feed.feed.flush()
    await until(() => all.points.length === odd.length && each.every(({ points }) => points.length >= 1))
    expect(all.points.map(({ point }) => point.symbol).toSorted()).toEqual(odd.toSorted())
    expect(each.map(({ points }) => points.map(({ point }) => point.symbol))).toEqual(odd.map((symbol) => [symbol]))
    expect(none.points).toEqual([])
    expect(all.errors).toEqual([])
  })

  test.each(sources)('%s: filters that overlap bring nothing twice', async (source) => {
    const prefix = freshPrefix()
    const { points, subscriber } = await ear({ prefix, source, streams: [{}, { exchange: 'okx' }, { symbol: 'BTC-USDT' }] })
    await publish(publisher(prefix), 1, 50)
    await until(() => points.length === 50)
    expect(subscriber.statistics).toMatchObject({ received: 50, lost: 0, damaged: 0 })
  })

  test('channel: an interruption is reported exactly, at the first message behind it', async () => {
    const prefix = freshPrefix()
    const line = await proxy()
    const feed = publisher(prefix)
    const heard = await ear({ prefix, url: line.url })
    await publish(feed, 1, 20)
    await until(() => heard.points.length === 20)
    line.cut()
    await until(() => heard.subscriber.status === 'away')
    await publish(feed, 21, 70)
    line.heal()
    await until(() => heard.subscriber.status === 'listening')
    expect(heard.losses).toEqual([])
    await publish(feed, 71, 80)
    await until(() => heard.points.length === 30)
    expect(heard.losses).toMatchObject([{ stream: 'okx:BTC-USDT:trade', fromSequence: 21, toSequence: 70, missing: 50 }])
    expect(heard.account().order).toEqual(range(1, 80))
    expect(heard.sessions).toMatchObject([{ firstSequence: 1, previous: undefined }])
    expect(heard.errors).toMatchObject([{ code: 'OUTPUT_FAILED' }])
    expect(heard.subscriber.statistics).toEqual({ received: 30, lost: 50, duplicates: 0, damaged: 0, reconnects: 1 })
  })

  test('stream: an interruption costs nothing while Redis has it', async () => {
    const prefix = freshPrefix()
    const line = await proxy()
    const feed = publisher(prefix)
    const heard = await ear({ prefix, source: 'stream', url: line.url })
    await publish(feed, 1, 20)
    await until(() => heard.points.length === 20)
    line.cut()
    await until(() => heard.subscriber.status === 'away')
    await publish(feed, 21, 2_000)
    await publish(feed, 1, 30, 'ETH-USDT')
    line.heal()
    await until(() => heard.points.length === 2_030)
    expect(heard.subscriber.statistics).toEqual({ received: 2_030, lost: 0, duplicates: 0, damaged: 0, reconnects: 1 })
    expect(heard.points.filter(({ point }) => point.symbol === 'BTC-USDT').map(({ meta }) => meta.sequence)).toEqual(
      range(1, 2_000),
    )
  })

  test('stream: what was trimmed while the subscriber was slow is reported exactly', async () => {
    const prefix = freshPrefix()
    const line = await proxy()
    const feed = publisher(prefix, 100)
    const heard = await ear({ prefix, source: 'stream', url: line.url })
    await publish(feed, 1, 50)
    await until(() => heard.points.length === 50)
    line.cut()
    await until(() => heard.subscriber.status === 'away')
    await publish(feed, 51, 5_000)
    const kept = (await redis.command('XRANGE', `${prefix}:stream:okx:BTC-USDT:trade`, '-', '+')) as readonly (readonly [
      string,
      readonly string[],
    ])[]
    const { sequence: firstKept } = JSON.parse(kept[0]![1][1]!) as { sequence: number }
    line.heal()
    await until(() => heard.account().order.at(-1) === 5_000)
    expect(heard.losses).toMatchObject([{ fromSequence: 51, toSequence: firstKept - 1, missing: firstKept - 51 }])
    expect(heard.account().received).toEqual([...range(1, 50), ...range(firstKept, 5_000)])
  })

  test('stream: from now, from the beginning, from behind an entry', async () => {
    const prefix = freshPrefix()
    const feed = publisher(prefix)
    await publish(feed, 1, 10)
    const fromStart = await ear({ prefix, source: 'stream', start: 'beginning' })
    await until(() => fromStart.points.length === 10)
    const { id } = fromStart.points[5]!.meta
    const fromNow = await ear({ prefix, source: 'stream' })
    const fromEntry = await ear({ prefix, source: 'stream', start: id })
    await publish(feed, 11, 12)
    await until(() => [fromStart, fromNow, fromEntry].every((one) => one.account().order.at(-1) === 12))
    expect([fromStart, fromNow, fromEntry].map((one) => one.account().order)).toEqual([range(1, 12), range(11, 12), range(7, 12)])
    expect(fromNow.sessions).toMatchObject([{ firstSequence: 11 }])
    expect(fromNow.losses).toEqual([])
  })

  test('stream: one that begins later is read from its first message', async () => {
    const prefix = freshPrefix()
    const heard = await ear({ prefix, source: 'stream' })
    const feed = publisher(prefix)
    await publish(feed, 1, 700)
    await until(() => heard.points.length === 700)
    await publish(feed, 1, 5, 'ETH-USDT')
    await until(() => heard.points.length === 705)
    expect(heard.sessions.map(({ firstSequence }) => firstSequence)).toEqual([1, 1])
  })

  test.each(sources)('%s: several publishers of one stream, and one that begins anew', async (source) => {
    const prefix = freshPrefix()
    const heard = await ear({ prefix, source })
    const [one, other] = [publisher(prefix), publisher(prefix)]
    for (const from of [1, 11, 21]) {
      for (const id of range(from, from + 9)) for (const { feed } of [one, other]) feed.point(trade(id))
      await Promise.all([one.feed.flush(), other.feed.flush()])
    }
    await publish(publisher(prefix), 1, 5)
    await until(() => heard.points.length === 65)
    expect(heard.sessions).toHaveLength(3)
    expect(heard.sessions.map(({ firstSequence }) => firstSequence)).toEqual([1, 1, 1])
    expect(heard.sessions.map(({ previous }) => previous?.sequence)).toEqual([undefined, expect.any(Number), 30])
    const orders = heard.sessions.map(({ session }) => heard.account(session).order)
    expect(orders).toEqual([range(1, 30), range(1, 30), range(1, 5)])
    expect(heard.losses).toEqual([])
  })

  test.each(sources)('%s: what is not ours is said and passed over', async (source) => {
    const prefix = freshPrefix()
    const heard = await ear({ prefix, source })
    const feed = publisher(prefix)
    await publish(feed, 1, 1)
    await until(() => heard.points.length === 1)
    const name = 'okx:BTC-USDT:trade'
    const texts = [
      '',
      '{',
      'null',
      '{"session":"x"}',
      '{"session":"x","sequence":1,"stream":"okx:BTC-USDT:trade","type":"point","data":{}}',
      '\uFFFF\u0000',
    ]
    for (const text of texts) {
      if (source === 'channel') await redis.command('PUBLISH', `${prefix}:${name}`, text)
      else await redis.command('XADD', `${prefix}:stream:${name}`, '*', 'message', text)
    }
    if (source === 'stream') await redis.command('XADD', `${prefix}:stream:${name}`, '*', 'other', 'field')
    // A good message of a stream that is none.
    const stray = JSON.parse(
      messageToJson({ stream: 'nothing', session: 's', sequence: 1, payload: { type: 'point', point: trade(1) } }),
    ) as unknown
    if (source === 'channel') await redis.command('PUBLISH', `${prefix}:nothing:at:all`, JSON.stringify(stray))
    await publish(feed, 2, 2)
    await until(() => heard.points.length === 2)
    const count = texts.length + (source === 'stream' ? 1 : 0)
    expect(heard.errors.map(({ code }) => code)).toEqual(Array.from({ length: count }, () => 'FRAME_INVALID'))
    expect(heard.subscriber.statistics).toMatchObject({ received: 2, lost: 0, damaged: count })
  })

  test('stream: numbered below our position, by a Redis that began anew with its clock behind', async () => {
    const prefix = freshPrefix()
    const line = await proxy()
    const feed = publisher(prefix)
    const heard = await ear({ prefix, source: 'stream', url: line.url })
    await publish(feed, 1, 10)
    await until(() => heard.points.length === 10)
    const { session } = heard.sessions[0]!
    line.cut()
    await until(() => heard.subscriber.status === 'away')
    const key = `${prefix}:stream:okx:BTC-USDT:trade`
    const add = (id: string, of: string, sequence: number) =>
      redis.command(
        'XADD',
        key,
        id,
        'message',
        messageToJson({
          stream: 'okx:BTC-USDT:trade',
          session: of,
          sequence,
          payload: { type: 'point', point: trade(sequence) },
        }),
      )
    await redis.command('DEL', key)
    // An older run that we never saw, what we have seen, and news.
    await add('1-1', '2001', 1)
    await add('1-2', session, 9)
    await add('1-3', session, 10)
    await add('1-4', session, 13)
    line.heal()
    await until(() => heard.account().order.at(-1) === 13)
    await add('1-5', session, 14)
    await until(() => heard.account().order.at(-1) === 14)
    expect(heard.account().received).toEqual([...range(1, 10), 13, 14])
    expect(heard.account().missing).toEqual([11, 12])
    expect(heard.sessions).toHaveLength(1)
  })

  test('a listener that throws costs nothing', async () => {
    const prefix = freshPrefix()
    const heard = await ear({ prefix })
    heard.subscriber.on('point', () => {
      throw new Error('mine')
    })
    await publish(publisher(prefix), 1, 2)
    await until(() => heard.errors.length === 2)
    expect(heard.points).toHaveLength(2)
    expect(heard.errors).toMatchObject([{ code: 'CALLBACK_FAILED', context: { event: 'point' } }, {}])
  })

  test('an error that nobody hears goes to the logger, and so does the failure of whoever hears it', async () => {
    const prefix = freshPrefix()
    const lines: string[] = []
    const logger = { ...silentLogger, warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) }
    const subscriber = createRedisSubscriber({ url: redis.url, prefix, logger: logger })
    closing.push(() => subscriber.close())
    await subscriber.start()
    await redis.command('PUBLISH', `${prefix}:a:b:trade`, 'damaged')
    await until(() => lines.length === 1)
    subscriber.on('error', () => {
      throw new Error('mine')
    })
    await redis.command('PUBLISH', `${prefix}:a:b:trade`, 'damaged')
    await until(() => lines.length === 2)
    expect(lines).toEqual([
      expect.stringContaining('a message cannot be read'),
      expect.stringContaining("a listener of 'error' failed: mine"),
    ])
  })

  test('nothing comes after close, also from inside a listener', async () => {
    const prefix = freshPrefix()
    const heard = await ear({ prefix, source: 'stream' })
    heard.subscriber.on('point', () => void heard.subscriber.close())
    await publish(publisher(prefix), 1, 20)
    await until(() => heard.subscriber.status === 'closed')
    await heard.subscriber.close()
    expect(heard.points).toHaveLength(1)
  })
})
