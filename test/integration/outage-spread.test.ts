import { afterEach, describe, expect, test } from 'vitest'
import { CollectorManager, createOkxCollector, silentLogger, type OkxCollector, type RestartNotice } from 'tapekeeper'
import { createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { FakeSource } from '../support/fake-source.ts'
import { createTestWorld } from '../support/test-ports.ts'
import { inVirtualTime } from '../support/virtual-time.ts'

// What happens to many at one moment must not make them act at one moment. Chance is seeded: the same numbers in each run.

const PROCESSES = 100
const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const BIN_MS = 100

/** Evenly filled bins are as uneven as this in one of a thousand cases. By degrees of freedom. */
const CHI_SQUARE_LIMIT: Readonly<Record<number, number>> = { 4: 18.47, 9: 27.88, 19: 43.82 }

/** How unevenly values are spread over [0, range): Pearson's sum over bins of one width. */
function chiSquare(values: readonly number[], range: number, bins: number): number {
  const counts = Array.from({ length: bins }, () => 0)
  for (const value of values) counts[Math.floor((value / range) * bins)]!++
  const expected = values.length / bins
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

function expectEven(values: readonly number[], range: number, bins: number): void {
  expect(chiSquare(values, range, bins)).toBeLessThan(CHI_SQUARE_LIMIT[bins - 1]!)
}

/** The largest share of values within one bin. */
function largestShare(values: readonly number[], binMs: number): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(Math.floor(value / binMs), (counts.get(Math.floor(value / binMs)) ?? 0) + 1)
  return Math.max(...counts.values()) / values.length
}

const mostWithin = (times: readonly number[], windowMs: number): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length))

describe(`${PROCESSES} processes, one outage`, () => {
  let fake: VirtualExchange
  /** One per process: its own chance, its own dial budget, three sockets. */
  let fleet: { readonly collector: OkxCollector; readonly dials: number[] }[] = []

  async function openFleet(): Promise<void> {
    // Whoever dials from 100 hosts is not limited by any of them.
    fake = createVirtualExchange({
      seed: 9,
      instruments: ['BTC-USDT'],
      tradesPerSecond: 2,
      bookUpdatesPerSecond: 0,
      historyMs: 0,
      enforceDialLimit: false,
      enforceRestLimits: false,
    })
    fleet = Array.from({ length: PROCESSES }, (_, i) => {
      const dials: number[] = []
      const ports = {
        ...fake.ports,
        random: seededRandom(`process ${i}`),
        socket: (...args: Parameters<typeof fake.ports.socket>) => {
          dials.push(fake.clock.now())
          return fake.ports.socket(...args)
        },
      }
      const collector = createOkxCollector({
        symbol: 'BTC-USDT',
        dataTypes: ['trade', 'candle'],
        candles: { source: 'exchange' },
        redundancy: 2,
        endpoints: fake.endpoints,
        ports,
        logger: silentLogger,
      })
      return { collector, dials }
    })
    await inVirtualTime(fake.clock, Promise.all(fleet.map(({ collector }) => collector.start())))
    await fake.clock.advance(30 * SECOND_MS)
    expect(running()).toBe(PROCESSES)
  }

  const running = (): number => fleet.filter(({ collector }) => collector.status === 'running').length
  /** First dials of each process since then, measured from there. */
  const firstDialsSince = (from: number): number[] =>
    fleet.flatMap(({ dials }) => dials.find((at) => at >= from) ?? []).map((at) => at - from)
  const dialsSince = (from: number): number[] => fleet.flatMap(({ dials }) => dials.filter((at) => at >= from))

  /** How long until everybody is back, milliseconds. */
  async function recover(): Promise<number> {
    const from = fake.clock.now()
    await fake.clock.advance(BIN_MS)
    while (running() < PROCESSES && fake.clock.now() - from < 10 * MINUTE_MS) await fake.clock.advance(BIN_MS)
    return fake.clock.now() - from
  }

  function expectBudgets(outageFrom: number, outageTo: number): void {
    for (const { dials } of fleet) {
      expect(mostWithin(dials, SECOND_MS)).toBeLessThanOrEqual(3)
      const meanwhile = dials.filter((at) => at >= outageFrom && at < outageTo)
      // Four redials in ten seconds; those of the first moment were not known to be of an outage.
      expect(
        mostWithin(
          meanwhile.filter((at) => at >= outageFrom + SECOND_MS),
          10 * SECOND_MS,
        ),
      ).toBeLessThanOrEqual(4)
      expect(mostWithin(meanwhile, 10 * SECOND_MS)).toBeLessThanOrEqual(6)
    }
  }

  afterEach(async () => {
    await inVirtualTime(fake.clock, Promise.all(fleet.map(({ collector }) => collector.stop())))
    expect(fake.connections).toEqual([])
    await fake.close()
    expect(fake.clock.pending).toBe(0)
  })

  test('everybody is cut off at one moment: all dial within the first second, in no step', async () => {
    await openFleet()
    const from = fake.clock.now()
    fake.drop()
    expect(await recover()).toBeLessThan(10 * SECOND_MS)
    const first = firstDialsSince(from)
    expect(first).toHaveLength(PROCESSES)
    expect(largestShare(dialsSince(from), BIN_MS)).toBeLessThan(0.25)
    expectBudgets(from, from)
  })

  test.each([
    ['refused with 503 for a minute', MINUTE_MS, { status: 503 }],
    ['refused with 503 for ten minutes', 10 * MINUTE_MS, { status: 503 }],
    ['left without an answer for a minute', MINUTE_MS, { hang: true }],
  ] as const)('%s: they come back in no step, within their budgets, all within 90 s', async (_name, forMs, refusal) => {
    await openFleet()
    const from = fake.clock.now()
    fake.refuse(refusal)
    fake.drop()
    await fake.clock.advance(forMs)
    fake.accept()
    const to = fake.clock.now()
    expect(await recover()).toBeLessThan(90 * SECOND_MS)
    expectBudgets(from, to)

    const first = firstDialsSince(to)
    expect(largestShare(first, BIN_MS)).toBeLessThanOrEqual(0.1)
    expect(largestShare(dialsSince(to), BIN_MS)).toBeLessThanOrEqual(0.1)
    // In step with each other they would be at the same fraction of a second.
    const meanwhile = dialsSince(from + 10 * SECOND_MS).map((at) => at % SECOND_MS)
    expect(meanwhile.length).toBeGreaterThan(PROCESSES)
    expectEven(meanwhile, SECOND_MS, 10)
    expectEven(
      first.filter((ms) => ms < 5 * SECOND_MS),
      5 * SECOND_MS,
      5,
    )
  })

  test('refused with 429 and Retry-After 30 for half a minute: nobody is early, and they come in no step', async () => {
    await openFleet()
    const from = fake.clock.now()
    fake.refuse({ status: 429, retryAfterSeconds: 30, forMs: 29 * SECOND_MS })
    fake.drop()
    expect(await recover()).toBeLessThan(90 * SECOND_MS)
    for (const { dials } of fleet) {
      const since = dials.filter((at) => at >= from)
      // The first, and those that were on their way with it.
      const told = since[0]!
      expect(since.filter((at) => at > told + SECOND_MS && at < told + 30 * SECOND_MS)).toEqual([])
    }
    expectBudgets(from, from + 29 * SECOND_MS)
    const back = firstDialsSince(from + 10 * SECOND_MS)
    expect(back).toHaveLength(PROCESSES)
    expect(Math.max(...back) - Math.min(...back)).toBeGreaterThan(SECOND_MS)
    // The same wait for all, but for the second in which they were told and the second of jitter.
    expect(largestShare(back, BIN_MS)).toBeLessThan(0.25)
  })
})

describe('restarts', () => {
  test(`${PROCESSES} own sources lose their connection at one moment: each delay is a draw from the whole range`, async () => {
    const restartDelayMs = 5_000
    const world = createTestWorld(seededRandom('own sources'))
    const notices: RestartNotice[] = []
    const sources = Array.from({ length: PROCESSES }, () => new FakeSource({ restartDelayMs, maxRestarts: 10 }, world))
    for (const source of sources) source.on('restart', (notice) => notices.push(notice))
    await inVirtualTime(world.clock, Promise.all(sources.map((source) => source.start())))
    for (const source of sources) source.loopFails = true
    for (const source of sources) source.connectFails = 'throw'
    await world.clock.advance(restartDelayMs + 2 * SECOND_MS)
    const byAttempt = (attempt: number): RestartNotice[] => notices.filter((notice) => notice.attempt === attempt)
    expect(byAttempt(1)).toHaveLength(PROCESSES)
    expectEven(
      byAttempt(1).map(({ delayMs }) => delayMs),
      restartDelayMs,
      10,
    )
    const startedAt = byAttempt(1).map(({ at }) => at)
    expect(largestShare(startedAt, BIN_MS)).toBeLessThanOrEqual(0.1)

    await world.clock.advance(2 * MINUTE_MS)
    for (const attempt of [2, 3, 4]) {
      expect(byAttempt(attempt)).toHaveLength(PROCESSES)
      expectEven(
        byAttempt(attempt).map(({ delayMs }) => delayMs),
        restartDelayMs * 2 ** (attempt - 1),
        10,
      )
      expect(
        largestShare(
          byAttempt(attempt).map(({ at }) => at),
          BIN_MS,
        ),
      ).toBeLessThanOrEqual(0.1)
    }
    await inVirtualTime(world.clock, Promise.all(sources.map((source) => source.stop())))
    expect(world.clock.pending).toBe(0)
  })

  test.each([100, 1_000])('restartAllCollectors of %i: never more than a twentieth at once, and all of them', async (amount) => {
    const world = createTestWorld(seededRandom('restart all'))
    const manager = new CollectorManager({ logger: silentLogger, ports: world.ports, restartDelayMs: 5_000 })
    const sources = Array.from({ length: amount }, (_, i) => new FakeSource({ componentName: `source ${i}` }, world))
    const restarting = new Set<FakeSource>()
    let most = 0
    const starts: number[] = []
    for (const source of sources) {
      manager.addCollector(source)
      source.on('status', ({ to, at }) => {
        if (to === 'restarting') {
          restarting.add(source)
          starts.push(at)
        } else restarting.delete(source)
        most = Math.max(most, restarting.size)
      })
    }
    expect(await inVirtualTime(world.clock, manager.start())).toBe(true)
    // Slow enough that many more would be under way without a limit.
    for (const source of sources) source.connectMs = 8_000
    const results = await inVirtualTime(world.clock, manager.restartAllCollectors(), 20 * MINUTE_MS)
    expect(Object.values(results).filter(Boolean)).toHaveLength(amount)
    expect(starts).toHaveLength(amount)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(Math.ceil(amount / 20))
    expect(largestShare(starts, BIN_MS)).toBeLessThanOrEqual(0.1)
    await inVirtualTime(world.clock, manager.stop())
    expect(world.clock.pending).toBe(0)
  })
})
