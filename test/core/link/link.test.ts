import { afterEach, describe, expect, test, vi } from 'vitest'
import { Link, type LinkListener } from '../../../src/core/link/link.ts'
import { TapekeeperError } from '../../../src/errors/tapekeeper-error.ts'
import { silentLogger } from '../../../src/ports/logger.ts'
import type { SocketClosed } from '../../../src/ports/socket.ts'
import { acmeTopic, type AcmeMessage } from '../../support/acme.ts'
import type { ScriptedSocket } from '../../support/scripted-sockets.ts'
import { createLinkWorld, LOGIN, type LinkWorld, type LinkWorldOptions } from '../../support/link-world.ts'

let world: LinkWorld
let link: Link
let log: string[]

function setUp(options: LinkWorldOptions = {}): void {
  world = createLinkWorld(options)
  log = []
  const listener: LinkListener = {
    onFrame: (_link, frame) => log.push(`frame ${frame.kind}`),
    onStray: (_link, error) => log.push(`stray ${error.code} ${error.message}`),
    onTopic: (_link, change) => log.push(`${change.type} ${change.key}`),
    onStatus: (each, loss) => log.push(loss === undefined ? each.status : `${each.status}: ${loss.message}`),
    onAuthFailed: (_link, error) => log.push(`auth failed: ${error.code}`),
    onMove: (_link, reason) => log.push(`move: ${reason}`),
  }
  link = new Link(world.settings, listener)
}

const statuses = (): string[] => log.filter((line) => !line.startsWith('frame'))

afterEach(async () => {
  void link.stop()
  await world.clock.advance(30_000)
  expect(world.sockets.alive).toEqual([])
  expect(world.clock.pending).toBe(0)
})

describe('connecting', () => {
  test('subscribes to everything in one request as soon as it is open', async () => {
    setUp()
    for (const name of ['a', 'b', 'c']) link.add(acmeTopic(name))
    link.start()
    await world.clock.advance(100)
    expect(statuses()).toEqual(['connecting', 'open', 'confirmed trades.a', 'confirmed trades.b', 'confirmed trades.c'])
    expect(world.server.requests.map(({ op, topics }) => [op, topics])).toEqual([['sub', ['trades.a', 'trades.b', 'trades.c']]])
    expect(link.opened).toEqual({ at: world.clock.now() - 100, elapsed: world.clock.elapsed() - 100 })
  })

  test('what is asked for within a few milliseconds travels together', async () => {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(1_000)
    for (const name of ['b', 'c', 'd']) link.add(acmeTopic(name))
    link.remove('trades.d')
    await world.clock.advance(1_000)
    expect(world.server.requests.map(({ topics }) => topics)).toEqual([['trades.a'], ['trades.b', 'trades.c']])
  })

  test('a handshake without an answer is given up after 10 s, and dialled again after a back-off', async () => {
    setUp({ manual: true })
    link.start()
    await world.clock.advance(9_999)
    expect(world.sockets.all).toHaveLength(1)
    await world.clock.advance(1)
    expect(world.sockets.all[0]?.ended).toBe('terminated')
    expect(log.at(-1)).toBe('waiting: no answer to the handshake')
    await world.clock.advance(500)
    expect(world.sockets.all).toHaveLength(2)
  })

  test('a socket that cannot even be made is a loss', async () => {
    setUp({ manual: true })
    const factory = vi.fn(() => {
      throw new Error('no such host')
    })
    link = new Link(
      { ...world.settings, ports: { ...world.ports, socket: factory } },
      {
        onFrame: vi.fn(),
        onStray: vi.fn(),
        onTopic: vi.fn(),
        onStatus: (_link, loss) => log.push(loss?.message ?? 'ok'),
        onAuthFailed: vi.fn(),
        onMove: vi.fn(),
      },
    )
    link.start()
    expect(log.at(-1)).toBe('could not connect: socket could not be made: no such host')
    await world.clock.advance(60_000)
    expect(factory.mock.calls.length).toBeGreaterThan(2)
    await link.stop()
  })

  test.each<[string, Partial<SocketClosed>, string]>([
    [
      'no such host',
      { error: new Error('getaddrinfo ENOTFOUND ws.acme.test') },
      'could not connect: getaddrinfo ENOTFOUND ws.acme.test',
    ],
    [
      'nobody at any of its addresses',
      { error: new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('connect ECONNREFUSED 127.0.0.1:1')]) },
      'could not connect: connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1',
    ],
    ['a browser, which does not tell', {}, 'could not connect'],
    ['a close during the handshake', { code: 1002, reason: 'bad' }, 'could not connect: bad'],
  ])('what never was is not called cut off: %s', (_name, closed, expected) => {
    setUp({ manual: true })
    link.start()
    world.sockets.last.close(closed)
    expect(log.at(-1)).toBe(`waiting: ${expected}`)
  })

  test.each<[Partial<SocketClosed>, string]>([
    [{ error: new Error('read ECONNRESET') }, 'connection cut off: read ECONNRESET'],
    [{}, 'connection cut off'],
    [{ code: 4004, reason: 'idle' }, 'connection closed by the server with 4004: idle'],
  ])('what was open is: %j', async (closed, expected) => {
    setUp()
    link.start()
    await world.clock.advance(10)
    world.sockets.last.close(closed)
    expect(log.at(-1)).toBe(`waiting: ${expected}`)
  })

  test('thirty years of Retry-After are ten minutes, and said', async () => {
    setUp({ manual: true })
    link.start()
    world.sockets.last.close({ status: 503, retryAfterMs: 946_080_000_000 })
    expect(log.at(-1)).toBe(
      'waiting: handshake refused with HTTP 503; it asks us to stay away for 946080000 s, we try again after 600 s',
    )
    await world.clock.advance(599_999)
    expect(world.sockets.all).toHaveLength(1)
    await world.clock.advance(1)
    expect(world.sockets.all).toHaveLength(2)
  })

  test('a refused handshake says so, and Retry-After is kept', async () => {
    setUp({ manual: true })
    link.start()
    world.sockets.last.close({ status: 429, retryAfterMs: 40_000 })
    expect(log.at(-1)).toBe('waiting: handshake refused with HTTP 429; it asks us to stay away for 40 s')
    await world.clock.advance(39_999)
    expect(world.sockets.all).toHaveLength(1)
    await world.clock.advance(1_001)
    expect(world.sockets.all).toHaveLength(2)
  })

  test('never more than one socket, whatever happens', async () => {
    setUp({ manual: true })
    link.start()
    link.start()
    for (let i = 0; i < 20; i++) {
      const { last } = world.sockets
      if (i % 3 === 0) last.open()
      if (i % 2 === 0) last.close()
      await world.clock.advance(3_000)
      expect(world.sockets.alive.length).toBeLessThanOrEqual(1)
    }
  })
})

describe('late news of an old socket', () => {
  test('changes nothing', async () => {
    setUp({ manual: true })
    link.add(acmeTopic('a'))
    link.start()
    const old = world.sockets.last
    world.acceptAll()
    await world.clock.advance(1_000)
    old.close()
    await world.clock.advance(1_000)
    const next = world.sockets.last
    expect(next).not.toBe(old)
    const before = [...log]
    old.handlers.onOpen()
    old.handlers.onText('{"topic":"trades.a"}')
    old.handlers.onBinary(5)
    old.handlers.onClose({ code: 1006, reason: 'again' })
    expect(log).toEqual(before)
    expect(next.state).toBe('connecting')
    world.acceptAll()
    await world.clock.advance(100)
    const confirmed = [...log]
    old.handlers.onText('{"unack":"trades.a"}')
    old.handlers.onText('{"err":"1","about":"trades.a"}')
    old.handlers.onText('{"move":true}')
    old.handlers.onClose({ code: 1000, reason: '' })
    expect(log).toEqual(confirmed)
    expect(link.status).toBe('open')
    expect(link.subscriptions.status('trades.a')).toBe('confirmed')
  })

  test('nothing is heard after the stop', async () => {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    const socket = world.sockets.last
    const gone = link.stop()
    expect(socket.ended).toBe('politely')
    await gone
    const before = [...log]
    socket.handlers.onText('{"topic":"trades.a"}')
    socket.handlers.onClose({ code: 1000, reason: '' })
    link.add(acmeTopic('b'))
    link.start()
    await world.clock.advance(60_000)
    expect(log).toEqual(before)
    expect(world.sockets.all).toHaveLength(1)
  })
})

describe('staying alive', () => {
  test('a silent market is pinged, and its pong keeps it alive', async () => {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(300_000)
    expect(world.sockets.all).toHaveLength(1)
    expect(world.sockets.last.sent.filter((text) => text === 'ping').length).toBeGreaterThan(50)
  })

  test('a market that talks is not pinged', async () => {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    for (let i = 0; i < 100; i++) {
      await world.clock.advance(900)
      world.server.publish('trades.a')
    }
    expect(world.sockets.last.sent).not.toContain('ping')
  })

  test('a half-open connection is replaced within two keepalive periods, wherever in the period it died', async () => {
    for (const phase of [0, 1, 250, 999, 1_000, 2_500, 4_000, 4_999]) {
      setUp()
      link.add(acmeTopic('a'))
      link.start()
      await world.clock.advance(20_000 + phase)
      world.server.publish('trades.a')
      world.server.answersPing = false
      const diedAt = world.clock.now()
      await world.clock.advance(2 * world.settings.keepalive.periodMs)
      expect(world.sockets.all).toHaveLength(2)
      expect(world.sockets.last.dialedAt - diedAt).toBeLessThanOrEqual(10_000)
      expect(world.sockets.all[0]?.ended).toBe('terminated')
      void link.stop()
    }
  })

  test('a loop that was blocked for minutes does not make a healthy connection look dead', async () => {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(20_000)
    // Timers that are late fire once each: ticks are counted, not minutes.
    world.server.publish('trades.a')
    await world.clock.advance(3_000)
    expect(world.sockets.all).toHaveLength(1)
  })

  test('the back-off starts afresh once data has flowed for a while, and not before', async () => {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    for (let i = 0; i < 3; i++) {
      world.server.publish('trades.a')
      world.sockets.last.close()
      await world.clock.advance(3_000)
      expect(link.status).toBe('open')
    }
    expect([link.attempt, link.reconnects]).toEqual([3, 3])
    // A silent connection proves nothing.
    await world.clock.advance(30_000)
    expect(link.attempt).toBe(3)
    world.server.publish('trades.a')
    await world.clock.advance(10_000)
    expect(link.attempt).toBe(0)
  })

  test('the late open of a socket that was given up is not remembered', async () => {
    setUp({ manual: true })
    link.start()
    await world.clock.advance(10_000)
    world.sockets.last.handlers.onOpen()
    expect(link.opened).toBeUndefined()
  })
})

describe('frames', () => {
  test('what cannot be read costs a frame', async () => {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    log.length = 0
    const socket = world.sockets.last
    for (const text of ['', '{', 'null', '[]', '{"topic":"trades.a"}', '\u0000']) socket.text(text)
    socket.handlers.onBinary(12)
    // Even our test decoder throws on `null`.
    expect(log).toEqual([
      'frame invalid',
      'frame invalid',
      'frame invalid',
      'frame ignored',
      'frame data',
      'frame invalid',
      'frame invalid',
    ])
    expect(link.status).toBe('open')
    expect(link.messages).toBe(1 + 6 + 1)
    const before = link.bytes
    socket.handlers.onBinary(12)
    expect(link.bytes).toBe(before + 12)
  })
})

describe('the wall clock is set', () => {
  test.each([-600_000, 600_000])('by %i ms: acks, back-offs, the budget and the age of a link do not notice', async (stepMs) => {
    setUp({ limits: { requests: { count: 3, perMs: 60_000 } } })
    world.server.silent.add('trades.a')
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    world.clock.stepWall(stepMs)
    const started = world.clock.elapsed()
    while (world.server.requests.length < 3) await world.clock.advance(100)
    // 5 s for each acknowledgement; half of 2 and of 4 s of back-off at most.
    expect(world.clock.elapsed() - started).toBeLessThan(14_000)
    world.server.silent.clear()
    world.clock.stepWall(stepMs)
    while (!link.subscriptions.settled && world.clock.elapsed() < 70_000) await world.clock.advance(100)
    expect(link.subscriptions.settled).toBe(true)
    expect(world.clock.elapsed()).toBeGreaterThanOrEqual(60_000)
    const socket = world.sockets.last
    world.clock.stepWall(stepMs)
    socket.close()
    world.clock.stepWall(stepMs)
    await world.clock.advance(600)
    expect(link.status).toBe('open')
  })

  test.each([-600_000, 600_000])('by %i ms: a refused subscription is asked for again', async (stepMs) => {
    setUp()
    let told = 0
    world.server.intercept = (socket, { id }) => {
      if (told++ > 0) return false
      world.server.say(socket, { err: '64007', reaction: 'retry', id })
      return true
    }
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(10)
    world.clock.stepWall(stepMs)
    await world.clock.advance(2_000)
    expect(log).toContain('confirmed trades.a')
  })
})

describe('answers to nothing that was asked', () => {
  async function confirmed(): Promise<ScriptedSocket> {
    setUp()
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    expect(link.subscriptions.status('trades.a')).toBe('confirmed')
    log.length = 0
    return world.sockets.last
  }

  test.each<[string, AcmeMessage]>([
    ['a refusal', { err: '60018', id: 'foreign' }],
    ['a refusal that names our topic', { err: '60018', id: 'foreign', about: 'trades.a' }],
    ['an invalid request', { err: '60012', id: 'foreign' }],
    ['wrong credentials', { err: '60009', reaction: 'auth', id: 'foreign', about: 'trades.a' }],
    ['too many requests', { err: '60014', reaction: 'slow-down', id: 'foreign' }],
    ['trouble', { err: '64007', reaction: 'retry', id: 'foreign', about: 'trades.a' }],
    ['a goodbye', { unack: 'trades.a', id: 'foreign' }],
    ['an acknowledgement', { ack: 'trades.a', id: 'foreign' }],
    ['a move', { move: true, id: 'foreign' }],
    ['a refusal of nothing', { err: '60012' }],
    ['a refusal of what nobody has', { err: '60018', about: 'trades.zzz' }],
  ])('%s: changes nothing, and is told', async (_name, message) => {
    const socket = await confirmed()
    world.server.say(socket, message)
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(/^stray FRAME_INVALID the exchange answered .*: nothing follows$/)
    if (message.id !== undefined) expect(log[0]).toContain('to a request that is not ours (foreign)')
    link.add(acmeTopic('b'))
    await world.clock.advance(10)
    expect(link.subscriptions.status('trades.a')).toBe('confirmed')
    expect(link.subscriptions.status('trades.b')).toBe('confirmed')
    expect(world.sockets.all).toHaveLength(1)
  })

  test('too many requests, without saying which: every request waits, and nobody loses anything', async () => {
    const socket = await confirmed()
    world.server.say(socket, { err: '60014', reaction: 'slow-down' })
    expect(log).toEqual(['stray RATE_LIMITED the exchange answered 60014 refused and does not say to what: every request waits'])
    link.add(acmeTopic('b'))
    await world.clock.advance(499)
    expect(link.subscriptions.status('trades.b')).toBe('wanted')
    await world.clock.advance(10)
    expect(link.subscriptions.status('trades.b')).toBe('confirmed')
    expect(link.subscriptions.status('trades.a')).toBe('confirmed')
  })

  test('an id as long as a book is not carried along', async () => {
    const socket = await confirmed()
    world.server.say(socket, { err: '1', id: 'x'.repeat(100_000) })
    expect(log[0]!.length).toBeLessThan(200)
  })

  test('logged out, says an answer to somebody else: we stay', async () => {
    setUp({ login: () => Promise.resolve(LOGIN) })
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    world.server.say(world.sockets.last, { err: '60011', reaction: 'login-needed', id: 'foreign' })
    expect([link.status, log.at(-1)]).toEqual(['open', expect.stringContaining('not ours (foreign)')])
  })

  test.each<[string, string, AcmeMessage, boolean]>([
    ['somebody else', LOGIN, { err: '60009', reaction: 'auth', id: 'foreign' }, false],
    ['a topic', LOGIN, { err: '60018', about: 'trades.a' }, false],
    ['an acknowledgement', LOGIN, { ack: 'trades.a', id: 't1' }, false],
    ['the login by its id', '{"op":"login","id":"L7","topics":[]}', { err: '60009', reaction: 'auth', id: 'L7' }, true],
    ['the login by a number', '{"op":"login","id":7,"topics":[]}', { err: '60009', reaction: 'auth', id: '7' }, true],
    ['the login by no id', LOGIN, { err: '60009', reaction: 'auth' }, true],
  ])('during the login, about %s', async (_name, text, message, isOurs) => {
    setUp({ login: () => Promise.resolve(text) })
    world.server.intercept = () => true
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    world.server.say(world.sockets.last, message)
    expect(link.status).toBe(isOurs ? 'closed' : 'authenticating')
    expect(log.join('\n')).toMatch(isOurs ? /^auth failed: AUTH_FAILED/m : /^stray FRAME_INVALID/m)
  })
})

describe('requests', () => {
  test('an ack that does not come is asked for again', async () => {
    setUp()
    world.server.silent.add('trades.a')
    link.add(acmeTopic('a'))
    link.add(acmeTopic('b'))
    link.start()
    await world.clock.advance(30_000)
    world.server.silent.clear()
    await world.clock.advance(60_000)
    expect(log).toContain('confirmed trades.a')
    const asked = world.server.requests.filter(({ topics }) => topics.includes('trades.a')).map(({ at }) => at)
    expect(asked.length).toBeGreaterThan(2)
    asked.slice(1).forEach((at, i) => expect(at - asked[i]!).toBeGreaterThanOrEqual(5_000))
    expect(world.server.requests.filter(({ topics }) => topics.includes('trades.b'))).toHaveLength(1)
  })

  test('data stands in for an ack that got lost', async () => {
    setUp()
    world.server.silent.add('trades.a')
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    world.sockets.last.text('{"topic":"trades.a"}')
    link.subscriptions.sawData('trades.a')
    await world.clock.advance(5_000)
    expect(log).toContain('confirmed trades.a')
    expect(world.server.requests).toHaveLength(1)
  })

  test('told to slow down, every request waits', async () => {
    setUp()
    let told = 0
    world.server.intercept = (socket, { id }) => {
      if (told++ >= 3) return false
      world.server.say(socket, { err: '60014', reaction: 'slow-down', id })
      return true
    }
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(60_000)
    expect(log).toContain('confirmed trades.a')
    const times = world.server.requests.map(({ at }) => at)
    expect(times).toHaveLength(4)
    // Half of 1, 2 and 4 seconds: the ceilings double.
    expect(times.slice(1).map((at, i) => at - times[i]!)).toEqual([500, 1_000, 2_000])
  })

  test('the request budget of a connection is never exceeded; when it is used up, the link asks to move', async () => {
    setUp({ limits: { requests: { count: 3, perMs: 60_000 } } })
    link.add(acmeTopic('t0'))
    link.start()
    await world.clock.advance(100)
    for (let i = 1; i < 8; i++) {
      link.add(acmeTopic(`t${i}`))
      await world.clock.advance(100)
    }
    expect(world.server.requests).toHaveLength(3)
    expect(log).toContain('move: the request budget of the connection is used up')
    await world.clock.advance(60_000)
    expect(link.subscriptions.settled).toBe(true)
    const times = world.server.requests.map(({ at }) => at)
    for (const from of times) expect(times.filter((at) => at >= from && at < from + 60_000).length).toBeLessThanOrEqual(3)
  })

  test('a rejected topic is told, the others go on', async () => {
    setUp()
    world.server.rejected.add('trades.b')
    world.server.namesCulprit = false
    for (const name of ['a', 'b', 'c', 'd']) link.add(acmeTopic(name))
    link.start()
    await world.clock.advance(10_000)
    expect(
      statuses()
        .filter((line) => line.includes('trades'))
        .sort(),
    ).toEqual(['confirmed trades.a', 'confirmed trades.c', 'confirmed trades.d', 'rejected trades.b'])
  })

  test('after a reconnect everything is subscribed again', async () => {
    setUp()
    for (const name of ['a', 'b', 'c']) link.add(acmeTopic(name))
    link.start()
    await world.clock.advance(1_000)
    link.remove('trades.c')
    world.sockets.last.close()
    await world.clock.advance(5_000)
    expect(world.server.requests.at(-1)).toMatchObject({ op: 'sub', topics: ['trades.a', 'trades.b'] })
    expect(log.filter((line) => line === 'confirmed trades.a')).toHaveLength(2)
  })
})

describe('private', () => {
  const login = (): Promise<string> => Promise.resolve(LOGIN)

  test('logs in before anything else', async () => {
    setUp({ login })
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    expect(statuses()).toEqual(['connecting', 'authenticating', 'open', 'confirmed trades.a'])
    expect(world.server.requests.map(({ op }) => op)).toEqual(['login', 'sub'])
  })

  test.each(['auth', 'reject'] as const)('refused credentials (%s) end the link: no further dial', async (reaction) => {
    setUp({ login })
    world.server.intercept = (socket) => {
      world.server.say(socket, { err: '60009', reaction })
      return true
    }
    link.start()
    await world.clock.advance(600_000)
    expect(statuses()).toEqual(['connecting', 'authenticating', 'closed', 'auth failed: AUTH_FAILED'])
    expect(world.sockets.all).toHaveLength(1)
    expect(world.sockets.last.ended).toBe('politely')
  })

  test('credentials that cannot even be signed with end the link', async () => {
    setUp({ login: () => Promise.reject(new TapekeeperError('AUTH_FAILED', 'no key')) })
    link.start()
    await world.clock.advance(60_000)
    expect(statuses().at(-1)).toBe('auth failed: AUTH_FAILED')
    expect(world.sockets.all).toHaveLength(1)
  })

  test('a timestamp that is off: take their time, log in again on the same connection', async () => {
    let synced = 0
    setUp({
      login,
      syncClock: async () => {
        synced++
        return 61_000
      },
    })
    world.server.intercept = (socket, { op }) => {
      if (op !== 'login' || synced > 0) return false
      world.server.say(socket, { err: '60006', reaction: 'clock' })
      return true
    }
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(1_000)
    expect(synced).toBe(1)
    expect(world.sockets.all).toHaveLength(1)
    expect(log).toContain('confirmed trades.a')
  })

  test('a timestamp that stays off is a loss, not an endless loop', async () => {
    let synced = 0
    const warnings: string[] = []
    setUp({
      login,
      syncClock: async () => {
        synced++
        return 61_000
      },
      logger: { ...silentLogger, warn: (message) => warnings.push(message) },
    })
    world.server.intercept = (socket) => {
      world.server.say(socket, { err: '60006', reaction: 'clock' })
      return true
    }
    link.start()
    await world.clock.advance(1)
    expect(synced).toBe(1)
    expect(log.at(-2)).toBe('waiting: login refused: 60006 refused')
    expect(warnings).toEqual(["login refused: 60006 refused; the clock of this machine is 61 s ahead of the exchange's"])
    await world.clock.advance(30_000)
    expect(world.sockets.all.length).toBeGreaterThan(1)
    expect(world.sockets.all.length).toBeLessThan(12)
  })

  test('a server that closes after a timestamp that was off: the loss says why, and the next login has their time', async () => {
    let isSynced = false
    setUp({
      login: () => Promise.resolve(isSynced ? LOGIN : LOGIN.replace('"id":""', '"id":"early"')),
      syncClock: async () => {
        isSynced = true
        return -3_600_000
      },
    })
    world.server.intercept = (socket, { id }) => {
      if (id !== 'early') return false
      world.server.say(socket, { err: '60006', reaction: 'clock' })
      socket.close({ code: 4001, reason: 'Login failed' })
      return true
    }
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(5_000)
    expect(log).toContain('waiting: login refused: 60006 refused: Login failed')
    expect(log).toContain('confirmed trades.a')
    expect(world.sockets.all).toHaveLength(2)
    // Said of the login alone, and not of what happens to the connection later.
    world.sockets.last.close()
    expect(log.at(-1)).toBe('waiting: connection cut off')
  })

  test.each([
    ['no answer', undefined, 'waiting: no answer to the login'],
    ['too many', 'slow-down', 'waiting: login refused: 1 refused'],
    ['trouble', 'retry', 'waiting: login refused: 1 refused'],
  ] as const)('%s to the login is a loss', async (_name, reaction, expected) => {
    setUp({ login })
    world.server.intercept = (socket) => {
      if (reaction !== undefined) world.server.say(socket, { err: '1', reaction })
      return true
    }
    link.start()
    await world.clock.advance(10_000)
    expect(log).toContain(expected)
    world.server.intercept = undefined
    await world.clock.advance(30_000)
    expect(link.status).toBe('open')
  })

  test('a clock that could not be synchronised is tried again on the next connection', async () => {
    let tries = 0
    setUp({ login, syncClock: () => (++tries === 1 ? Promise.reject(new Error('REST down')) : Promise.resolve(0)) })
    world.server.intercept = (socket, { op }) => {
      if (op !== 'login' || tries > 1) return false
      world.server.say(socket, { err: '60006', reaction: 'clock' })
      return true
    }
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(30_000)
    expect(tries).toBe(2)
    expect(log).toContain('confirmed trades.a')
  })

  test('a login that rejects late does not close the next connection', async () => {
    let rejectFirst: (error: Error) => void = () => undefined
    let calls = 0
    setUp({
      login: () => new Promise((_resolve, reject) => (++calls === 1 ? (rejectFirst = reject) : undefined)),
    })
    link.start()
    await world.clock.advance(10_800)
    expect(calls).toBe(2)
    rejectFirst(new Error('late'))
    await world.clock.settle()
    expect(link.status).toBe('authenticating')
  })

  test('logged out by the server: logs in again', async () => {
    setUp({ login })
    let logins = 0
    world.server.intercept = (socket, { op, id }) => {
      if (op === 'login') logins++
      if (op !== 'sub' || logins > 1) return false
      world.server.say(socket, { err: '60011', reaction: 'login-needed', id })
      return true
    }
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(30_000)
    expect(logins).toBe(2)
    expect(log).toContain('confirmed trades.a')
  })

  test('one that had proved itself and is then dropped at every login is not stormed', async () => {
    setUp({ login, random: () => 0 })
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    world.server.publish('trades.a')
    await world.clock.advance(20_000)
    world.server.intercept = (socket) => {
      socket.close()
      return true
    }
    world.sockets.last.close()
    await world.clock.advance(60_000)
    const times = world.sockets.all.slice(1).map(({ dialedAt }) => dialedAt)
    for (const from of times) expect(times.filter((at) => at >= from && at < from + 10_000).length).toBeLessThanOrEqual(6)
  })

  test('the login counts as a request', async () => {
    setUp({ login, limits: { requests: { count: 2, perMs: 60_000 } } })
    link.add(acmeTopic('a'))
    link.start()
    await world.clock.advance(100)
    link.add(acmeTopic('b'))
    await world.clock.advance(100)
    expect(world.server.requests.map(({ op }) => op)).toEqual(['login', 'sub'])
  })

  test('stopped while the login is being signed: nothing is sent', async () => {
    let sign: (text: string) => void = () => undefined
    setUp({ login: (): Promise<string> => new Promise((resolve) => (sign = resolve)) })
    link.start()
    await world.clock.advance(100)
    void link.stop()
    sign(LOGIN)
    await world.clock.settle()
    expect(world.sockets.last.sent).toEqual([])
  })
})

describe('stopping', () => {
  test.each([
    ['before the start', async (): Promise<void> => undefined],
    [
      'in the dial queue',
      async (): Promise<void> => {
        // Two others hold the only handshake.
        world.settings.dialer.request(false, () => undefined)
        link.start()
      },
    ],
    [
      'during the handshake',
      async (): Promise<void> => {
        link.start()
        await world.clock.advance(100)
      },
    ],
    [
      'while waiting for the back-off',
      async (): Promise<void> => {
        link.start()
        world.sockets.last.close({ status: 429, retryAfterMs: 3_600_000 })
      },
    ],
    [
      'when open',
      async (): Promise<void> => {
        link.start()
        world.acceptAll()
        await world.clock.advance(20_000)
      },
    ],
  ] as const)('%s leaves no socket and no timer', async (_name, prepare) => {
    setUp({ manual: true })
    link.add(acmeTopic('a'))
    await prepare()
    await link.stop()
    expect(link.status).toBe('closed')
    expect(world.sockets.alive).toEqual([])
    expect(world.clock.pending).toBe(0)
  })
})
