import { expect, test } from 'vitest'
import { CollectorManager } from '../../src/manager/collector-manager.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { eachSeed } from '../support/runs.ts'
import { createTestWorld } from '../support/test-ports.ts'
import { ChaosSource } from './chaos-source.ts'

// The wall clock stamps and decides nothing: whatever it does, everything happens when it would have happened anyway. Each run is made
// twice, once with a wall clock that is stepped at random.

const STEPS_MS = [-6 * 3_600_000, -600_000, -5_000, 5_000, 3 * 3_600_000, 40 * 86_400_000]

/** What happened, and when by elapsed time; no timestamp. */
async function run(seed: number, isStepped: boolean): Promise<readonly string[]> {
  const random = seededRandom(`wall ${seed}`)
  const steps = seededRandom(`steps ${seed}`)
  const world = createTestWorld(random)
  const { clock } = world
  const manager = new CollectorManager({
    logger: silentLogger,
    ports: world.ports,
    globalHealthCheckIntervalMs: 7_000,
    restartDelayMs: 1_000,
    startDeadlineMs: 15_000,
    stopDeadlineMs: 12_000,
  })
  const seen: string[] = []
  const see = (...words: readonly unknown[]): void => void seen.push(`${clock.elapsed()} ${words.join(' ')}`)
  manager.on('collectorStatus', ({ collector, from, to, reason }) => see(collector, from, to, reason))
  manager.on('collectorRestart', ({ collector, trigger, attempt, delayMs }) => see(collector, trigger, attempt, delayMs))
  manager.on('collectorError', ({ collector, error }) => see(collector, error.code, error.message))
  manager.on('health', ({ healthy, unhealthy }) => see('health', healthy, JSON.stringify(unhealthy)))
  const sources = ['a', 'b', 'c'].map((name) => new ChaosSource(name, world, random))
  for (const source of sources) manager.addCollector(source)

  const pass = async (ms: number): Promise<void> => {
    if (isStepped && steps() < 0.7) clock.stepWall(STEPS_MS[Math.floor(steps() * STEPS_MS.length)]!)
    await clock.advance(ms)
    const { uptimeSeconds, resources, statistics, collectors } = manager.getStatus()
    see(uptimeSeconds, resources.maxEventLoopDelayMs, statistics.failedCollectors, JSON.stringify(collectors))
    for (const source of sources) {
      const { health, statistics: own } = source.getStatus()
      see(JSON.stringify(health), own.uptimeSeconds, own.reconnectAttempts)
    }
  }
  void manager.start()
  for (let i = 0; i < 25; i++) {
    await pass(Math.floor(100 + 60_000 * random() ** 3))
    const source = sources[Math.floor(random() * sources.length)]!
    source.silent = random() < 0.3
    if (random() < 0.1) void manager.restartAllCollectors().then((results) => see(JSON.stringify(results)))
    if (random() < 0.05) void manager.stop({ deadlineMs: 5_000 * random() }).then(() => see('stopped'))
    if (random() < 0.2) void manager.start().then((ok) => see('started', ok))
    if (random() < 0.1) source.supervise({ healthCheckIntervalMs: 1_000 + Math.floor(9_000 * random()) })
  }
  void manager.stop().then(() => see('stopped'))
  await pass(30_000)
  expect(clock.pending).toBe(0)
  return seen
}

test('whatever the wall clock does, collectors and their manager do the same things at the same times', () =>
  eachSeed({ quick: 20, deep: 300 }, async (seed) => {
    const expected = await run(seed, false)
    expect(expected.length).toBeGreaterThan(100)
    expect(await run(seed, true)).toEqual(expected)
  }))
