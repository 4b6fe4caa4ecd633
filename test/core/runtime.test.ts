import { describe, expect, test } from 'vitest'
import type { Credentials } from '../../src/core/exchange-definition.ts'
import { runtimeOf, type PoolRequest } from '../../src/core/runtime.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import { acme, AcmeServer } from '../support/acme.ts'
import { subscribe } from '../support/link-world.ts'
import { createTestWorld } from '../support/test-ports.ts'

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
