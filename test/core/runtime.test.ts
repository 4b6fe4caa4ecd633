import { describe, expect, test } from 'vitest'
import type { Credentials, ExchangeDefinition } from '../../src/core/exchange-definition.ts'
import { runtimeOf, type PoolRequest } from '../../src/core/runtime.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import { acme, AcmeServer } from '../support/acme.ts'
import { LOGIN, subscribe } from '../support/link-world.ts'
import { createTestWorld, httpAnswer, inVirtualTime } from '../support/test-ports.ts'

const request = (more: Partial<PoolRequest> = {}): PoolRequest => ({
  definition: acme,
  endpoint: 'public',
  endpoints: acme.endpoints,
  customParams: {},
  credentials: undefined,
  maxConnectionAgeMs: 24 * 3_600_000,
  replica: 0,
  logger: silentLogger,
  ...more,
})

describe('what is shared', () => {
  test('one runtime per set of ports', () => {
    const { ports } = createTestWorld()
    expect(runtimeOf(ports)).toBe(runtimeOf(ports))
    expect(runtimeOf(ports)).not.toBe(runtimeOf({ ...ports }))
    expect(runtimeOf(undefined)).toBe(runtimeOf(undefined))
  })

  const keys: Credentials = { apiKey: 'a', secret: 'b' }
  test.each<[string, Partial<PoolRequest>, Partial<PoolRequest>, boolean]>([
    ['the same', {}, {}, true],
    ['another endpoint', {}, { endpoint: 'private' }, false],
    ['another address', {}, { endpoints: { ...acme.endpoints, public: 'ws://localhost:1' } }, false],
    ['another keepalive period', {}, { customParams: { pingIntervalMs: 1_000 } }, false],
    ['another cap', {}, { customParams: { maxSubscriptionsPerSocket: 1 } }, false],
    ['another parameter of the exchange', {}, { customParams: { flavour: 'sour' } }, true],
    ['another logger', {}, { logger: { ...silentLogger } }, true],
    ['credentials, on a public endpoint', {}, { credentials: keys }, true],
    [
      'other credentials, on a private one',
      { endpoint: 'private', credentials: keys },
      { endpoint: 'private', credentials: { ...keys, apiKey: 'c' } },
      false,
    ],
    ['equal credentials', { endpoint: 'private', credentials: keys }, { endpoint: 'private', credentials: { ...keys } }, true],
  ])('pools: %s', (_name, one, two, expected) => {
    const runtime = runtimeOf(createTestWorld().ports)
    expect(runtime.pool(request(one)) === runtime.pool(request(two))).toBe(expected)
  })

  test('catalogs: by exchange and REST address', () => {
    const runtime = runtimeOf(createTestWorld().ports)
    expect(runtime.catalog(acme, 'https://a')).toBe(runtime.catalog(acme, 'https://a'))
    expect(runtime.catalog(acme, 'https://a')).not.toBe(runtime.catalog(acme, 'https://b'))
    expect(runtime.catalog(acme, 'https://a')).not.toBe(runtime.catalog({ ...acme, id: 'other' }, 'https://a'))
  })
})

test('all pools of a host share its dial budget', async () => {
  const world = createTestWorld(() => 0.5)
  world.sockets.onDial = new AcmeServer(() => world.clock.now()).accept
  const runtime = runtimeOf(world.ports)
  const paths = ['one', 'two', 'three', 'four', 'five', 'six', 'seven']
  const subscribers = paths.map((path) => {
    const endpoints = { ...acme.endpoints, public: `wss://stream.acme.test/${path}` }
    return subscribe(runtime.pool(request({ endpoints })), 'a')
  })
  await world.clock.advance(10_000)
  const times = world.sockets.all.map(({ dialedAt }) => dialedAt)
  expect(times).toHaveLength(7)
  for (const from of times) expect(times.filter((at) => at >= from && at < from + 1_000).length).toBeLessThanOrEqual(3)
  expect(runtime.linkCount).toBe(7)
  for (const { leave } of subscribers) leave()
  await world.clock.settle()
  expect([runtime.linkCount, world.clock.pending]).toEqual([0, 0])
})

test('a pool that became empty is forgotten, and made anew when it is needed', async () => {
  const world = createTestWorld(() => 0.5)
  world.sockets.onDial = new AcmeServer(() => world.clock.now()).accept
  const runtime = runtimeOf(world.ports)
  const first = runtime.pool(request())
  subscribe(first, 'a').leave()
  await world.clock.settle()
  const second = runtime.pool(request())
  expect(second).not.toBe(first)
  const again = subscribe(second, 'a')
  await world.clock.advance(1_000)
  expect(again.heard).toEqual(['confirmed'])
  again.leave()
  expect(world.sockets.alive).toEqual([])
})

describe('the time of a login', () => {
  const keys: Credentials = { apiKey: 'a', secret: 'b' }

  /** When a login was signed for, by the exchange's clock, which is an hour ahead of ours. */
  async function signedFor(stepMs: number): Promise<{ signed: number[]; theirs: () => number; warnings: string[] }> {
    const world = createTestWorld(() => 0.5)
    const epoch = world.clock.now() + 3_600_000
    const theirs = (): number => epoch + world.clock.elapsed()
    const warnings: string[] = []
    const signed: number[] = []
    const server = new AcmeServer(() => world.clock.now())
    world.sockets.onDial = server.accept
    world.answer = () => httpAnswer(200, theirs())
    server.intercept = (socket, { op }) => {
      if (op !== 'login' || Math.abs(signed.at(-1)! - theirs()) < 1_000) return false
      server.say(socket, { err: '60006', reaction: 'clock' })
      return true
    }
    const definition: ExchangeDefinition = {
      ...acme,
      login: (_credentials, now) => {
        signed.push(now)
        return Promise.resolve(LOGIN)
      },
    }
    const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) }
    const pool = runtimeOf(world.ports).pool(request({ definition, endpoint: 'private', credentials: keys, logger }))
    const { leave, heard } = subscribe(pool, 'a')
    await world.clock.advance(1_000)
    world.clock.stepWall(stepMs)
    world.sockets.last.close()
    await world.clock.advance(5_000)
    expect(heard.at(-1)).toBe('confirmed')
    leave()
    await world.clock.advance(5_000)
    return { signed, theirs, warnings }
  }

  test.each([0, -600_000, 86_400_000])(
    'is the exchange’s, once ours was refused, even if ours is set by %i ms then',
    async (stepMs) => {
      const { signed, warnings } = await signedFor(stepMs)
      expect(signed).toHaveLength(3)
      expect(signed[2]! - signed[1]!).toBeGreaterThanOrEqual(1_000)
      expect(signed[2]! - signed[1]!).toBeLessThan(3_000)
      expect(warnings).toEqual(["login refused: 60006 refused; the clock of this machine is 3600 s behind the exchange's"])
    },
  )
})

test('what REST tells all who share it is heard by the logger of whoever asked last', async () => {
  const world = createTestWorld(() => 0.5)
  const heard: string[] = []
  const loggerOf = (name: string) => ({ ...silentLogger, warn: () => heard.push(name) })
  const runtime = runtimeOf(world.ports)
  const rest = runtime.rest(acme, 'https://a')
  expect(runtime.rest(acme, 'https://a', loggerOf('one'))).toBe(rest)
  expect(runtime.rest(acme, 'https://a', loggerOf('two'))).toBe(rest)
  expect(runtime.rest(acme, 'https://a')).toBe(rest)
  world.answer = () => httpAnswer(429, '', { 'retry-after': '60' })
  await expect(
    inVirtualTime(
      world.clock,
      rest.get('/x', () => ({ kind: 'ok', data: 1 })),
    ),
  ).rejects.toThrow('60 s')
  expect(heard).toEqual(['two'])
})

test('an exchange may allow longer REST answers than others', async () => {
  const world = createTestWorld(() => 0.5)
  world.answer = () => httpAnswer(200, '1')
  const definition = { ...acme, limits: { ...acme.limits, restAnswerBytes: 77 } }
  await runtimeOf(world.ports)
    .rest(definition, 'https://a')
    .get('/x', () => ({ kind: 'ok', data: 1 }))
  expect(world.requests[0]?.maxBytes).toBe(77)
})
