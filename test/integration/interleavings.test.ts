import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import {
  CollectorManager,
  createOkxCollector,
  silentLogger,
  type CollectorStatus,
  type DataType,
  type OkxCollector,
} from 'tapekeeper'
import { createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { canFollow, COLLECTOR_STATUSES } from '../../src/core/collector/collector-state.ts'
import { runtimeOf } from '../../src/core/runtime.ts'
import { eachSeed } from '../support/runs.ts'

// Real collectors under a manager, told whatever in whatever order while the exchange drops and refuses: never a status that may not
// follow, never a socket too many, and after the last stop nothing is left. The same for the manager alone: test/manager.

const LOOK_MS = 500
/** A link that is being replaced has two sockets for so long at most: a replacement that turns out to be half-open is found within 10 s. */
const LONGEST_EXTRA_MS = 12_000

const KINDS: readonly (readonly [symbol: string, dataTypes: readonly DataType[]])[] = [
  ['BTC-USDT', ['trade', 'candle']],
  ['ETH-USDT', ['trade', 'ticker', 'candle']],
  ['SOL-USDT', ['orderbook']],
]
/** Sockets they share: public, business, and the second one for the trades of the first. */
const MOST_SOCKETS = 3

class Sequence {
  readonly random: () => number
  readonly fake: VirtualExchange
  readonly manager: CollectorManager
  readonly collectors: readonly OkxCollector[]
  readonly log: string[] = []
  readonly wrongs: string[] = []
  readonly #ending = new AbortController()
  /** Sockets that are not closed, and those of them whose handshake has succeeded. */
  #live = 0
  #open = 0
  #extraSince: number | undefined
  #asked = 0
  #answered = 0

  constructor(seed: number) {
    this.random = seededRandom(`real interleaving ${seed}`)
    this.fake = createVirtualExchange({
      seed,
      instruments: KINDS.map(([symbol]) => symbol),
      tradesPerSecond: 1,
      bookUpdatesPerSecond: 1,
      historyMs: 0,
      networkDelayMs: 1 + this.upTo(50),
    })
    const { endpoints } = this.fake
    const { signal } = this.#ending
    const ports = { ...this.fake.ports, socket: this.#countingSocket() }
    this.manager = new CollectorManager({
      logger: silentLogger,
      ports,
      signal,
      globalHealthCheckIntervalMs: 7_000,
      restartDelayMs: 1_000,
      startDeadlineMs: 20_000,
      stopDeadlineMs: 12_000,
    })
    this.collectors = KINDS.map(([symbol, dataTypes], i) =>
      createOkxCollector({
        symbol,
        dataTypes,
        endpoints,
        ports,
        signal,
        redundancy: i === 0 && this.random() < 0.3 ? 2 : 1,
        orderBook: { depth: 400 },
        // The first one's come from the business endpoint.
        candles: { source: i === 0 ? 'exchange' : 'trades' },
        healthCheckIntervalMs: 5_000,
        restartDelayMs: 2_000,
        startTimeoutMs: 8_000,
        logger: silentLogger,
      }),
    )
    for (const collector of this.collectors) this.#watchStatus(collector)
    for (const collector of this.collectors.slice(0, 2)) this.manager.addCollector(collector)
    this.links = () => runtimeOf(ports).linkCount
  }

  readonly links: () => number

  /** One of many things that can be done, by hand or by the exchange. */
  act(): void {
    const { manager, fake } = this
    const collector = this.pick(this.collectors)
    const name = collector.componentName
    const actions: Readonly<Record<string, () => unknown>> = {
      start: () => collector.start(),
      stop: () => collector.stop(),
      'stop by force': () => collector.stop(true),
      restart: () => collector.restart(),
      rollover: () => collector.rollover(),
      'manager.start': () => manager.start(),
      'manager.stop': () => manager.stop(),
      'manager.stop by force': () => manager.stop({ force: true }),
      'manager.restart': () => manager.restartCollector(name),
      'manager.restartAll': () => manager.restartAllCollectors(),
      enable: () => manager.enableCollector(name),
      disable: () => manager.disableCollector(name),
      remove: () => manager.removeCollector(name),
      add: () => this.add(collector),
      'set the clock': () => fake.clock.stepWall(Math.floor((this.random() - 0.5) * 2 * 10 ** (9 * this.random()))),
      drop: () => fake.drop(),
      halfOpen: () => fake.halfOpen(),
      'refuse 429': () => fake.refuse({ retryAfterSeconds: 1 + this.upTo(15), forMs: this.upTo(30_000) }),
      'refuse 503': () => fake.refuse({ status: 503, forMs: this.upTo(30_000) }),
      'refuse and hang': () => fake.refuse({ hang: true, forMs: this.upTo(20_000) }),
    }
    // What runs is more interesting than what does not.
    const action = this.random() < 0.15 ? 'manager.start' : this.pick(Object.keys(actions))
    this.log.push(`${action} ${collector.symbol}`)
    this.#watch(actions[action]?.())
  }

  add(collector: OkxCollector): void {
    if (this.manager.getCollector(collector.componentName) === undefined)
      this.manager.addCollector(collector, { enabled: this.random() < 0.8 })
  }

  /** Something is done, and then a while passes in which it happens, or none. */
  async step(): Promise<void> {
    this.act()
    if (this.random() < 0.3) return
    const ms = Math.floor(40_000 ** this.random())
    this.log.push(`+${ms}`)
    await this.#pass(ms)
  }

  /** The last word is to stop. */
  async end(): Promise<void> {
    const how = this.pick(['politely', 'politely', 'by force', 'by signal'])
    this.log.push(`end ${how}`)
    if (how === 'by signal') this.#ending.abort()
    else {
      this.#watch(this.manager.stop({ force: how === 'by force' }))
      // Those that were removed are nobody's any more.
      for (const collector of this.collectors) this.#watch(collector.stop(how === 'by force'))
    }
    await this.#pass(40_000)
    const { wrongs, manager } = this
    for (const { symbol, status } of this.collectors)
      // One whose start had failed before the signal came is dead already.
      if (status !== 'stopped' && !(how === 'by signal' && status === 'error')) wrongs.push(`${symbol} is ${status}`)
    if (manager.status !== 'stopped') wrongs.push(`the manager is ${manager.status}`)
    if (this.#answered !== this.#asked) wrongs.push(`${this.#asked - this.#answered} without an answer`)
    if (this.#live > 0 || this.fake.connections.length > 0) wrongs.push(`${this.#live} sockets are left`)
    if (this.links() > 0) wrongs.push(`${this.links()} links are left`)
    const listeners = getEventListeners(this.#ending.signal, 'abort').length
    if (listeners > 0) wrongs.push(`${listeners} listeners are left on the signal`)
  }

  /** And when all goes well it works again. */
  async revive(): Promise<void> {
    if (this.#ending.signal.aborted) return
    this.fake.heal()
    for (const { componentName } of this.collectors) this.#watch(this.manager.removeCollector(componentName))
    await this.#pass(1_000)
    for (const collector of this.collectors) this.manager.addCollector(collector)
    this.#watch(this.manager.start())
    // As long as the exchange asked us to stay away, and the ration of a host that has failed.
    await this.#pass(40_000)
    for (const { symbol, status } of this.collectors)
      if (status !== 'running') this.wrongs.push(`${symbol} is ${status} after a new start`)
    const listeners = getEventListeners(this.#ending.signal, 'abort').length
    if (listeners < 1 || listeners > this.collectors.length + 1)
      this.wrongs.push(`${listeners} listeners on the signal after a new start`)
    this.#watch(this.manager.stop())
    await this.#pass(5_000)
    if (this.#live > 0) this.wrongs.push(`${this.#live} sockets after a new start and stop`)
  }

  async close(): Promise<void> {
    await this.fake.close()
    // The fake's own timers ended with it.
    const { pending } = this.fake.clock
    if (pending > 0) this.wrongs.push(`${pending} timers are left`)
  }

  upTo(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.upTo(items.length)]!
  }

  async #pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += LOOK_MS) {
      await this.fake.clock.advance(Math.min(LOOK_MS, ms - passed))
      this.#look()
    }
  }

  /** Sockets that are being closed or replaced may be there for a moment. */
  #look(): void {
    const isTooMany = this.#live > this.links() || this.#open > MOST_SOCKETS
    const now = this.fake.clock.elapsed()
    this.#extraSince = isTooMany ? (this.#extraSince ?? now) : undefined
    if (this.#extraSince !== undefined && now - this.#extraSince > LONGEST_EXTRA_MS) {
      this.#extraSince = Infinity
      this.wrongs.push(`${this.#live} sockets, ${this.#open} of them open, for ${this.links()} links`)
      this.log.push('(sockets)')
    }
  }

  #countingSocket(): VirtualExchange['ports']['socket'] {
    return (url, handlers) => {
      let isOpen = false
      this.#live++
      return this.fake.ports.socket(url, {
        ...handlers,
        onOpen: () => {
          isOpen = true
          this.#open++
          handlers.onOpen()
        },
        onClose: (closed) => {
          this.#live--
          if (isOpen) this.#open--
          handlers.onClose(closed)
        },
      })
    }
  }

  #watchStatus(collector: OkxCollector): void {
    let last: CollectorStatus = collector.status
    collector.on('status', ({ from, to }) => {
      if (from !== last) this.wrongs.push(`${collector.symbol}: said ${from} -> ${to}, but it was ${last}`)
      if (!canFollow(from, to) || !COLLECTOR_STATUSES.includes(to)) this.wrongs.push(`${collector.symbol}: ${from} -> ${to}`)
      if (collector.status !== to) this.wrongs.push(`${collector.symbol}: is ${collector.status}, says ${to}`)
      last = to
    })
  }

  #watch(promise: unknown): void {
    this.#asked++
    Promise.resolve(promise).then(
      () => this.#answered++,
      (error: unknown) => this.wrongs.push(`rejected: ${String(error)}`),
    )
  }
}

async function play(seed: number): Promise<void> {
  const sequence = new Sequence(seed)
  const steps = 10 + sequence.upTo(11)
  for (let i = 0; i < steps; i++) await sequence.step()
  await sequence.end()
  if (sequence.wrongs.length === 0) await sequence.revive()
  await sequence.close()
  expect(sequence.wrongs, sequence.log.join(', ')).toEqual([])
}

test('any order of anything ends well', () => eachSeed({ quick: 60, deep: 400 }, play))

test('a manager told to start while it stops does not do so when its signal aborts meanwhile', async () => {
  const fake = createVirtualExchange({ seed: 1, instruments: ['BTC-USDT'], tradesPerSecond: 1 })
  const { endpoints, ports } = fake
  const ending = new AbortController()
  const manager = new CollectorManager({ logger: silentLogger, ports, signal: ending.signal })
  manager.addCollector(createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], endpoints, ports, logger: silentLogger }))
  void manager.start()
  await fake.clock.advance(5_000)
  void manager.stop()
  void manager.start()
  ending.abort()
  await fake.clock.advance(30_000)
  const { status } = manager
  void manager.stop({ force: true })
  await fake.clock.advance(5_000)
  await fake.close()
  expect(status).toBe('stopped')
})

test('a stop at any moment of a rollover ends both connections', async () => {
  for (let afterMs = 0; afterMs < 1_500; afterMs += 50) {
    const fake = createVirtualExchange({ seed: 1, instruments: ['BTC-USDT'], tradesPerSecond: 5 })
    const { endpoints, ports } = fake
    const collector = createOkxCollector({
      symbol: 'BTC-USDT',
      dataTypes: ['trade', 'ticker', 'candle', 'orderbook'],
      candles: { source: 'exchange' },
      endpoints,
      ports,
      logger: silentLogger,
    })
    void collector.start()
    await fake.clock.advance(5_000)
    collector.rollover()
    await fake.clock.advance(afterMs)
    void collector.stop()
    await fake.clock.advance(5_000)
    expect([afterMs, collector.status, fake.connections.length, runtimeOf(ports).linkCount]).toEqual([afterMs, 'stopped', 0, 0])
    await fake.close()
    expect(fake.clock.pending).toBe(0)
  }
})
