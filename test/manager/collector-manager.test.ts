import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BaseCollectorOptions } from '../../src/core/collector/base-options.ts'
import { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'
import type { ErrorCode } from '../../src/errors/consequence.ts'
import { CollectorManager } from '../../src/manager/collector-manager.ts'
import type { CollectorManagerOptions } from '../../src/manager/manager-options.ts'
import type { ManagerHealth } from '../../src/manager/manager-events.ts'
import { createOkxCollector } from '../../src/manager/okx-collector.ts'
import { silentLogger, type Logger, type LogLevel } from '../../src/ports/logger.ts'
import { createVirtualExchange } from '../../src/testing/create-virtual-exchange.ts'
import { brokenAgainst, logTape } from '../core/tape/tape-log.ts'
import { FakeSource } from '../support/fake-source.ts'
import { createTestWorld, inVirtualTime, type TestWorld } from '../support/test-ports.ts'

const HEARD = ['status', 'restart', 'error', 'gap'] as const

class Source extends FakeSource {
  complain(code: ErrorCode, message: string): void {
    this.reportError(new TapekeeperError(code, message))
  }
}

interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>> | undefined
}

function createLog(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const write =
    (level: LogLevel): Logger[LogLevel] =>
    (message, fields) =>
      void lines.push({ level, message, fields })
  return { lines, logger: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') } }
}

interface Setting {
  readonly world: TestWorld
  readonly manager: CollectorManager
  readonly lines: LogLine[]
  readonly source: (options?: Partial<BaseCollectorOptions>, change?: Partial<Source>) => Source
  /** A source that is in the manager. */
  readonly add: (name: string, change?: Partial<Source>, options?: Partial<BaseCollectorOptions>) => Source
  readonly vt: <T>(promise: Promise<T>, limitMs?: number) => Promise<T>
}

const settings: Setting[] = []

function setUp(options: CollectorManagerOptions = {}): Setting {
  const world = createTestWorld()
  const { logger, lines } = createLog()
  const manager = new CollectorManager({ logger, ports: world.ports, ...options })
  const source: Setting['source'] = (given = {}, change = {}) => Object.assign(new Source(given, world), change)
  const setting: Setting = {
    world,
    manager,
    lines,
    source,
    add: (name, change, given) => {
      const added = source({ componentName: name, ...given }, change)
      manager.addCollector(added)
      return added
    },
    vt: (promise, limitMs) => inVirtualTime(world.clock, promise, limitMs),
  }
  settings.push(setting)
  return setting
}

/** With two collectors, and running. */
async function running(options: CollectorManagerOptions = {}): Promise<Setting & { readonly a: Source; readonly b: Source }> {
  const setting = setUp(options)
  const [a, b] = [setting.add('a'), setting.add('b')]
  expect(await setting.vt(setting.manager.start())).toBe(true)
  return { ...setting, a, b }
}

/** Its loop and every connection after it fail, until the collector has given up. */
async function giveUp({ world }: Setting, source: Source): Promise<void> {
  Object.assign(source, { loopFails: true, connectFails: 'throw' })
  for (let passed = 0; source.status !== 'error' && passed < 600_000; passed += 1_000) await world.clock.advance(1_000)
  expect(source.status).toBe('error')
}

afterEach(async () => {
  for (const { manager, world, vt } of settings.splice(0)) {
    const collectors = manager.listCollectors().map((name) => manager.getCollector(name)!)
    await vt(manager.stop())
    expect(manager.status).toBe('stopped')
    expect(world.clock.pending).toBe(0)
    for (const name of manager.listCollectors()) await vt(manager.removeCollector(name))
    for (const collector of collectors)
      // The source listens to two of them itself.
      expect(HEARD.map((event) => collector.listenerCount(event))).toEqual([1, 0, 1, 0])
  }
})

describe('options', () => {
  test('a string is the name; there are defaults', () => {
    expect(new CollectorManager('mine').getStatus()).toMatchObject({ managerName: 'mine', globalHealthCheckInterval: 60 })
    expect(new CollectorManager().getStatus()).toMatchObject({ managerName: 'collector_manager', restartDelay: 5 })
  })

  test('restartDelayMs comes from the environment where it is not given', () => {
    vi.stubEnv('RECONNECT_DELAY', '7')
    expect(new CollectorManager().getStatus().restartDelay).toBe(7)
    expect(new CollectorManager({ restartDelayMs: 1_000 }).getStatus().restartDelay).toBe(1)
    vi.stubEnv('RECONNECT_DELAY', 'soon')
    expect(() => new CollectorManager()).toThrow(/^manager options: RECONNECT_DELAY is "soon"/)
    vi.unstubAllEnvs()
  })

  test('misspelt and wrong ones are refused', () => {
    expect(() => new CollectorManager({ restartDelay: 5 } as never)).toThrow(/did you mean "restartDelayMs"/)
    expect(() => new CollectorManager({ globalHealthCheckIntervalMs: 60 })).toThrow(/must be at least 100/)
    expect(() => new CollectorManager('')).toThrow(/managerName/)
  })
})

describe('addCollector', () => {
  test('names it by the config, else by its componentName', () => {
    const { manager, source } = setUp()
    manager.addCollector(source({ componentName: 'one' }))
    manager.addCollector(source({ componentName: 'one' }), { name: 'two' })
    expect(manager.listCollectors()).toEqual(['one', 'two'])
    expect(manager.getCollector('two')?.componentName).toBe('one')
    expect(manager.getCollector('three')).toBeUndefined()
  })

  test('a name that is taken, and the same collector twice, are refused with a way out', () => {
    const { manager, source } = setUp()
    const one = source()
    manager.addCollector(one)
    expect(() => manager.addCollector(source())).toThrow(/named 'fake_collector' already; give this one another name/)
    expect(() => manager.addCollector(one, { name: 'other' })).toThrow(/here already, as 'fake_collector'/)
    expect(manager.listCollectors()).toEqual(['fake_collector'])
  })

  test('a misspelt key is refused, and nothing was added or listened to', () => {
    const { manager, source } = setUp()
    const one = source()
    expect(() => manager.addCollector(one, { autoRestarts: true } as never)).toThrow(/did you mean "autoRestart"/)
    expect([manager.listCollectors(), one.listenerCount('gap')]).toEqual([[], 0])
  })

  test('supervision is applied; the rest describes, and a contradiction is logged', () => {
    const { manager, source, lines } = setUp()
    manager.addCollector(source(), {
      name: 'x',
      exchange: 'okx',
      symbols: ['ABC-USD'],
      dataTypes: ['ticker', 'trade'],
      autoRestart: false,
      maxSilenceDurationMs: 7_000,
    })
    expect(manager.getCollectorStatus('x')).toMatchObject({ autoRestart: false, health: { maxSilenceDuration: 7 } })
    expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      'warn: exchange is okx in the config but fake in the collector, which prevails',
      'warn: dataTypes is ticker, trade in the config but trade in the collector, which prevails',
    ])
  })

  test('to a running manager starts it, unless it is disabled', async () => {
    const { manager, source, world } = await running()
    const [late, off] = [source(), source()]
    manager.addCollector(late, { name: 'late' })
    manager.addCollector(off, { name: 'off', enabled: false })
    await world.clock.advance(1_000)
    expect([late.status, off.status]).toEqual(['running', 'stopped'])
  })
})

describe('start', () => {
  test('starts all enabled ones at once', async () => {
    const { manager, world, add, source, vt } = setUp()
    const statuses: string[] = []
    manager.on('status', ({ from, to }) => statuses.push(`${from} ${to}`))
    const sources = Array.from({ length: 50 }, (_, i) => add(`s${i}`))
    const off = source()
    manager.addCollector(off, { name: 'off', enabled: false })
    const before = world.clock.now()
    expect(await vt(manager.start())).toBe(true)
    expect(world.clock.now() - before).toBe(20)
    expect(sources.every(({ status }) => status === 'running')).toBe(true)
    expect([off.status, manager.getRunningCollectors().length, statuses]).toEqual([
      'stopped',
      50,
      ['stopped starting', 'starting running'],
    ])
  })

  test('calls while starting share one result; a call while running says so', async () => {
    const { manager, add, vt } = setUp()
    const a = add('a')
    const [one, two] = [manager.start(), manager.start()]
    expect(one).toBe(two)
    expect([await vt(one), await vt(manager.start())]).toEqual([true, true])
    expect(a.calls.filter((call) => call === 'connect')).toHaveLength(1)
  })

  test('one that fails, one that throws and one that hangs disturb nobody', async () => {
    class Thrower extends Source {
      override start(): never {
        throw new Error('not today')
      }
    }
    const { manager, world, add, vt, lines } = setUp({ startDeadlineMs: 20_000 })
    add('bad', { connectFails: 'false' })
    add('hung', { hangs: 'connect' })
    manager.addCollector(new Thrower({}, world), { name: 'thrower' })
    const good = add('good')
    const start = manager.start()
    await world.clock.advance(1_000)
    expect([good.status, manager.status]).toEqual(['running', 'starting'])
    expect(await vt(start)).toBe(false)
    expect([manager.status, manager.getFailedCollectors()]).toEqual(['running', ['bad', 'hung', 'thrower']])
    expect(lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      'not up in time; not waited for any more',
      '3 collectors are not up',
    ])
    expect(lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual(['not today'])
  })

  test('what failed to start is tried again', async () => {
    const { manager, world, add, vt } = setUp()
    const a = add('a', { connectFails: 'throw' })
    expect(await vt(manager.start())).toBe(false)
    a.connectFails = undefined
    await world.clock.advance(70_000)
    expect([a.status, manager.getStatus().statistics.restartsPerformed]).toEqual(['running', 1])
  })

  test('also one whose start threw, until it does not', async () => {
    let throws = true
    class Thrower extends Source {
      override start(): Promise<boolean> {
        if (throws) throw new Error('not yet')
        return super.start()
      }
    }
    const { manager, world, vt } = setUp()
    const thrower = new Thrower({}, world)
    manager.addCollector(thrower)
    expect(await vt(manager.start())).toBe(false)
    throws = false
    await world.clock.advance(70_000)
    expect([thrower.status, manager.getFailedCollectors()]).toEqual(['running', []])
  })

  test('without collectors is true', async () => {
    const { manager, vt } = setUp()
    expect(await vt(manager.start())).toBe(true)
  })

  test('while one is disabled counts without it', async () => {
    const { manager, add, vt, world } = setUp()
    add('a')
    add('slow', { connectMs: 10_000 })
    const start = manager.start()
    await world.clock.advance(100)
    void manager.disableCollector('slow')
    expect(await vt(start)).toBe(true)
  })
})

describe('stop', () => {
  test('stops all at once, is idempotent, and can be followed by a start', async () => {
    const { manager, a, b, vt } = await running()
    const [one, two] = [manager.stop(), manager.stop()]
    expect(one).toBe(two)
    await vt(one)
    expect([a.status, b.status, manager.status]).toEqual(['stopped', 'stopped', 'stopped'])
    await vt(manager.stop())
    expect(await vt(manager.start())).toBe(true)
    expect([a.status, manager.status]).toEqual(['running', 'running'])
  })

  test('ends a start that is under way', async () => {
    const { manager, add, vt, world } = setUp()
    const a = add('a', { connectMs: 10_000 })
    const start = manager.start()
    await world.clock.advance(100)
    const stop = manager.stop()
    expect(await start).toBe(false)
    await vt(stop)
    expect([a.status, a.connected, manager.status, world.clock.pending]).toEqual(['stopped', 0, 'stopped', 0])
  })

  test('answers a start that will never be answered by its collector', async () => {
    class Deaf extends Source {
      override start(): Promise<boolean> {
        return new Promise(() => undefined)
      }
    }
    const { manager, vt, world } = setUp()
    manager.addCollector(new Deaf({}, world))
    const start = manager.start()
    await world.clock.advance(100)
    await vt(manager.stop())
    expect(world.clock.pending).toBe(0)
    expect(await start).toBe(false)
  })

  test('start, stop, start: the last word counts; stop, start, stop too', async () => {
    const { manager, a, vt, world } = await running()
    const stop = manager.stop()
    const start = manager.start()
    expect(await vt(start)).toBe(true)
    await stop
    expect([a.status, manager.status]).toEqual(['running', 'running'])
    void manager.stop()
    const late = manager.start()
    await vt(manager.stop())
    expect(await late).toBe(false)
    await world.clock.advance(1_000)
    expect([a.status, manager.status]).toEqual(['stopped', 'stopped'])
  })

  test('with force from the deadline on', async () => {
    const { manager, a, b, world, vt } = await running()
    a.hangs = 'unsubscribe'
    const before = world.clock.now()
    await vt(manager.stop({ deadlineMs: 2_000 }))
    expect([a.status, b.status, world.clock.now() - before]).toEqual(['stopped', 'stopped', 2_000])
  })

  test('a later call brings the deadline nearer, or forces', async () => {
    const { manager, a, b, world } = await running()
    a.hangs = b.hangs = 'unsubscribe'
    const polite = manager.stop()
    await world.clock.advance(500)
    expect(manager.stop({ deadlineMs: 500 })).toBe(polite)
    await world.clock.advance(400)
    expect(a.status).toBe('stopping')
    await manager.stop({ force: true })
    await polite
    expect([a.status, b.status, world.clock.pending]).toEqual(['stopped', 'stopped', 0])
  })

  test('one that hangs even so is left behind; one that throws too', async () => {
    class Hung extends Source {
      override stop(): Promise<void> {
        return new Promise(() => undefined)
      }
    }
    class Thrower extends Source {
      override stop(): never {
        throw new Error('never')
      }
    }
    const { manager, world } = setUp({ logger: silentLogger })
    const [hung, thrower, good] = [new Hung({}, world), new Thrower({}, world), new Source({}, world)]
    for (const [i, source] of [hung, thrower, good].entries()) manager.addCollector(source, { name: `${i}` })
    await inVirtualTime(world.clock, manager.start())
    const before = world.clock.now()
    await inVirtualTime(world.clock, manager.stop({ deadlineMs: 3_000 }))
    expect([good.status, manager.status, world.clock.now() - before]).toEqual(['stopped', 'stopped', 4_000])
    await Promise.all([hung, thrower].map((source) => FakeSource.prototype.stop.call(source, true)))
    expect(manager.getStatus().statistics.failedCollectors).toBe(0)
    settings.pop()
  })

  test('before the start does nothing', async () => {
    const { manager, add, vt } = setUp()
    const a = add('a')
    await vt(manager.stop())
    expect([a.calls, manager.status]).toEqual([[], 'stopped'])
  })

  test('from within a listener, in the very tick of the start', async () => {
    const { manager, add, vt, world } = setUp()
    const a = add('a')
    manager.once('status', () => void manager.stop())
    expect(await vt(manager.start())).toBe(false)
    await world.clock.advance(1_000)
    expect([a.calls, manager.status]).toEqual([[], 'stopped'])
  })

  test('await using disposes', async () => {
    const { manager, a, vt } = await running()
    await vt(manager[Symbol.asyncDispose]())
    expect([a.status, manager.status]).toEqual(['stopped', 'stopped'])
  })
})

describe('the signal', () => {
  test('stops the manager when it aborts, and leaves no listener behind', async () => {
    const { signal } = new AbortController()
    const listeners = new Set<() => void>()
    signal.addEventListener = (_type: string, listener: unknown) => void listeners.add(listener as () => void)
    signal.removeEventListener = (_type: string, listener: unknown) => void listeners.delete(listener as () => void)
    const { manager, a, vt, world } = await running({ signal })
    expect(listeners.size).toBe(1)
    await vt(manager.stop())
    expect(listeners.size).toBe(0)
    await vt(manager.start())
    for (const abort of listeners) abort()
    await world.clock.advance(1_000)
    expect([a.status, manager.status, listeners.size]).toEqual(['stopped', 'stopped', 0])
  })

  test('aborted before: start is refused', async () => {
    const { manager, add, vt, lines } = setUp({ signal: AbortSignal.abort() })
    const a = add('a')
    expect(await vt(manager.start())).toBe(false)
    expect([a.calls, manager.status, lines.at(-1)?.level]).toEqual([[], 'stopped', 'error'])
  })
})

describe('members', () => {
  test('disable stops one, enable starts it again; unknown names are false', async () => {
    const { manager, a, b, vt } = await running()
    expect(await vt(manager.disableCollector('a'))).toBe(true)
    expect([a.status, b.status, manager.getFailedCollectors()]).toEqual(['stopped', 'running', []])
    expect(await vt(manager.enableCollector('a'))).toBe(true)
    expect(a.status).toBe('running')
    expect([await manager.enableCollector('x'), await manager.disableCollector('x'), await manager.removeCollector('x')]).toEqual(
      [false, false, false],
    )
  })

  test('enabling in a stopped manager starts nothing', async () => {
    const { manager, source, vt } = setUp()
    const a = source()
    manager.addCollector(a, { name: 'a', enabled: false })
    expect(await vt(manager.enableCollector('a'))).toBe(true)
    expect([a.calls, manager.getStatus().collectors['a']?.enabled]).toEqual([[], true])
  })

  test('enable overtakes a disable that is under way', async () => {
    const { manager, a, vt, world } = await running()
    a.hangs = 'unsubscribe'
    const disabled = manager.disableCollector('a')
    await world.clock.advance(100)
    a.hangs = undefined
    expect(await vt(manager.enableCollector('a'))).toBe(true)
    await disabled
    await world.clock.advance(60_000)
    expect(a.status).toBe('running')
  })

  test('remove stops it and lets it go; the name is free', async () => {
    const { manager, a, vt, add, world } = await running()
    const removed = vi.fn()
    manager.on('collectorRemoved', removed)
    const leaving = manager.removeCollector('a')
    const other = add('a')
    expect(await vt(leaving)).toBe(true)
    expect([a.status, HEARD.map((event) => a.listenerCount(event))]).toEqual(['stopped', [1, 0, 1, 0]])
    expect(removed).toHaveBeenCalledWith({ collector: 'a' })
    expect(manager.getCollector('a')).toBe(other)
    await world.clock.advance(100)
    expect(other.status).toBe('running')
  })

  test('one that is removed and added again is not stopped by what is left of the removal', async () => {
    const { manager, a, world } = await running({ stopDeadlineMs: 3_000 })
    a.hangs = 'unsubscribe'
    void manager.removeCollector('a')
    await world.clock.advance(100)
    a.hangs = undefined
    manager.addCollector(a)
    await world.clock.advance(60_000)
    expect([a.status, HEARD.map((event) => a.listenerCount(event))]).toEqual(['running', [2, 1, 2, 1]])
  })

  test('stop also ends the removals under way', async () => {
    const { manager, a, world } = await running()
    a.hangs = 'unsubscribe'
    void manager.removeCollector('a')
    await world.clock.advance(100)
    await manager.stop({ force: true })
    expect([a.status, world.clock.pending]).toEqual(['stopped', 0])
  })
})

describe('restart', () => {
  test('of one is immediate; false for who is unknown or disabled, and in a stopped manager', async () => {
    const { manager, a, vt } = await running()
    const restarts = vi.fn()
    manager.on('collectorRestart', restarts)
    expect(await vt(manager.restartCollector('a'))).toBe(true)
    expect(restarts).toHaveBeenCalledWith(expect.objectContaining({ collector: 'a', trigger: 'manual' }))
    await vt(manager.disableCollector('a'))
    expect([await manager.restartCollector('a'), await manager.restartCollector('x')]).toEqual([false, false])
    await vt(manager.enableCollector('a'))
    await vt(manager.stop())
    expect([await manager.restartCollector('a'), await manager.restartAllCollectors()]).toEqual([false, {}])
    expect([a.status, manager.getStatus().statistics.restartsPerformed]).toEqual(['stopped', 1])
  })

  test('of all is paced', async () => {
    const { manager, world, add, vt } = setUp()
    for (let i = 0; i < 40; i++) add(`s${i}`)
    await vt(manager.start())
    const before = world.clock.now()
    const at: number[] = []
    manager.on('collectorRestart', (notice) => at.push(notice.at - before))
    const all = await vt(manager.restartAllCollectors(), 600_000)
    expect(Object.values(all).filter(Boolean)).toHaveLength(40)
    expect(at).toHaveLength(40)
    expect(at[0]).toBe(0)
    const gaps = at.slice(1).map((time, i) => time - at[i]!)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_250)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3_750)
  })

  test('those that have not had their turn are dropped: disabled, removed, stopped', async () => {
    const { manager, world, add, vt } = setUp()
    for (const name of ['a', 'b', 'c', 'd', 'e']) add(name)
    await vt(manager.start())
    const all = manager.restartAllCollectors()
    await world.clock.advance(100)
    void manager.disableCollector('b')
    void manager.removeCollector('c')
    await world.clock.advance(100)
    void manager.stop()
    expect(await vt(all)).toEqual({ a: true, b: false, c: false, d: false, e: false })
  })
})

describe('health', () => {
  test('every interval a report; the log says what is new, once', async () => {
    const setting = await running({ globalHealthCheckIntervalMs: 10_000, restartDelayMs: 1_000_000 })
    const { manager, world, a, lines } = setting
    const reports: ManagerHealth[] = []
    manager.on('health', (health) => reports.push(health))
    await world.clock.advance(10_000)
    expect(reports).toMatchObject([{ isHealthy: true, healthy: 2, unhealthy: [] }])
    await giveUp(setting, a)
    await world.clock.advance(40_000)
    expect(reports.at(-1)).toMatchObject({ isHealthy: false, healthy: 1, unhealthy: [{ name: 'a', status: 'error' }] })
    expect(reports.at(-1)?.unhealthy[0]?.issues).toEqual(['the collector is in the error state'])
    expect(JSON.parse(JSON.stringify(reports))).toEqual(reports)
    expect(lines.filter(({ message }) => message === '1 newly unhealthy')).toHaveLength(1)
    Object.assign(a, { loopFails: false, connectFails: undefined })
    await setting.vt(a.start())
    await world.clock.advance(20_000)
    expect(lines.filter(({ message, level }) => level === 'info' && message === '1 healthy again')).toHaveLength(1)
  })

  test('a collector that has given up is revived without end, ever later, and through the queue', async () => {
    const setting = await running()
    const { manager, world, a, b } = setting
    await giveUp(setting, a)
    const from = world.clock.now()
    const at: number[] = []
    manager.on('collectorRestart', (notice) => {
      if (notice.trigger === 'error-state' && notice.attempt === 0) at.push(notice.at - from)
    })
    await world.clock.advance(4 * 3_600_000)
    const hours = [0, 1, 2, 3].map((hour) => at.filter((time) => Math.floor(time / 3_600_000) === hour).length)
    expect(hours[0]).toBeGreaterThan(10)
    // The ceiling of the delay is five minutes, to which the wait for the next look is added.
    for (const count of hours) expect(count).toBeGreaterThanOrEqual(8)
    expect(hours[3]).toBeLessThan(60)
    Object.assign(a, { loopFails: false, connectFails: undefined })
    await world.clock.advance(400_000)
    expect([a.status, b.status, manager.getFailedCollectors()]).toEqual(['running', 'running', []])
  })

  test('after an outage of all they come back a few at a time', async () => {
    const { manager, world, add, vt } = setUp()
    const sources = Array.from({ length: 60 }, (_, i) => add(`s${i}`, { connectFails: 'throw' }))
    expect(await vt(manager.start())).toBe(false)
    for (const source of sources) source.connectFails = undefined
    const at: number[] = []
    manager.on('collectorRestart', (notice) => at.push(notice.at))
    await world.clock.advance(60_000 + 120_000)
    expect(at).toHaveLength(60)
    expect(manager.getRunningCollectors()).toHaveLength(60)
    const busiest = Math.max(...at.map((time) => at.filter((other) => other >= time && other < time + 5_000).length))
    expect(busiest).toBeLessThanOrEqual(8)
  })

  test.each<ErrorCode>(['AUTH_FAILED', 'SYMBOL_UNKNOWN', 'CONFIG_INVALID'])(
    'not after %s, which trying again cannot mend; the log says so once',
    async (code) => {
      const { manager, world, add, vt, lines } = setUp()
      const a = add('a', { connectFails: 'false' })
      await vt(manager.start())
      a.complain(code, 'wrong for good')
      await world.clock.advance(600_000)
      expect(a.calls.filter((call) => call === 'connect')).toHaveLength(1)
      expect(manager.getFailedCollectors()).toEqual(['a'])
      const said = lines.filter(({ message }) => message.startsWith('not restarted'))
      expect(said).toMatchObject([
        { level: 'error', message: 'not restarted, because that cannot help: wrong for good', fields: { code } },
      ])
    },
  )

  test('not without autoRestart, not when stopped by hand, not when disabled', async () => {
    const { manager, world, add, vt } = setUp()
    const fixed = add('fixed', { connectFails: 'false' }, { autoRestart: false })
    const [byHand, off] = [add('by hand'), add('off', { connectFails: 'false' })]
    await vt(manager.start())
    await vt(byHand.stop())
    await vt(manager.disableCollector('off'))
    await world.clock.advance(600_000)
    const dials = [fixed, byHand, off].map(({ calls }) => calls.filter((call) => call === 'connect').length)
    expect([dials, manager.getFailedCollectors()]).toEqual([[1, 1, 1], ['fixed']])
  })

  test('one that was stopped by hand while it waited for its turn is left alone', async () => {
    const { manager, world, add, vt } = setUp({ restartDelayMs: 200_000 })
    const a = add('a', { connectFails: 'false' })
    await vt(manager.start())
    await world.clock.advance(60_001)
    await vt(a.stop())
    await world.clock.advance(600_000)
    expect([a.status, a.calls.filter((call) => call === 'connect').length]).toEqual(['stopped', 1])
  })

  test('one that cannot say how it is: an error with an issue, and no harm to the others', async () => {
    class Mute extends Source {
      isMute = true
      override getStatus(): ReturnType<Source['getStatus']> {
        if (this.isMute) throw new Error('mute')
        return super.getStatus()
      }
      override getSummary(): ReturnType<Source['getSummary']> {
        if (this.isMute) throw new Error('mute')
        return super.getSummary()
      }
    }
    const { manager, world, add, vt } = setUp()
    add('a')
    manager.addCollector(new Mute({}, world), { name: 'mute' })
    expect(await vt(manager.start())).toBe(true)
    const reports: ManagerHealth[] = []
    manager.on('health', (health) => reports.push(health))
    await world.clock.advance(60_000)
    expect(reports[0]).toMatchObject({ healthy: 1, unhealthy: [{ name: 'mute', issues: ['getSummary() failed: mute'] }] })
    expect(manager.getStatus().collectors).toMatchObject({
      a: { status: 'running', isHealthy: true, issues: [] },
      mute: { status: 'error', isHealthy: false, issues: ['getSummary() failed: mute'] },
    })
    expect(manager.getCollectorStatus('mute')).toBeUndefined()
    // It runs: that it cannot say so is no reason to restart it.
    await world.clock.advance(600_000)
    expect(manager.getStatus().statistics.restartsPerformed).toBe(0)
  })
})

describe('errors', () => {
  test('nobody listens: the manager logs them, as the collector would', async () => {
    class Unheard extends Source {
      /** Its own listener is for the tests alone. */
      override listenerCount(event: Parameters<Source['listenerCount']>[0]): number {
        return super.listenerCount(event) - (event === 'error' ? 1 : 0)
      }
    }
    const { world, vt, lines, manager } = await running()
    const unheard = new Unheard({ componentName: 'unheard' }, world)
    manager.addCollector(unheard)
    unheard.complain('REST_FAILED', 'no answer')
    expect(lines.at(-1)).toEqual({
      level: 'error',
      message: 'no answer',
      fields: { component: 'unheard', code: 'REST_FAILED', consequence: 'back-off' },
    })
    await vt(manager.removeCollector('unheard'))
  })

  test('somebody listens, here or there: nothing is logged', async () => {
    const { a, lines, manager } = await running()
    const before = lines.length
    a.complain('REST_FAILED', 'the source listens itself')
    const heard = vi.fn()
    manager.on('collectorError', heard)
    a.complain('REST_FAILED', 'no answer')
    expect(heard).toHaveBeenCalledExactlyOnceWith({ collector: 'a', error: a.lastError })
    expect(lines).toHaveLength(before)
  })

  test('a listener that throws stops neither the others nor the manager, and is logged once', async () => {
    const { a, lines, manager } = await running()
    const heard = vi.fn()
    manager.on('collectorError', () => {
      throw new Error('listener')
    })
    manager.on('collectorError', heard)
    a.complain('REST_FAILED', 'one')
    a.complain('REST_FAILED', 'two')
    expect(heard).toHaveBeenCalledTimes(2)
    expect(lines.filter(({ message }) => message.includes('listener'))).toHaveLength(1)
  })

  test('on, once and off', async () => {
    const { a, manager } = await running()
    const [always, once, never] = [vi.fn(), vi.fn(), vi.fn()]
    manager.on('collectorError', always).once('collectorError', once).on('collectorError', never).off('collectorError', never)
    a.complain('REST_FAILED', 'one')
    a.complain('REST_FAILED', 'two')
    expect([always, once, never].map((listener) => listener.mock.calls.length)).toEqual([2, 1, 0])
  })
})

describe('getStatus', () => {
  test('is plain data and adds up', async () => {
    const { manager, world, a, b, source } = await running()
    manager.addCollector(source(), { name: 'off', enabled: false })
    await world.clock.advance(61_500)
    a.complain('REST_FAILED', 'no answer')
    const status = manager.getStatus()
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
    const received = [a, b].map((one) => one.getStatus().statistics.messagesReceived)
    expect(status).toMatchObject({
      managerName: 'collector_manager',
      status: 'running',
      startedTime: '2026-11-22T00:00:00.000Z',
      uptimeSeconds: 61.52,
      globalHealthCheckInterval: 60,
      restartDelay: 5,
      statistics: {
        totalCollectors: 3,
        enabledCollectors: 2,
        runningCollectors: 2,
        failedCollectors: 0,
        healthyCollectors: 2,
        restartsPerformed: 0,
        collectorRestarts: 0,
        lastGlobalCheck: '2026-11-22T00:01:00.000Z',
        messagesReceived: received[0]! + received[1]!,
        messagesProcessed: received[0]! + received[1]!,
        bytesReceived: 0,
        errors: 1,
        reconnects: 0,
        gaps: 0,
        missingTrades: 0,
        streamDropped: 0,
      },
      resources: { eventLoopDelayMs: 0, maxEventLoopDelayMs: 0, openSockets: 0 },
      collectors: {
        a: { exchange: 'fake', status: 'running', enabled: true, isHealthy: true, symbols: ['ABC-USD'], errors: 1, restarts: 0 },
        off: { status: 'stopped', enabled: false, messagesReceived: 0, timeSinceData: null },
      },
    })
    expect(status.resources.heapUsedBytes).toBeGreaterThan(1e6)
  })

  test('before the start', () => {
    const { manager, add } = setUp()
    add('a')
    expect(manager.getStatus()).toMatchObject({
      status: 'stopped',
      startedTime: null,
      uptimeSeconds: 0,
      statistics: { lastGlobalCheck: null, failedCollectors: 0 },
      resources: { eventLoopDelayMs: null, maxEventLoopDelayMs: null },
    })
  })

  test('where the platform does not tell of its heap', () => {
    const { manager } = setUp()
    vi.stubGlobal('process', undefined)
    const { heapUsedBytes } = manager.getStatus().resources
    vi.unstubAllGlobals()
    expect(heapUsedBytes).toBeNull()
  })
})

describe('with collectors of OKX', () => {
  test('starts, shares sockets, passes on what it hears, survives a cut, restarts and stops', async () => {
    const symbols = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT']
    const fake = createVirtualExchange({ seed: 3, instruments: symbols, tradesPerSecond: 5, historyMs: 1_000 })
    const later = <T>(promise: Promise<T>): Promise<T> => inVirtualTime(fake.clock, promise, 300_000)
    const manager = new CollectorManager({ managerName: 'okx', ports: fake.ports, logger: silentLogger })
    const changes: string[] = []
    manager.on('collectorStatus', ({ collector, to }) => changes.push(`${collector} ${to}`))
    const common = { endpoints: fake.endpoints, ports: fake.ports, logger: silentLogger }
    const collectors = symbols.map((symbol) => createOkxCollector({ symbol, dataTypes: ['trade', 'ticker'], ...common }))
    const logs = collectors.map((collector) => logTape(collector))
    for (const [i, collector] of collectors.entries())
      manager.addCollector(collector, { exchange: 'okx', symbols: [symbols[i]!], dataTypes: ['ticker', 'trade'] })
    expect(await later(manager.start())).toBe(true)
    expect(changes).toContain('okx_ETH-USDT running')
    await fake.clock.advance(10_000)
    const { statistics, resources, collectors: rows } = manager.getStatus()
    expect(statistics).toMatchObject({ runningCollectors: 3, healthyCollectors: 3, errors: 0, missingTrades: 0 })
    expect(statistics.messagesReceived).toBe(Object.values(rows).reduce((sum, one) => sum + one.messagesReceived, 0))
    expect([statistics.messagesReceived > 100, statistics.bytesReceived > 1e4, resources.openSockets]).toEqual([true, true, 1])

    // Long enough for every market to trade meanwhile.
    fake.refuse({ status: 503, forMs: 2_000 })
    expect(fake.drop()).toBe(1)
    await fake.clock.advance(5)
    expect(manager.getRunningCollectors()).toHaveLength(3)
    expect(manager.getStatus().statistics).toMatchObject({ healthyCollectors: 0, reconnects: 3, failedCollectors: 0 })
    await fake.clock.advance(20_000)
    for (const symbol of symbols) fake.setTradesPerSecond(symbol, 0)
    await fake.clock.advance(5_000)
    for (const [i, symbol] of symbols.entries()) expect(brokenAgainst(logs[i]!.pieces, fake.trades(symbol))).toBeUndefined()
    expect(logs.every(({ gaps, trades }) => gaps.length === 0 && trades.some(({ data }) => data.backfilled))).toBe(true)
    expect(manager.getStatus().statistics).toMatchObject({ healthyCollectors: 3, missingTrades: 0, collectorRestarts: 0 })

    const all = await later(manager.restartAllCollectors())
    expect(all).toEqual({ 'okx_BTC-USDT': true, 'okx_ETH-USDT': true, 'okx_SOL-USDT': true })
    expect(manager.getStatus().statistics).toMatchObject({ restartsPerformed: 3, collectorRestarts: 3, runningCollectors: 3 })
    await later(manager.stop())
    expect([manager.getRunningCollectors(), manager.getStatus().resources.openSockets]).toEqual([[], 0])
    await fake.close()
    expect(fake.clock.pending).toBe(0)
  })
})
