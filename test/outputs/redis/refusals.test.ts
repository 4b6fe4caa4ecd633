import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createClient } from 'redis'
import { createRedisOutput } from '../../../src/outputs/redis/create-redis-output.ts'
import type { RedisOutputOptions } from '../../../src/outputs/redis/redis-options.ts'
import { silentLogger } from '../../../src/ports/logger.ts'
import { describeRedis, startRedis, until, type TestRedis } from '../../support/redis.ts'
import { feedOf, listenTo, range, trade, type Feed } from './bus.ts'

const WORDS: Readonly<Record<string, RegExp>> = {
  WRONGTYPE: /redis redis:\/\/127\.0\.0\.1:\d+: WRONGTYPE Operation against a key/,
  NOPERM: /redis redis:\/\/127\.0\.0\.1:\d+: .*NOPERM /,
}

describeRedis('what Redis refuses', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())
  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    await redis.command('REPLICAOF', 'NO', 'ONE')
    await redis.command('ACL', 'SETUSER', 'default', 'reset', 'on', 'nopass', '+@all', '~*', '&*')
    await redis.command('FLUSHALL')
  })

  /** What a raw listener hears, by stream: sequences in order. */
  const rawEar = async (): Promise<(symbol: string) => readonly number[]> => {
    const heard: { readonly stream: string; readonly sequence: number }[] = []
    await redis.command('ACL', 'SETUSER', 'ear', 'reset', 'on', '>of-its-own', '+@all', '~*', '&*')
    const client = createClient({ url: redis.url, username: 'ear', password: 'of-its-own' })
    client.on('error', () => undefined)
    await client.connect()
    await client.pSubscribe('tapekeeper:okx:*', (text) => void heard.push(JSON.parse(text) as (typeof heard)[number]))
    closing.push(() => client.destroy())
    return (symbol) => heard.filter(({ stream }) => stream.includes(`:${symbol}:`)).map(({ sequence }) => sequence)
  }

  const publisher = (options: RedisOutputOptions = {}): Feed => {
    const output = createRedisOutput({ url: redis.url, streams: {}, ...options })
    const made = feedOf(output)
    closing.push(async () => {
      await made.feed.close(AbortSignal.abort())
      await output.close()
    })
    return made
  }

  const inStream = async (symbol: string): Promise<readonly number[]> => {
    const rows = (await redis.command('XRANGE', `tapekeeper:stream:okx:${symbol}:trade`, '-', '+')) as [string, string[]][]
    return rows.map(([, [, text = '{}']]) => (JSON.parse(text) as { sequence: number }).sequence)
  }

  const cases = [
    ['WRONGTYPE', ['SET', 'tapekeeper:stream:okx:BAD:trade', 'oops'], ['DEL', 'tapekeeper:stream:okx:BAD:trade']],
    [
      'NOPERM',
      ['ACL', 'SETUSER', 'default', 'resetkeys', '~tapekeeper:*GOOD*', '~tapekeeper:streams'],
      ['ACL', 'SETUSER', 'default', '~*'],
    ],
  ] as const

  test.each(cases)('%s of one key: its stream waits, all else goes on, and nothing is told twice', async (code, spoil, mend) => {
    await redis.command(...spoil)
    const heard = await rawEar()
    const { feed, errors } = publisher()
    const last = 300
    for (const id of range(1, last)) {
      feed.point(trade(id, 'BAD'))
      feed.point(trade(id, 'GOOD'))
      if (id % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await until(() => heard('GOOD').length >= last && heard('BAD').length >= last)
    const [status] = feed.status()
    expect(await inStream('GOOD')).toEqual(range(1, last))
    expect(status).toMatchObject({ queued: last, delivered: last, lost: 0, rejected: 0, state: 'away' })
    expect(status!.lastError).toMatch(WORDS[code]!)
    expect(feed.issues()).toEqual([
      expect.stringMatching(new RegExp(`^redis: okx:BAD:trade cannot be published \\(.*${code}.*300 messages wait$`)),
    ])
    expect(errors.map(({ code: each, context }) => [each, context['stream']])).toEqual([['OUTPUT_FAILED', 'okx:BAD:trade']])

    await redis.command(...mend)
    await feed.flush()
    expect(await inStream('BAD')).toEqual(range(1, last))
    expect(feed.status()).toMatchObject([{ state: 'working', queued: 0, delivered: 2 * last, awaySince: undefined }])
    expect([heard('GOOD'), heard('BAD')]).toEqual([range(1, last), range(1, last)])
    expect(feed.issues()).toEqual([])
  })

  test('of one channel: its stream is kept, and told when that is allowed again', async () => {
    await redis.command('ACL', 'SETUSER', 'default', 'resetchannels', '&tapekeeper:okx:GOOD:*', '&tapekeeper:okx:[*]')
    const { feed } = publisher()
    for (const id of range(1, 20)) for (const symbol of ['GOOD', 'BAD']) feed.point(trade(id, symbol))
    await until(async () => (await inStream('BAD')).length === 20 && feed.status()[0]!.delivered === 20)
    expect(feed.status()[0]!.lastError).toMatch(/NOPERM/)
    const heard = await rawEar()
    await redis.command('ACL', 'SETUSER', 'default', 'allchannels')
    await feed.flush()
    await until(() => heard('BAD').length >= 20)
    expect([heard('BAD'), heard('GOOD'), await inStream('BAD')]).toEqual([range(1, 20), [], range(1, 20)])
  })

  test('a stream that stays blocked keeps its last 400 messages, and says what it left out by its numbers', async () => {
    await redis.command('SET', 'tapekeeper:stream:okx:BAD:trade', 'oops')
    const { feed } = publisher({ channels: false })
    feed.point(trade(1, 'BAD'))
    await until(() => feed.status()[0]!.failures > 0)
    for (const id of range(2, 1_000)) feed.point(trade(id, 'BAD'))
    expect(feed.status()).toMatchObject([{ queued: 400, lost: 600 }])
    await redis.command('DEL', 'tapekeeper:stream:okx:BAD:trade')
    await feed.flush()
    expect(await inStream('BAD')).toEqual(range(601, 1_000))
  })

  test('no memory: named; the channels go on, and the streams when there is some', async () => {
    const heard = await rawEar()
    const { feed } = publisher()
    feed.point(trade(1))
    await feed.flush()
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    for (const id of range(2, 50)) feed.point(trade(id))
    await until(() => heard('BTC-USDT').length === 50)
    await until(() => feed.status()[0]!.state === 'away')
    expect(feed.status()[0]!.lastError).toMatch(/OOM command not allowed/)
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    await feed.flush()
    expect([await inStream('BTC-USDT'), heard('BTC-USDT')]).toEqual([range(1, 50), range(1, 50)])
  })

  test('a replica since a failover: everything waits, connects again, and arrives', async () => {
    const { feed } = publisher()
    feed.point(trade(1))
    await feed.flush()
    await redis.command('REPLICAOF', '127.0.0.1', '1')
    for (const id of range(2, 50)) feed.point(trade(id))
    await until(() => feed.status()[0]!.failures > 1)
    expect(feed.status()).toMatchObject([{ queued: 49, lost: 0 }])
    expect(feed.status()[0]!.lastError).toMatch(/READONLY You can't write/)
    expect(feed.issues()).toEqual([expect.stringMatching(/^redis: nothing can be published \(redis .*READONLY/)])
    await redis.command('REPLICAOF', 'NO', 'ONE')
    await feed.flush()
    expect(await inStream('BTC-USDT')).toEqual(range(1, 50))
  })

  test('a subscriber of streams goes on with the others, and names the one that is refused', async () => {
    await redis.command('SADD', 'tapekeeper:streams', 'okx:BAD:trade')
    await redis.command('SET', 'tapekeeper:stream:okx:BAD:trade', 'oops')
    const { feed } = publisher({ channels: false })
    feed.point(trade(1))
    await feed.flush()
    const ear = await listenTo({ url: redis.url, source: 'stream', start: 'beginning', logger: silentLogger })
    closing.push(() => ear.subscriber.close())
    await until(() => ear.points.length === 1)
    for (const id of range(2, 20)) feed.point(trade(id))
    await until(() => ear.points.length === 20)
    expect(ear.errors.map(({ code, message }) => [code, message])).toEqual([
      ['OUTPUT_FAILED', expect.stringMatching(/^okx:BAD:trade cannot be read, it is tried again: redis .*WRONGTYPE/)],
    ])
    expect(ear.subscriber.status).toBe('listening')
    await redis.command('DEL', 'tapekeeper:stream:okx:BAD:trade')
    feed.point(trade(1, 'BAD'))
    await until(() => ear.points.length === 21)
    // The list of streams itself.
    await redis.command('DEL', 'tapekeeper:streams')
    await redis.command('SET', 'tapekeeper:streams', 'oops')
    for (const id of range(21, 30)) feed.point(trade(id))
    await until(() => ear.points.length === 31 && ear.errors.length === 2)
    expect(ear.errors[1]?.message).toMatch(/^the list of streams cannot be read, .*WRONGTYPE/)
  })

  test('a subscriber of channels goes on with those it may hear', async () => {
    await redis.command('ACL', 'SETUSER', 'default', 'resetchannels', '&tapekeeper:okx:GOOD:trade')
    const { feed } = publisher({ streams: false })
    const streams = ['GOOD', 'BAD'].map((symbol) => ({ exchange: 'okx', symbol, dataType: 'trade' as const }))
    const ear = await listenTo({ url: redis.url, streams, logger: silentLogger })
    closing.push(() => ear.subscriber.close())
    feed.point(trade(1, 'GOOD'))
    await until(() => ear.points.length === 1)
    expect(ear.errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^the channels tapekeeper:okx:BAD:trade cannot be read, it is tried again: .*NOPERM/),
    ])
  })
})
