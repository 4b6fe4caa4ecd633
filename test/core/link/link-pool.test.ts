import { afterEach, describe, expect, test } from 'vitest'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import fc from '../../support/fast-check.ts'
import { acmeTopic } from '../../support/acme.ts'
import {
  createLinkWorld,
  LOGIN,
  subscribe,
  type LinkWorld,
  type LinkWorldOptions,
  type Subscriber,
} from '../../support/link-world.ts'

let world: LinkWorld
let subscribers: Subscriber[] = []

function setUp(options: LinkWorldOptions = {}): void {
  world = createLinkWorld(options)
  subscribers = []
}

function join(symbol: string, more: Parameters<typeof subscribe>[2] = {}): Subscriber {
  const subscriber = subscribe(world.pool, symbol, more)
  subscribers.push(subscriber)
  return subscriber
}

/** Publishes one numbered trade of a topic on every socket that has it. */
let lastId = 0
const publish = (symbol: string): number => world.server.publish(acmeTopic(symbol).key, { seq: ++lastId })

afterEach(async () => {
  for (const subscriber of subscribers) subscriber.leave()
  await world.clock.settle()
  expect(world.pool.statistics).toMatchObject({ links: 0, topics: 0 })
  expect(world.sockets.alive).toEqual([])
})

describe('sharing', () => {
  test('many topics, one connection, one request', async () => {
    setUp()
    const all = Array.from({ length: 30 }, (_, i) => join(`s${i}`))
    await world.clock.advance(100)
    expect(world.sockets.all).toHaveLength(1)
    expect(world.server.requests).toHaveLength(1)
    for (const { heard } of all) expect(heard).toEqual(['confirmed'])
    publish('s7')
    expect(all.map(({ data }) => data.length)).toEqual(all.map((_each, i) => (i === 7 ? 1 : 0)))
    expect(world.pool.statistics).toEqual({ links: 1, topics: 30, reconnects: 0 })
  })

  test('two subscribers of one topic share it; it is left when the last one leaves', async () => {
    setUp()
    const other = join('b')
    const first = join('a')
    await world.clock.advance(100)
    const second = join('a')
    expect(second.heard).toEqual(['confirmed'])
    publish('a')
    first.leave()
    first.leave()
    publish('a')
    await world.clock.advance(100)
    expect([first.data.length, second.data.length]).toEqual([1, 2])
    expect(world.server.requests.map(({ op }) => op)).toEqual(['sub'])
    second.leave()
    await world.clock.advance(100)
    expect(world.server.requests.at(-1)).toMatchObject({ op: 'unsub', topics: ['trades.a'] })
    expect(world.emptied).toBe(0)
    other.leave()
    expect(world.emptied).toBe(1)
  })

  test('a connection takes as many topics as it may; what does not fit gets another', async () => {
    setUp({ limits: { subscriptionsPerConnection: 10 } })
    for (let i = 0; i < 25; i++) join(`s${i}`)
    await world.clock.advance(5_000)
    expect(world.sockets.all).toHaveLength(3)
    expect([...world.server.subscribed.values()].map((topics) => topics.size).sort()).toEqual([10, 10, 5])
    for (const { heard } of subscribers) expect(heard).toEqual(['confirmed'])
    expect(world.pool.linkOf('trades.s0')).not.toBe(world.pool.linkOf('trades.s24'))
  })

  test('leaving the last topic closes the connection, and no timer is left', async () => {
    setUp()
    const one = join('a')
    const two = join('b')
    await world.clock.advance(30_000)
    one.leave()
    two.leave()
    expect(world.sockets.last.ended).toBe('politely')
    expect(world.clock.pending).toBe(0)
    expect(world.emptied).toBe(1)
  })

  test('a topic taken again before its goodbye was answered', async () => {
    setUp()
    join('b')
    const first = join('a')
    await world.clock.advance(100)
    first.leave()
    const second = join('a')
    await world.clock.advance(100)
    expect(second.heard).toEqual(['confirmed'])
    expect(publish('a')).toBe(1)
    expect(second.data).toHaveLength(1)
    expect(first.data).toHaveLength(0)
  })
})

describe('faults and their fences', () => {
  test('a rejected topic reaches its own subscribers only', async () => {
    setUp()
    world.server.rejected.add('trades.bad')
    const [good, bad, alsoBad] = [join('good'), join('bad'), join('bad')]
    await world.clock.advance(60_000)
    expect(good.heard).toEqual(['confirmed'])
    expect(bad.heard).toEqual(['rejected SUBSCRIPTION_REJECTED'])
    expect(alsoBad.heard).toEqual(bad.heard)
    expect(world.pool.statistics.topics).toBe(1)
    expect(world.pool.linkOf('trades.bad')).toBeUndefined()
  })

  test('a rejected topic that was alone closes the connection', async () => {
    setUp()
    world.server.rejected.add('trades.bad')
    join('bad')
    await world.clock.advance(1_000)
    expect(world.sockets.alive).toEqual([])
    expect(world.clock.pending).toBe(0)
    expect(world.emptied).toBe(1)
  })

  test('a lost connection is told to every topic on it, with the reason, and made good', async () => {
    setUp({ limits: { subscriptionsPerConnection: 2 } })
    const [a, b, c] = [join('a'), join('b'), join('c')]
    await world.clock.advance(5_000)
    const [first] = world.server.holders('trades.a')
    first!.close({ code: 4001, reason: 'bye' })
    expect([a.heard, b.heard]).toEqual([
      ['confirmed', 'pending SOCKET_LOST'],
      ['confirmed', 'pending SOCKET_LOST'],
    ])
    expect(c.heard).toEqual(['confirmed'])
    await world.clock.advance(20_000)
    expect(a.heard.at(-1)).toBe('confirmed')
    expect(world.pool.statistics.reconnects).toBe(1)
    publish('a')
    expect(a.data).toHaveLength(1)
  })

  test('a refused handshake is told as such', async () => {
    setUp({ manual: true })
    const a = join('a')
    world.sockets.last.close({ status: 503 })
    expect(a.heard).toEqual(['pending SOCKET_REFUSED'])
  })

  test('a broken frame is reported to the topic its words name, else to everybody on that connection', async () => {
    setUp({ limits: { subscriptionsPerConnection: 2 } })
    const [a, b, c] = [join('a'), join('b'), join('c')]
    await world.clock.advance(5_000)
    const [socket] = world.server.holders('trades.a')
    socket!.text('{"topic":"trades.b","px":"1')
    expect([a.bad.length, b.bad.length, c.bad.length]).toEqual([0, 1, 0])
    socket!.text('}{')
    expect([a.bad.length, b.bad.length, c.bad.length]).toEqual([1, 2, 0])
    publish('a')
    expect(a.data).toHaveLength(1)
  })

  test('a confirmed topic that is refused for now is pending until it is confirmed again, also for who joins meanwhile', async () => {
    setUp()
    const [a, b] = [join('a'), join('b')]
    await world.clock.advance(100)
    world.server.say(world.sockets.last, { err: '64007', reaction: 'retry', about: 'trades.a' })
    const late = join('a')
    expect([a.heard, b.heard, late.heard]).toEqual([['confirmed', 'pending EXCHANGE_BUSY'], ['confirmed'], []])
    await world.clock.advance(10_000)
    expect([a.heard.at(-1), late.heard]).toEqual(['confirmed', ['confirmed']])
  })

  test('data of a topic nobody here wants is dropped', async () => {
    setUp()
    const a = join('a')
    await world.clock.advance(100)
    world.sockets.last.text('{"topic":"trades.zzz"}')
    expect(a.data).toEqual([])
  })

  test('an answer to nothing that was asked is told to everybody on that connection, and nobody has to act on it', async () => {
    setUp({ limits: { subscriptionsPerConnection: 2 } })
    const [a, b, c] = [join('a'), join('b'), join('c')]
    await world.clock.advance(5_000)
    const [socket] = world.server.holders('trades.a')
    world.server.say(socket!, { err: '60018', id: 'foreign', about: 'trades.a' })
    world.server.say(socket!, { unack: 'trades.a', id: 'foreign' })
    expect([a.bad.length, b.bad.length, c.bad.length]).toEqual([2, 2, 0])
    expect([a.surelyMine, b.surelyMine]).toEqual([0, 0])
    expect([a.heard, b.heard]).toEqual([['confirmed'], ['confirmed']])
    publish('a')
    expect(a.data).toHaveLength(1)
  })

  test('subscribing anew from within a refused login is a new connection', async () => {
    let accepts = false
    setUp({ login: () => Promise.resolve(LOGIN) })
    world.server.intercept = (socket) => {
      if (accepts) return false
      world.server.say(socket, { err: '60009', reaction: 'auth' })
      return true
    }
    const late: Subscriber[] = []
    join('a', {
      onStatus: (status) => {
        accepts = true
        if (status === 'rejected') late.push(join('c'))
      },
    })
    join('b')
    await world.clock.advance(10_000)
    expect(late.map(({ heard }) => heard)).toEqual([['confirmed']])
    expect(world.sockets.all).toHaveLength(2)
  })

  test('refused credentials reject everything that needs them, once', async () => {
    setUp({ login: () => Promise.resolve(LOGIN) })
    world.server.intercept = (socket) => {
      world.server.say(socket, { err: '60009', reaction: 'auth' })
      return true
    }
    const [a, b] = [join('a'), join('b')]
    await world.clock.advance(600_000)
    expect([a.heard, b.heard]).toEqual([['rejected AUTH_FAILED'], ['rejected AUTH_FAILED']])
    expect(world.sockets.all).toHaveLength(1)
    expect(world.clock.pending).toBe(0)
    expect(world.emptied).toBe(1)
  })
})

/** The most dials in any ten seconds. */
function mostIn10s(): number {
  const times = world.sockets.all.map(({ dialedAt }) => dialedAt)
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 10_000).length))
}

describe('a struggling server', () => {
  test.each([1, 2])(
    'that acknowledges and closes: never more than 6 dials in any 10 s, with %i connections and the worst luck',
    async (links) => {
      setUp({ random: () => 0, limits: { subscriptionsPerConnection: 1 } })
      for (let i = 0; i < links; i++) join(`s${i}`)
      world.server.intercept = (socket, { topics, id }) => {
        for (const topic of topics) world.server.say(socket, { ack: topic, id })
        queueMicrotask(() => socket.close())
        return true
      }
      await world.clock.advance(120_000)
      expect(mostIn10s()).toBeLessThanOrEqual(6)
      expect(world.sockets.all.length).toBeGreaterThan(10)
    },
  )

  test('that refuses with Retry-After holds every connection to it back', async () => {
    setUp({ limits: { subscriptionsPerConnection: 1 } })
    for (let i = 0; i < 5; i++) join(`s${i}`)
    await world.clock.advance(20_000)
    const [first] = world.sockets.all
    world.sockets.onDial = (socket) => socket.close({ status: 429, retryAfterMs: 30_000 })
    first!.close()
    await world.clock.advance(5_000)
    const dials = world.sockets.all.length
    world.sockets.onDial = world.server.accept
    for (const socket of world.sockets.alive) socket.close()
    await world.clock.advance(24_000)
    expect(world.sockets.all).toHaveLength(dials)
    await world.clock.advance(120_000)
    for (const { heard } of subscribers) expect(heard.at(-1)).toBe('confirmed')
  })
})

describe('re-entrancy', () => {
  test('subscribing from within onStatus and onData', async () => {
    setUp()
    join('a', {
      onStatus: () => {
        if (subscribers.length >= 2) return
        join('b', { onData: () => subscribers.length < 3 && join('c') })
      },
    })
    await world.clock.advance(1_000)
    publish('b')
    await world.clock.advance(1_000)
    expect(subscribers.map(({ heard }) => heard)).toEqual([['confirmed'], ['confirmed'], ['confirmed']])
    expect(world.sockets.all).toHaveLength(1)
  })

  test('subscribing again from within a rejection', async () => {
    setUp()
    world.server.rejected.add('trades.bad')
    let retried = false
    const good = join('good')
    join('bad', {
      onStatus: (status) => {
        if (status !== 'rejected' || retried) return
        retried = true
        world.server.rejected.clear()
        join('bad')
      },
    })
    await world.clock.advance(10_000)
    expect(subscribers.at(-1)?.heard).toEqual(['confirmed'])
    expect(good.heard).toEqual(['confirmed'])
    expect(world.server.holders('trades.bad')).toHaveLength(1)
  })

  test('leaving from within the news of a loss', async () => {
    setUp()
    const a: Subscriber = join('a', {
      onStatus: (status) => {
        if (status === 'pending') a.leave()
      },
    })
    await world.clock.advance(100)
    world.sockets.last.close()
    await world.clock.settle()
    expect(a.heard).toEqual(['confirmed', 'pending SOCKET_LOST'])
    expect(world.sockets.alive).toEqual([])
    expect(world.clock.pending).toBe(0)
  })

  test('leaving the last topic from within onData and onStatus', async () => {
    for (const when of ['onData', 'onStatus'] as const) {
      setUp()
      const a = join('a', { [when]: () => a.leave() })
      await world.clock.advance(100)
      publish('a')
      await world.clock.advance(100)
      expect(world.sockets.alive).toEqual([])
      expect(world.clock.pending).toBe(0)
    }
  })
})

describe('make before break', () => {
  const symbols = ['a', 'b', 'c']
  /** Every open socket that has the topic; checked whenever something is published. */
  const covered = (): boolean => symbols.every((symbol) => world.server.holders(`trades.${symbol}`).length > 0)

  async function start(options: LinkWorldOptions = {}): Promise<Subscriber[]> {
    setUp(options)
    const all = symbols.map((symbol) => join(symbol))
    await world.clock.advance(20_000)
    expect(covered()).toBe(true)
    return all
  }

  /** Lets time pass in small steps, with data on every topic in each, and looks at the cover in each. */
  async function flow(ms: number, stepMs = 20): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await world.clock.advance(stepMs)
      expect(covered()).toBe(true)
      for (const symbol of symbols) publish(symbol)
    }
  }

  /** In order and complete; while two connections flow, a trade may come from both: its id tells. */
  function expectSeamless(ids: readonly number[], count: number): void {
    expect(new Set(ids).size).toBe(count)
    expect(ids.every((id, i) => i === 0 || id >= ids[i - 1]!)).toBe(true)
  }

  test('told to move: the new connection subscribes before the old one ends, nothing is lost', async () => {
    const all = await start()
    await flow(1_000)
    world.server.say(world.sockets.last, { move: true })
    const before = all.map(({ data }) => data.length)
    await flow(5_000)
    expect(world.sockets.all).toHaveLength(2)
    expect(world.sockets.all[0]?.ended).toBe('politely')
    expect(world.sockets.alive).toHaveLength(1)
    all.forEach(({ data, heard }, i) => {
      expectSeamless(data.slice(before[i]), 250)
      expect(heard.filter((line) => line.includes('SOCKET'))).toEqual([])
    })
    expect(world.pool.statistics).toMatchObject({ links: 1, topics: 3 })
  })

  /** Dials in each minute. */
  const dialsByMinute = (minutes: number, from: number): number[] =>
    Array.from(
      { length: minutes },
      (_, minute) => world.sockets.all.filter(({ dialedAt }) => Math.floor((dialedAt - from) / 60_000) === minute).length,
    )

  test.each<[string, number]>([
    ['on average', 0.5],
    ['with little luck', 0.1],
    ['with the worst', 0],
  ])('told to move after each subscription: not stormed, and nothing is lost, %s', async (_name, luck) => {
    const all = await start({ random: () => luck })
    await flow(6_000)
    let isStorm = true
    world.server.intercept = (socket, { op }) => {
      if (op === 'sub' && isStorm) queueMicrotask(() => world.server.say(socket, { move: true }))
      return false
    }
    const from = world.clock.now()
    const before = all.map(({ data }) => data.length)
    world.server.say(world.sockets.last, { move: true })
    await flow(300_000, 100)
    const [first, ...later] = dialsByMinute(5, from)
    expect(first).toBeLessThanOrEqual(8)
    // Between 15 and 30 s apart.
    for (const count of later) expect(count).toBeLessThanOrEqual(4)
    all.forEach(({ data, heard }, i) => {
      expectSeamless(data.slice(before[i]), 3_000)
      expect(heard.filter((line) => line.includes('SOCKET'))).toEqual([])
    })
    // And when the storm is over, the next one is kept.
    isStorm = false
    await flow(120_000, 100)
    const settled = world.sockets.all.length
    await flow(120_000, 100)
    expect(world.sockets.all).toHaveLength(settled)
    expect(world.sockets.alive).toHaveLength(1)
  })

  test('moves that are asked for by ourselves wait, too, until the new connection has proved stable', async () => {
    const all = await start()
    await flow(6_000)
    for (let i = 0; i < 100; i++) {
      world.pool.rollover('trades.a')
      await flow(100)
    }
    // At once, then after three quarters of 1, 2 and 4 s.
    expect(world.sockets.all.length).toBeLessThanOrEqual(1 + 4)
    for (const { heard } of all) expect(heard.filter((line) => line.includes('SOCKET'))).toEqual([])
    await flow(60_000, 100)
    const before = world.sockets.all.length
    world.pool.rollover('trades.a')
    await flow(2_000)
    expect(world.sockets.all).toHaveLength(before + 1)
  })

  test('a connection that is lost while its move waits makes a new one by itself, and moves no more', async () => {
    await start()
    await flow(6_000)
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(50)
    world.server.say(world.sockets.last, { move: true })
    world.sockets.onDial = undefined
    for (const socket of world.sockets.alive) socket.close()
    world.sockets.onDial = world.server.accept
    await world.clock.advance(20_000)
    await flow(60_000, 100)
    expect(world.sockets.all).toHaveLength(3)
    expect(world.sockets.alive).toHaveLength(1)
  })

  test('a budget that is too small for the first requests is no reason to move: another connection would not get further', async () => {
    // Three requests in ten seconds, one topic each: more than one connection can ask for at once.
    setUp({ limits: { requests: { count: 3, perMs: 10_000 }, requestBytes: 50 } })
    const all = Array.from({ length: 20 }, (_, i) => join(`topic-${i}`))
    await world.clock.advance(600_000)
    for (const { heard } of all) expect(heard.at(-1)).toBe('confirmed')
    expect(world.sockets.all).toHaveLength(1)
    expect(world.server.requests.every(({ topics }) => topics.length === 1)).toBe(true)
  })

  test('quiet topics move over as well', async () => {
    const all = await start()
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(10_000)
    expect(world.sockets.alive).toEqual([world.sockets.all[1]])
    for (const { heard } of all) expect(heard).toEqual(['confirmed'])
    publish('a')
    expect(all[0]!.data).toHaveLength(1)
  })

  test('told twice is told once', async () => {
    await start()
    const [old] = world.sockets.all
    world.server.say(old!, { move: true })
    world.server.say(old!, { move: true })
    await world.clock.advance(100)
    if (old!.state === 'open') world.server.say(old!, { move: true })
    await world.clock.advance(10_000)
    expect(world.sockets.all).toHaveLength(2)
  })

  test('the replacement is told to move too, before it has taken over', async () => {
    const all = await start()
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(20)
    expect(world.sockets.all).toHaveLength(2)
    world.server.say(world.sockets.last, { move: true })
    await flow(60_000, 100)
    expect(world.sockets.alive).toHaveLength(1)
    for (const { data } of all) expectSeamless(data, 600)
  })

  test('the replacement is told to move when it has half taken over', async () => {
    const all = await start()
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(20)
    publish('a')
    world.server.say(world.sockets.last, { move: true })
    await flow(60_000, 100)
    expect(world.sockets.alive).toHaveLength(1)
    all.forEach(({ data }, i) => expectSeamless(data, i === 0 ? 601 : 600))
  })

  test('the old connection ends before the new one is up: told as pending, then confirmed', async () => {
    const all = await start({ manual: true }).catch(() => undefined)
    expect(all).toBeUndefined()
    for (const subscriber of subscribers) subscriber.leave()
    setUp({ manual: true })
    const a = join('a')
    world.acceptAll()
    await world.clock.advance(20_000)
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(100)
    expect(world.sockets.alive).toHaveLength(2)
    world.sockets.all[0]!.close({ code: 1001 })
    expect(a.heard.at(-1)).toMatch(/^pending/)
    world.acceptAll()
    await world.clock.advance(2_000)
    expect(a.heard.at(-1)).toBe('confirmed')
    publish('a')
    expect(a.data).toHaveLength(1)
    expect(world.sockets.alive).toHaveLength(1)
  })

  test('the replacement cannot connect: the old one goes on serving', async () => {
    const all = await start()
    world.sockets.onDial = (socket) => socket.close({ status: 503 })
    world.server.say(world.sockets.last, { move: true })
    await flow(30_000, 100)
    for (const { data, heard } of all) {
      expect(data).toHaveLength(300)
      expect(heard).toEqual(['confirmed'])
    }
    world.sockets.onDial = world.server.accept
    await flow(60_000, 100)
    expect(world.sockets.alive).toHaveLength(1)
    expect(world.sockets.all[0]?.state).toBe('closed')
  })

  test('a topic that is refused on the new connection is lost alone', async () => {
    const all = await start()
    world.server.rejected.add('trades.b')
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(10_000)
    expect(all.map(({ heard }) => heard.at(-1))).toEqual(['confirmed', 'rejected SUBSCRIPTION_REJECTED', 'confirmed'])
    expect(world.sockets.alive).toHaveLength(1)
    publish('a')
    expect(all[0]!.data).toHaveLength(1)
  })

  test('the replacement is lost before it has taken over: the connection that serves is kept', async () => {
    await start()
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(500)
    expect(world.sockets.all).toHaveLength(2)
    world.sockets.onDial = undefined
    world.sockets.all[1]!.close()
    await flow(5_000, 100)
    world.sockets.onDial = world.server.accept
    await flow(60_000, 100)
    expect(world.sockets.alive).toHaveLength(1)
  })

  test('the replacement is told to slow down: nobody notices', async () => {
    const all = await start()
    let told = 0
    world.server.intercept = (socket, { id }) => {
      if (told++ > 1) return false
      world.server.say(socket, { err: '60014', reaction: 'slow-down', id })
      return true
    }
    world.server.say(world.sockets.last, { move: true })
    await flow(60_000, 100)
    expect(world.sockets.alive).toEqual([world.sockets.all[1]])
    for (const { heard } of all) expect(heard.every((line) => !line.includes('RATE_LIMITED'))).toBe(true)
  })

  test('both are lost: every subscriber hears of it', async () => {
    const all = await start()
    world.server.say(world.sockets.last, { move: true })
    await world.clock.advance(500)
    world.sockets.all[1]!.close()
    world.sockets.all[0]!.close()
    await world.clock.settle()
    for (const { heard } of all) expect(heard.at(-1)).toMatch(/^pending/)
    await world.clock.advance(60_000)
    for (const { heard } of all) expect(heard.at(-1)).toBe('confirmed')
  })

  test('a server that sends every newcomer away is not stormed', async () => {
    setUp()
    join('a')
    world.sockets.onDial = (socket) => {
      world.server.accept(socket)
      queueMicrotask(() => world.server.say(socket, { move: true }))
    }
    await world.clock.advance(60_000)
    expect(mostIn10s()).toBeLessThanOrEqual(6)
  })

  test('everybody leaves in the middle of it: both connections end, no timer is left', async () => {
    for (const ms of [0, 1, 20, 500, 1_000, 1_500]) {
      const all = await start()
      world.server.say(world.sockets.last, { move: true })
      await world.clock.advance(ms)
      if (ms === 20) publish('a')
      for (const each of all) each.leave()
      expect(world.sockets.alive).toEqual([])
      expect(world.clock.pending).toBe(0)
    }
  })

  test('who joins in the middle of it gets data, and one connection remains', async () => {
    await start()
    world.server.say(world.sockets.last, { move: true })
    const d = join('d')
    const again = join('a')
    await world.clock.advance(10_000)
    publish('d')
    publish('a')
    expect([d.data.length, again.data.length]).toEqual([1, 1])
    expect(world.sockets.alive).toHaveLength(1)
  })

  test('a used-up request budget moves to a fresh connection instead of making topics wait', async () => {
    setUp({ limits: { requests: { count: 3, perMs: 3_600_000 } } })
    for (let i = 0; i < 10; i++) {
      join(`s${i}`)
      await world.clock.advance(2_000)
    }
    await world.clock.advance(10_000)
    for (const { heard } of subscribers) expect(heard.at(-1)).toBe('confirmed')
    expect(world.sockets.alive).toHaveLength(1)
    for (const socket of world.sockets.all)
      expect(world.server.requests.filter((request) => request.socket === socket).length).toBeLessThanOrEqual(3)
  })
})

describe('any course of events', () => {
  const symbol = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'bad')
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('join' as const), symbol }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('leave' as const), index: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 50, 900, 4_000, 15_000) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), index: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), index: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('mute' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('outage' as const), ms: fc.constantFrom(500, 5_000, 20_000) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), symbol }) },
  )

  test('ends with every subscriber served by exactly one connection, or rejected; nothing left behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 30, size: 'max' }), fc.nat(), async (events, seed) => {
        setUp({ limits: { subscriptionsPerConnection: 3 }, random: seededRandom(seed) })
        world.server.rejected.add('trades.bad')
        world.server.namesCulprit = seed % 2 === 0
        const pick = <T>(items: readonly T[], index: number): T | undefined => items[index % Math.max(1, items.length)]
        for (const each of events) {
          if (each.do === 'join') join(each.symbol)
          else if (each.do === 'leave') pick(subscribers, each.index)?.leave()
          else if (each.do === 'wait') await world.clock.advance(each.ms)
          else if (each.do === 'lose') pick(world.sockets.alive, each.index)?.close()
          else if (each.do === 'publish') publish(each.symbol)
          else if (each.do === 'mute') world.server.answersPing = !world.server.answersPing
          else if (each.do === 'outage') {
            world.sockets.onDial = (socket) => socket.close({ status: 502 })
            await world.clock.advance(each.ms)
            world.sockets.onDial = world.server.accept
          } else {
            const socket = pick(world.sockets.alive, each.index)
            if (socket !== undefined) world.server.say(socket, { move: true })
          }
        }
        world.server.answersPing = true
        await world.clock.advance(240_000)
        const wanted = new Set<string>()
        for (const name of ['a', 'b', 'c', 'd', 'e']) if (world.pool.linkOf(`trades.${name}`) !== undefined) wanted.add(name)
        for (const name of wanted) {
          expect(world.server.holders(`trades.${name}`)).toHaveLength(1)
          publish(name)
        }
        const sum = [...world.server.subscribed]
          .filter(([socket]) => socket.state === 'open')
          .reduce((all, [, topics]) => all + topics.size, 0)
        expect(sum).toBe(wanted.size)
        for (const { key, heard, data } of subscribers) {
          expect(data.every((id, i) => i === 0 || id >= data[i - 1]!)).toBe(true)
          if (key === 'trades.bad') expect(heard.every((line) => !line.startsWith('confirmed'))).toBe(true)
          expect(heard.indexOf('rejected SUBSCRIPTION_REJECTED')).toBeOneOf([-1, heard.length - 1])
        }
        expect(world.sockets.alive).toHaveLength(world.pool.statistics.links)
        for (const subscriber of subscribers) subscriber.leave()
        await world.clock.settle()
        expect(world.sockets.alive).toEqual([])
        expect(world.clock.pending).toBe(0)
      }),
      { seed: 14, numRuns: 40 },
    )
  })
})
