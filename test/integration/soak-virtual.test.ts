import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  CollectorManager,
  createOkxCollector,
  silentLogger,
  type DataType,
  type OkxCollector,
  type RestartNotice,
} from 'tapekeeper'
import { CORRUPT_KINDS, createVirtualExchange, seededRandom, type VirtualExchange } from 'tapekeeper/testing'
import { brokenAgainst, logTape, type TapeLog } from '../core/tape/tape-log.ts'
import { isOneSeed, seeds, size } from '../support/runs.ts'
import { inVirtualTime } from '../support/virtual-time.ts'

// A day of faults, or the beginning of one, in virtual time, with the defaults of the library: at the end all is as if nothing had happened.
// A day takes some seconds. One that is asked for by its seed says what it saw.

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = size({ quick: 8, deep: 24 }) * HOUR_MS
const CALM_MS = 15 * MINUTE_MS
const DIALS_PER_SECOND = 3
const HISTORY = '/api/v5/market/history-trades'

/** The first one keeps a book, too. */
const WANTED: readonly (readonly [symbol: string, dataTypes: readonly DataType[]])[] = [
  ['BTC-USDT', ['trade', 'ticker', 'orderbook']],
  ['ETH-USDT', ['trade', 'ticker']],
  ['BTC-USDT-PERP', ['trade']],
]

const rejections: unknown[] = []
const noteRejection = (reason: unknown): void => void rejections.push(reason)
beforeAll(() => void process.on('unhandledRejection', noteRejection))
afterAll(() => void process.off('unhandledRejection', noteRejection))

/** One that lasts has an end of its own. */
interface Fault {
  readonly begin: () => unknown
  readonly end?: () => unknown
  readonly lastsMs?: number
}

interface Restart {
  readonly notice: RestartNotice
  readonly symbol: string
  /** Its symbol was silenced, whatever was done about it, or had been until a moment ago. */
  readonly isWarranted: boolean
}

/** The last step of the ladder waits at most this long before it restarts. */
const LADDER_MS = 2 * MINUTE_MS

class Soak {
  readonly fake: VirtualExchange
  readonly manager: CollectorManager
  readonly collectors: readonly OkxCollector[]
  readonly logs: readonly TapeLog[]
  readonly restarts: Restart[] = []
  readonly faults = new Map<string, number>()
  readonly #random: () => number
  readonly #isRestSpared: boolean
  /** Until when each symbol was silenced, by elapsed time. */
  readonly #mutedUntil = new Map<string, number>()
  readonly #ends = new Set<() => void>()

  constructor(seed: number) {
    this.#random = seededRandom(`soak ${seed}`)
    this.#isRestSpared = seed % 2 === 1
    this.fake = createVirtualExchange({
      seed,
      instruments: ['BTC-USDT', 'ETH-USDT', 'BTC-USDT-SWAP'],
      tradesPerSecond: 0.2 + 0.8 * this.#random() ** 3,
      bookUpdatesPerSecond: 0.5 * this.#random(),
      historyMs: 1_000,
      networkDelayMs: 1 + this.#upTo(40),
    })
    const { endpoints, ports } = this.fake
    this.manager = new CollectorManager({ logger: silentLogger, ports })
    const amount = 2 + this.#upTo(2)
    this.collectors = WANTED.slice(0, amount).map(([symbol, dataTypes]) =>
      createOkxCollector({ symbol, dataTypes, orderBook: { depth: 400 }, endpoints, ports, logger: silentLogger }),
    )
    this.logs = this.collectors.map((collector) => logTape(collector))
    for (const collector of this.collectors) {
      collector.on('restart', (notice) => {
        const { symbol } = collector
        const mutedUntil = this.#mutedUntil.get(symbol) ?? -Infinity
        const isWarranted = notice.trigger === 'stale-data' && this.fake.clock.elapsed() <= mutedUntil + LADDER_MS
        this.restarts.push({ notice, symbol, isWarranted })
      })
      this.manager.addCollector(collector)
    }
  }

  async day(): Promise<void> {
    const { fake, manager } = this
    const endAt = fake.clock.elapsed() + DAY_MS - CALM_MS
    void manager.start()
    while (fake.clock.elapsed() < endAt) {
      await fake.clock.advance(10_000 + this.#upTo(6 * MINUTE_MS))
      this.#disturb()
    }
    for (const cancel of this.#ends) cancel()
    fake.heal()
    fake.unmute()
    await fake.clock.advance(CALM_MS)
    for (const { native } of fake.instruments) fake.setTradesPerSecond(native.instId, 0)
    await fake.clock.advance(2_000)
    for (const { native } of fake.instruments) fake.emitTrades(native.instId, 1)
    await fake.clock.advance(10_000)
  }

  /** What is wrong after the day; nothing when all is well. */
  problems(): string[] {
    const { fake, manager, collectors, logs } = this
    const wrongs: string[] = []
    if (manager.status !== 'running') wrongs.push(`the manager is ${manager.status}`)
    if (manager.getFailedCollectors().length > 0) wrongs.push(`failed: ${manager.getFailedCollectors().join()}`)
    for (const [index, collector] of collectors.entries()) {
      const { isHealthy, issues, status } = collector.getHealthStatus()
      if (status !== 'running' || !isHealthy) wrongs.push(`${collector.symbol}: ${status}, ${issues.join('; ')}`)
      if (collector.book?.isValid === false) wrongs.push(`${collector.symbol}: the book is not valid`)
      const { pieces, gaps } = logs[index]!
      const broken = brokenAgainst(pieces, fake.trades(collector.symbol))
      if (broken !== undefined) wrongs.push(`${collector.symbol}: ${broken}`)
      if (this.#isRestSpared && gaps.length > 0) wrongs.push(`${collector.symbol}: gaps ${JSON.stringify(gaps.slice(0, 3))}`)
    }
    wrongs.push(...this.#connectionProblems())
    for (const { notice, symbol, isWarranted } of this.restarts)
      if (!isWarranted) wrongs.push(`${symbol} was restarted for nothing: ${notice.trigger}, ${notice.reason}`)
    return wrongs
  }

  async end(): Promise<string[]> {
    const { fake, manager } = this
    await inVirtualTime(fake.clock, manager.stop())
    const open = fake.connections.length
    await fake.close()
    const { pending } = fake.clock
    return [...(open === 0 ? [] : [`${open} connections are left`]), ...(pending === 0 ? [] : [`${pending} timers are left`])]
  }

  tell(seed: number): string {
    const sum = (of: (log: TapeLog) => number): number => this.logs.reduce((total, log) => total + of(log), 0)
    const triggers = this.restarts.map(({ notice }) => notice.trigger)
    const restarts = [...new Set(triggers)].map((trigger) => `${trigger} ${triggers.filter((other) => other === trigger).length}`)
    return [
      `seed ${seed}: ${[...this.faults.values()].reduce((total, count) => total + count, 0)} faults`,
      `${sum(({ trades }) => trades.length)} trades, ${sum(({ gaps }) => gaps.length)} gaps (${sum(({ filled }) => filled.length)} filled)`,
      `${this.fake.dials.length} dials`,
      `restarts ${restarts.join() || '0'}`,
    ].join(', ')
  }

  #connectionProblems(): string[] {
    const { fake, collectors } = this
    const wrongs: string[] = []
    const dials = fake.dials.map(({ at }) => at)
    const tooFast = dials.find((at, i) => (dials[i + DIALS_PER_SECOND] ?? Infinity) - at < 1_000)
    if (tooFast !== undefined) wrongs.push(`more than ${DIALS_PER_SECOND} dials in the second after ${tooFast}`)
    const links = new Set(collectors.flatMap((collector) => collector.getConnections().map(({ id }) => id)))
    if (fake.connections.length !== links.size) wrongs.push(`${fake.connections.length} sockets for ${links.size} links`)
    return wrongs
  }

  #disturb(): void {
    const kinds = Object.entries({
      ...this.#faultsOfData(),
      ...this.#faultsOfConnections(),
      ...this.#faultsOfRest(),
      ...this.#faultsOfClock(),
    })
    const [name, { begin, end, lastsMs = 0 }] = this.#pick(kinds)
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1)
    begin()
    if (end === undefined) return
    const cancel = this.fake.clock.after(lastsMs, () => {
      this.#ends.delete(cancel)
      end()
    })
    this.#ends.add(cancel)
  }

  #faultsOfConnections(): Record<string, Fault> {
    const { fake } = this
    const lastsMs = 1_000 + this.#upTo(5 * MINUTE_MS)
    const accept = (): void => fake.accept()
    const acceptSubscriptions = (): void => fake.acceptSubscriptions()
    const code = this.#pick(['50001', '50013', '50026', '63999', '60014', '50011', '99999'])
    return {
      drop: { begin: () => fake.drop() },
      halfOpen: { begin: () => fake.halfOpen() },
      'halfOpen of all': {
        begin: () => fake.halfOpen({ includeNew: true }),
        // Nothing else is healed by it but what is healed sooner or later anyway.
        end: () => fake.heal(),
        lastsMs,
      },
      'refuse 429': { begin: () => fake.refuse({ retryAfterSeconds: 1 + this.#upTo(90) }), end: accept, lastsMs },
      'refuse 503': { begin: () => void (fake.refuse({ status: 503 }), fake.drop()), end: accept, lastsMs },
      'refuse and hang': { begin: () => void (fake.refuse({ hang: true }), fake.drop()), end: accept, lastsMs },
      slow: { begin: () => fake.slow(this.#upTo(this.#isRestSpared ? 300 : 2_000)), end: () => fake.slow(0), lastsMs },
      notice: { begin: () => fake.notice({ closeAfterMs: 500 + this.#upTo(MINUTE_MS) }) },
      closeAfterAck: { begin: () => void (fake.closeAfterAck({ forMs: lastsMs }), fake.drop()), lastsMs },
      silenceAcks: {
        begin: () => void (fake.silenceAcks(undefined, { withData: this.#random() < 0.3 }), fake.drop()),
        end: acceptSubscriptions,
        lastsMs,
      },
      reject: { begin: () => void (fake.rejectSubscriptions(code), fake.drop()), end: acceptSubscriptions, lastsMs },
      rollover: { begin: () => this.#pick(this.collectors).rollover() },
    }
  }

  #faultsOfData(): Record<string, Fault> {
    const { fake } = this
    const { symbol } = this.#pick(this.collectors)
    const channel = this.#pick(['trades', 'tickers', 'books', undefined])
    const target = channel === undefined ? symbol : { symbol, channel }
    const lastsMs = this.#upTo(20 * MINUTE_MS)
    return {
      mute: {
        begin: () => {
          this.#mutedUntil.set(symbol, Math.max(fake.clock.elapsed() + lastsMs, this.#mutedUntil.get(symbol) ?? 0))
          fake.mute(target)
        },
        // Of all that is muted: a day must not fill up with silence.
        end: () => fake.unmute(),
        lastsMs,
      },
      'mute until resubscribed': { begin: () => fake.mute(target, { until: 'resubscribed' }) },
      'mute until reconnected': {
        begin: () => {
          // As long as connections are refused it goes on, and a refusal lasts up to five minutes.
          const until = fake.clock.elapsed() + 5 * MINUTE_MS
          this.#mutedUntil.set(symbol, Math.max(until, this.#mutedUntil.get(symbol) ?? 0))
          fake.mute(target, { until: 'reconnected' })
        },
      },
      skip: { begin: () => fake.skip(target, 1 + this.#upTo(20)) },
      corrupt: { begin: () => fake.corrupt(this.#pick(CORRUPT_KINDS), target) },
      reorder: { begin: () => fake.reorder(symbol) },
      resend: { begin: () => fake.resend(symbol, 1 + this.#upTo(20)) },
      resetSequence: { begin: () => fake.resetSequence(symbol) },
      burst: { begin: () => fake.emitTrades(symbol, 100) },
    }
  }

  #faultsOfClock(): Record<string, Fault> {
    const { clock } = this.fake
    return {
      'clock set back': { begin: () => clock.stepWall(-1_000 - this.#upTo(6 * HOUR_MS)) },
      'clock set forward': { begin: () => clock.stepWall(1_000 + this.#upTo(6 * HOUR_MS)) },
    }
  }

  #faultsOfRest(): Record<string, Fault> {
    if (this.#isRestSpared) return {}
    const { fake } = this
    const lastsMs = 1_000 + this.#upTo(10 * MINUTE_MS)
    const end = (): void => fake.healRest()
    // Of the history alone, or of everything, so that nobody can tell either whether a market is quiet.
    const path = this.#random() < 0.5 ? { path: HISTORY } : {}
    return {
      'REST 503': { begin: () => fake.failRest(path), end, lastsMs },
      'REST cut': { begin: () => fake.failRest({ ...path, cut: true }), end, lastsMs },
      'REST 50011': { begin: () => fake.failRest({ ...path, code: '50011' }), end, lastsMs },
      'REST empty': { begin: () => fake.failRest({ ...path, empty: true }), end, lastsMs },
      'REST short': { begin: () => fake.failRest({ ...path, short: 1 + this.#upTo(5) }), end, lastsMs },
      'REST late': { begin: () => fake.restDelay(this.#upTo(20_000)), end, lastsMs },
    }
  }

  #upTo(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#upTo(items.length)]!
  }
}

test.each(seeds({ quick: 1, deep: 2 }))('a day of faults ends well (seed %i)', async (seed) => {
  rejections.length = 0
  const soak = new Soak(seed)
  await soak.day()
  const problems = soak.problems()
  if (isOneSeed) console.log(soak.tell(seed))
  problems.push(...(await soak.end()), ...rejections.map((reason) => `unhandled: ${String(reason)}`))
  expect(problems).toEqual([])
})

test('20 markets with one trade an hour, for hours under a manager: no restart, no repair, healthy at every look', async () => {
  const amount = 20
  const fake = createVirtualExchange({
    seed: 5,
    instruments: [],
    pairs: amount,
    tradesPerSecond: 0,
    bookUpdatesPerSecond: 0,
    historyMs: 1_000,
  })
  const symbols = fake.instruments.map(({ symbol }) => symbol)
  const { endpoints, ports } = fake
  const manager = new CollectorManager({ logger: silentLogger, ports })
  const logs = symbols.map((symbol) => {
    const collector = createOkxCollector({ symbol, dataTypes: ['trade', 'ticker'], endpoints, ports, logger: silentLogger })
    manager.addCollector(collector)
    return logTape(collector)
  })
  const unhealthy: string[] = []
  manager.on('health', (health) => unhealthy.push(...health.unhealthy.map(({ name, issues }) => `${name}: ${issues.join()}`)))
  let restarts = 0
  manager.on('collectorRestart', () => restarts++)
  expect(await inVirtualTime(fake.clock, manager.start())).toBe(true)
  for (let hour = size({ quick: 4, deep: 24 }); hour > 0; hour--) {
    for (const symbol of symbols) {
      await fake.clock.advance(HOUR_MS / amount)
      fake.trade(symbol)
    }
  }
  await fake.clock.advance(1_000)
  expect(unhealthy).toEqual([])
  expect(restarts).toBe(0)
  const { statistics, resources } = manager.getStatus()
  expect(statistics).toMatchObject({ runningCollectors: amount, restartsPerformed: 0, collectorRestarts: 0, reconnects: 0 })
  expect(resources.openSockets).toBe(1)
  for (const name of manager.listCollectors())
    for (const { repairs } of manager.getCollectorStatus(name)?.subscriptions ?? []) expect(repairs).toBe(0)
  for (const [index, symbol] of symbols.entries()) {
    expect(brokenAgainst(logs[index]!.pieces, fake.trades(symbol))).toBeUndefined()
    expect(logs[index]?.gaps).toEqual([])
  }
  await inVirtualTime(fake.clock, manager.stop())
  expect(fake.connections).toEqual([])
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})
