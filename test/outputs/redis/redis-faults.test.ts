import { afterEach, expect, test } from 'vitest'
import { createRedisOutput } from '../../../src/outputs/redis/create-redis-output.ts'
import { describeRedis, startProxy, startRedis, until, type RedisSettings, type TestRedis } from '../../support/redis.ts'
import { feedOf, listenTo, range, trade, type Ear, type Feed } from './bus.ts'

const TRADES_PER_TICK = 20
const TICK_MS = 10

interface Load extends Feed {
  /** Numbers given to trades so far; each trade's id is its number. */
  readonly taken: () => number
  readonly delivered: () => number
  readonly state: () => string
  pause(): Promise<void>
  go(): void
}

describeRedis('redis is killed, restarted, frozen under 2,000 trades a second', () => {
  const closing: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
  })

  const server = async (settings?: RedisSettings): Promise<TestRedis> => {
    const redis = await startRedis(settings)
    closing.push(() => redis.close())
    return redis
  }

  const load = ({ url }: TestRedis, options: { streams?: boolean; maxQueued?: number } = {}): Load => {
    const output = createRedisOutput({ url, timeoutMs: 1_000, streams: options.streams === true ? {} : false })
    const made = feedOf(output, options.maxQueued)
    let taken = 0
    let isPaused = false
    let timer: NodeJS.Timeout | undefined = setInterval(() => {
      for (let i = 0; i < TRADES_PER_TICK && !isPaused; i++) made.feed.point(trade(++taken))
    }, TICK_MS)
    closing.push(async () => {
      clearInterval(timer)
      timer = undefined
      await made.feed.close(AbortSignal.abort())
      await output.close()
    })
    const status = () => made.feed.status()[0]!
    return {
      ...made,
      taken: () => taken,
      delivered: () => status().delivered,
      state: () => status().state,
      pause: () => {
        isPaused = true
        return made.feed.flush()
      },
      go: () => void (isPaused = false),
    }
  }

  const ear = async (url: string, source: 'channel' | 'stream'): Promise<Ear> => {
    const made = await listenTo({ url, source, timeoutMs: 1_000 })
    closing.push(() => made.subscriber.close())
    return made
  }

  const lastOf = (heard: Ear): number => heard.account().order.at(-1) ?? 0

  /** Until the subscriber has heard of the newest message: a loss shows in the message behind it. */
  const settle = async (publisher: Load, heard: Ear): Promise<void> => {
    await until(() => heard.subscriber.status === 'listening')
    await publisher.pause()
    for (let last = 0; lastOf(heard) < publisher.taken() || last === 0;) {
      // A channel's subscriber that is being connected misses this one, too; then the next one tells.
      publisher.go()
      last = publisher.taken()
      await until(() => publisher.taken() > last)
      await publisher.pause()
      const newest = publisher.taken()
      await until(() => lastOf(heard) >= newest, 2_000).catch(() => undefined)
    }
  }

  /** Received and reported missing are together everything from the first message on: in order, nothing twice, nothing in both. */
  const expectExact = (publisher: Load, heard: Ear): void => {
    const { order, received, missing } = heard.account()
    expect(order).toEqual(range(order[0]!, publisher.taken()))
    expect(received.length + missing.length).toBe(order.length)
    expect(
      heard.points.map(({ point, meta }) => point.dataType === 'trade' && point.data.id === String(meta.sequence)),
    ).not.toContain(false)
    expect(heard.sessions).toHaveLength(1)
    expect(publisher.feed.status()).toMatchObject([{ state: 'working', queued: 0, rejected: 0, awaySince: undefined }])
    expect(heard.subscriber.statistics).toMatchObject({ received: received.length, lost: missing.length, damaged: 0 })
  }

  const killAndRestart = async (redis: TestRedis, publisher: Load, heard: Ear): Promise<void> => {
    const before = heard.points.length
    await until(() => heard.points.length > before + 500)
    await redis.kill()
    await until(() => publisher.state() === 'away' && heard.subscriber.status !== 'listening')
    const taken = publisher.taken()
    await until(() => publisher.taken() > taken + 2_000)
    await redis.restart()
    const delivered = publisher.delivered()
    await until(() => publisher.state() === 'working' && publisher.delivered() > delivered + 500)
  }

  test.each([
    ['and the queue holds everything', 1_000_000],
    ['and the queue overflows', 500],
  ])('channel: killed twice, %s: the subscriber reports exactly what is missing', async (_name, maxQueued) => {
    const redis = await server()
    const publisher = load(redis, { maxQueued })
    const heard = await ear(redis.url, 'channel')
    await killAndRestart(redis, publisher, heard)
    await until(() => heard.subscriber.status === 'listening')
    await killAndRestart(redis, publisher, heard)
    await settle(publisher, heard)
    expectExact(publisher, heard)
    const [status] = publisher.feed.status()
    expect(status!.lost > 0).toBe(maxQueued === 500)
    expect(heard.account().missing.length).toBeGreaterThanOrEqual(status!.lost === 0 ? 0 : 1_000)
    expect(publisher.errors.some(({ code }) => code === 'OUTPUT_OVERFLOW')).toBe(maxQueued === 500)
  })

  test('stream with persistence: killed twice: nothing is missing, nothing comes twice', async () => {
    const redis = await server({ isPersistent: true })
    const publisher = load(redis, { streams: true, maxQueued: 1_000_000 })
    const heard = await ear(redis.url, 'stream')
    await killAndRestart(redis, publisher, heard)
    await killAndRestart(redis, publisher, heard)
    await settle(publisher, heard)
    expectExact(publisher, heard)
    expect(heard.account().missing).toEqual([])
    expect(heard.subscriber.statistics.duplicates).toBe(0)
    // What is kept is the record of everything, each once.
    const kept = (await redis.command('XRANGE', 'tapekeeper:stream:okx:BTC-USDT:trade', '-', '+')) as readonly (readonly [
      string,
      readonly string[],
    ])[]
    expect(kept.map(([, fields]) => (JSON.parse(fields[1]!) as { sequence: number }).sequence)).toEqual(
      range(1, publisher.taken()),
    )
  })

  test('stream without persistence: killed twice: what Redis forgot is reported exactly', async () => {
    const redis = await server()
    const publisher = load(redis, { streams: true, maxQueued: 1_000_000 })
    const heard = await ear(redis.url, 'stream')
    await killAndRestart(redis, publisher, heard)
    await killAndRestart(redis, publisher, heard)
    await settle(publisher, heard)
    expectExact(publisher, heard)
  })

  test('stream without persistence: what was kept while the subscriber was cut off, and then forgotten, is the loss', async () => {
    const redis = await server()
    const line = await startProxy(redis.port)
    closing.push(() => line.close())
    const publisher = load(redis, { streams: true })
    const heard = await ear(line.url, 'stream')
    await until(() => heard.points.length > 500)
    line.cut()
    await until(() => heard.subscriber.status === 'away')
    const last = lastOf(heard)
    await until(() => publisher.taken() > last + 1_000)
    await publisher.pause()
    const forgotten = publisher.taken()
    await redis.kill()
    await redis.restart()
    publisher.go()
    await until(() => publisher.taken() > forgotten + 500)
    line.heal()
    await settle(publisher, heard)
    expectExact(publisher, heard)
    expect(heard.account().missing).toEqual(range(last + 1, forgotten))
    expect(heard.losses).toHaveLength(1)
  })

  test.each(['channel', 'stream'] as const)('%s: frozen until nobody waits any more, and thawed', async (source) => {
    const redis = await server()
    const publisher = load(redis, { streams: source === 'stream', maxQueued: 1_000_000 })
    const heard = await ear(redis.url, source)
    await until(() => heard.points.length > 500)
    redis.freeze()
    await until(() => publisher.state() === 'away' && heard.subscriber.status !== 'listening')
    expect(publisher.errors.at(-1)?.message).toMatch(/no answer within 1000 ms/)
    redis.thaw()
    await settle(publisher, heard)
    expectExact(publisher, heard)
    // What a frozen Redis had received it does when it is thawed, and the publisher gave it again.
    if (source === 'stream') expect(heard.account().missing).toEqual([])
  })

  test('out of memory: the publisher waits, and nothing is missing from the stream', async () => {
    const redis = await server()
    const publisher = load(redis, { streams: true, maxQueued: 1_000_000 })
    const heard = await ear(redis.url, 'stream')
    await until(() => heard.points.length > 200)
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    await until(() => publisher.state() === 'away')
    expect(publisher.errors.at(-1)?.message).toMatch(/OOM|maxmemory/)
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    await settle(publisher, heard)
    expectExact(publisher, heard)
    expect(heard.account().missing).toEqual([])
  })

  test('every connection is killed, again and again', async () => {
    const redis = await server()
    const publisher = load(redis, { streams: true, maxQueued: 1_000_000 })
    const [channel, stream] = [await ear(redis.url, 'channel'), await ear(redis.url, 'stream')]
    for (let i = 0; i < 8; i++) {
      const taken = publisher.taken()
      await until(() => publisher.taken() > taken + 200)
      await redis.command('CLIENT', 'KILL', 'SKIPME', 'yes')
    }
    for (const heard of [channel, stream]) await settle(publisher, heard)
    for (const heard of [channel, stream]) await until(() => lastOf(heard) >= publisher.taken())
    expectExact(publisher, channel)
    expectExact(publisher, stream)
    expect(stream.account().missing).toEqual([])
  })
})
