import { expect, test } from 'vitest'
import { CollectorManager } from '../../src/manager/collector-manager.ts'
import type { ManagerStatus } from '../../src/manager/manager-events.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import type { Random } from '../../src/ports/random.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { eachSeed } from '../support/runs.ts'
import { createTestWorld, type TestWorld } from '../support/test-ports.ts'
import { ChaosSource } from './chaos-source.ts'

// Whatever is done to a manager and its collectors, in whatever order and in the middle of whatever: after the last stop everything has
// stopped, nothing was ever run twice, and everybody who waits is answered.

const FOLLOWING: Readonly<Record<ManagerStatus, readonly ManagerStatus[]>> = {
  stopped: ['starting'],
  starting: ['running', 'stopping'],
  running: ['stopping'],
  stopping: ['stopped'],
}

class Sequence {
  readonly world: TestWorld
  readonly manager: CollectorManager
  readonly random: Random
  readonly sources: ChaosSource[]
  readonly log: string[] = []
  readonly wrongs: string[] = []
  #asked = 0
  #answered = 0
  #isOver = false

  constructor(seed: number) {
    this.random = seededRandom(`interleaving ${seed}`)
    this.world = createTestWorld(this.random)
    this.manager = new CollectorManager({
      logger: silentLogger,
      ports: this.world.ports,
      globalHealthCheckIntervalMs: 7_000,
      restartDelayMs: 1_000,
      startDeadlineMs: 15_000,
      stopDeadlineMs: 12_000,
    })
    this.manager.on('status', ({ from, to }) => {
      if (!FOLLOWING[from].includes(to)) this.wrongs.push(`manager: ${from} -> ${to}`)
    })
    this.sources = ['a', 'b', 'c'].map((name) => new ChaosSource(name, this.world, this.random))
    // Now and then a listener does something, too.
    this.manager.on('collectorStatus', () => {
      if (!this.#isOver && this.random() < 0.05) this.act()
    })
    for (const source of this.sources.slice(1)) this.manager.addCollector(source)
  }

  /** One of many things that can be done. */
  act(): void {
    const source = this.pick(this.sources)
    const { manager } = this
    const name = source.componentName
    const actions: Readonly<Record<string, () => unknown>> = {
      'manager.start': () => manager.start(),
      'manager.stop': () => manager.stop(),
      'manager.stop force': () => manager.stop({ force: true }),
      'manager.stop soon': () => manager.stop({ deadlineMs: 3_000 * this.random() }),
      restart: () => manager.restartCollector(name),
      restartAll: () => manager.restartAllCollectors(),
      enable: () => manager.enableCollector(name),
      disable: () => manager.disableCollector(name),
      remove: () => manager.removeCollector(name),
      add: () => this.add(source),
      'source.start': () => source.start(),
      'source.stop': () => source.stop(),
      'source.stop force': () => source.stop(true),
      'source.restart': () => source.restart(),
      'set the clock': () => this.world.clock.stepWall(Math.floor((this.random() - 0.5) * 2 * 10 ** (9 * this.random()))),
      look: () => [manager.getStatus(), manager.getFailedCollectors(), manager.getRunningCollectors()],
    }
    // What runs is more interesting than what does not.
    const action = this.random() < 0.15 ? 'manager.start' : this.pick(Object.keys(actions))
    this.log.push(`${action} ${name}`)
    this.watch(actions[action]?.())
  }

  /** Something is done, and then a while passes in which it happens, or none. */
  async step(): Promise<void> {
    this.act()
    if (this.random() < 0.4) return
    const ms = Math.floor(10 ** (5 * this.random()))
    this.log.push(`+${ms}`)
    await this.world.clock.advance(ms)
  }

  /** The last word is to stop. */
  async end(): Promise<void> {
    this.#isOver = true
    const isForced = this.random() < 0.3
    this.log.push(isForced ? 'end by force' : 'end')
    this.watch(this.manager.stop({ force: isForced }))
    // Those that were removed are nobody's any more.
    for (const source of this.sources)
      if (!this.manager.listCollectors().includes(source.componentName)) this.watch(source.stop())
    await this.world.clock.advance(60_000)
    const { wrongs, world, manager } = this
    for (const source of this.sources) {
      const { componentName: name, status, live, connected } = source
      if (status !== 'stopped' || live !== 0 || connected !== 0)
        wrongs.push(`${name}: ${status}, ${live} live, ${connected} connected`)
      wrongs.push(...source.wrongs)
    }
    if (manager.status !== 'stopped') wrongs.push(`manager: ${manager.status}`)
    if (world.clock.pending !== 0) wrongs.push(`${world.clock.pending} timers`)
    if (this.#answered !== this.#asked) wrongs.push(`${this.#asked - this.#answered} without an answer`)
    const removals = manager.listCollectors().map((name) => manager.removeCollector(name))
    await world.clock.advance(20_000)
    await Promise.all(removals)
    for (const source of this.sources)
      if (source.listenerCount('gap') + source.listenerCount('restart') > 0)
        wrongs.push(`${source.componentName} is still listened to`)
  }

  /** And in a world where all goes well it works again. */
  async revive(): Promise<void> {
    for (const source of this.sources) {
      source.chaos = false
      this.manager.addCollector(source)
    }
    const start = this.manager.start()
    await this.world.clock.advance(1_000)
    if (this.manager.getRunningCollectors().length !== 3) this.wrongs.push(`after a new start: ${this.statuses()}`)
    else if (!(await start)) this.wrongs.push('the new start was said to have failed')
    const stop = this.manager.stop()
    await this.world.clock.advance(30_000)
    await stop
    if (this.world.clock.pending !== 0) this.wrongs.push(`${this.world.clock.pending} timers after a new start and stop`)
  }

  statuses(): string {
    return this.sources.map(({ status }) => status).join()
  }

  add(source: ChaosSource): void {
    if (this.manager.getCollector(source.componentName) === undefined)
      this.manager.addCollector(source, { enabled: this.random() < 0.8 })
  }

  watch(promise: unknown): void {
    this.#asked++
    Promise.resolve(promise).then(
      () => this.#answered++,
      (error: unknown) => this.wrongs.push(`rejected: ${String(error)}`),
    )
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!
  }
}

async function play(seed: number): Promise<void> {
  const sequence = new Sequence(seed)
  const steps = 4 + Math.floor(sequence.random() * 16)
  for (let i = 0; i < steps; i++) await sequence.step()
  await sequence.end()
  if (sequence.wrongs.length === 0) await sequence.revive()
  expect(sequence.wrongs, sequence.log.join(', ')).toEqual([])
}

test('any order of anything ends well', () => eachSeed({ quick: 300, deep: 1_200 }, play))
