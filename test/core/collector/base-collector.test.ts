import { afterEach, describe, expect, expectTypeOf, test, vi } from 'vitest'
import type { BaseCollectorOptions } from '../../../src/core/collector/base-options.ts'
import { canFollow, type CollectorStatus } from '../../../src/core/collector/collector-state.ts'
import type { RestartNotice } from '../../../src/core/collector/events.ts'
import type { DecimalString } from '../../../src/domain/decimal.ts'
import { silentLogger, type Logger } from '../../../src/ports/logger.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import fc from '../../support/fast-check.ts'
import { FakeSource } from '../../support/fake-source.ts'
import { createTestWorld, inVirtualTime } from '../../support/test-ports.ts'

const sources: FakeSource[] = []

function setUp(options: Partial<BaseCollectorOptions> = {}): FakeSource {
  const source = new FakeSource(options)
  sources.push(source)
  return source
}

/** Waits in virtual time. */
const vt = <T>(source: FakeSource, promise: Promise<T>): Promise<T> => inVirtualTime(source.world.clock, promise)

async function started(options: Partial<BaseCollectorOptions> = {}, change: Partial<FakeSource> = {}): Promise<FakeSource> {
  const source = Object.assign(setUp(options), change)
  expect(await vt(source, source.start())).toBe(true)
  return source
}

function expectLegal(statuses: readonly CollectorStatus[]): void {
  let from: CollectorStatus = 'stopped'
  for (const to of statuses) {
    expect(canFollow(from, to), `${from} -> ${to}`).toBe(true)
    from = to
  }
}

afterEach(async () => {
  for (const source of sources.splice(0)) {
    await vt(source, source.stop())
    expectLegal(source.statuses)
    expect(source.status).toBe('stopped')
    expect(source.connected).toBe(0)
    expect(source.world.clock.pending).toBe(0)
  }
})

describe('start', () => {
  test('connects, subscribes, runs', async () => {
    const source = setUp({ symbols: ['ABC-USD', 'XYZ-USD'] })
    expect(source.status).toBe('stopped')
    expect(await vt(source, source.start())).toBe(true)
    expect(source.calls).toEqual(['connect', 'subscribe ABC-USD,XYZ-USD'])
    expect(source.statuses).toEqual(['starting', 'running'])
  })

  test('calls while starting share one result; a call while running says so', async () => {
    const source = setUp()
    const [one, two] = [source.start(), source.start()]
    expect(one).toBe(two)
    expect(await vt(source, one)).toBe(true)
    expect(await vt(source, source.start())).toBe(true)
    expect(source.calls).toEqual(['connect', 'subscribe ABC-USD'])
  })

  test.each([
    ['connect throws', { connectFails: 'throw' }, 'connect'],
    ['connect says no', { connectFails: 'false' }, 'connect() returned false'],
    ['subscribe throws', { subscribeFails: 'throw' }, 'subscribe'],
    ['subscribe says no', { subscribeFails: 'false' }, 'subscribeToData() returned false'],
  ] as const)('%s: false, error, disconnected, and it can be tried again', async (_name, fault, message) => {
    const source = Object.assign(setUp(), fault)
    expect(await vt(source, source.start())).toBe(false)
    expect(source.statuses).toEqual(['starting', 'error'])
    expect(source.lastError).toMatchObject({ code: 'COLLECTOR_FAILED', message })
    expect(source.connected).toBe(0)
    expect(source.calls.at(-1)).toBe('disconnect')
    expect(source.world.clock.pending).toBe(0)
    Object.assign(source, { connectFails: undefined, subscribeFails: undefined })
    expect(await vt(source, source.start())).toBe(true)
  })
})

describe('stop', () => {
  test('unsubscribes, disconnects, and is idempotent', async () => {
    const source = await started()
    const [one, two] = [source.stop(), source.stop()]
    expect(one).toBe(two)
    await vt(source, one)
    await vt(source, source.stop())
    expect(source.calls.slice(2)).toEqual(['unsubscribe ABC-USD', 'disconnect'])
    expect(source.statuses).toEqual(['starting', 'running', 'stopping', 'stopped'])
    expect(source.getStatus()).toMatchObject({ status: 'stopped', shouldBeRunning: false })
  })

  test('before the start does nothing', async () => {
    const source = setUp()
    await vt(source, source.stop())
    expect([source.calls, source.statuses]).toEqual([[], []])
  })

  test.each([0, 5, 10, 15, 20, 21])('%i ms into the start: nothing stays behind', async (ms) => {
    const source = setUp()
    const start = source.start()
    await source.world.clock.advance(ms)
    const stop = source.stop()
    await vt(source, stop)
    expect(await vt(source, start)).toBe(ms >= 20)
    expect([source.status, source.connected, source.world.clock.pending]).toEqual(['stopped', 0, 0])
    expect(source.faults).toEqual([])
  })

  test('never rejects, whatever the source does', async () => {
    const source = await started({}, { unsubscribeFails: true, disconnectFails: true })
    await expect(vt(source, source.stop())).resolves.toBeUndefined()
    expect(source.faults.map(({ message }) => message)).toEqual(['unsubscribe', 'disconnect'])
    expect(source.status).toBe('stopped')
  })

  test('with force waits for nothing', async () => {
    const source = await started({}, { hangs: 'unsubscribe' })
    await source.stop(true)
    expect(source.status).toBe('stopped')
  })

  test('with force after a polite one that hangs', async () => {
    const source = await started({}, { hangs: 'unsubscribe' })
    const polite = source.stop()
    await source.world.clock.advance(1_000)
    expect(source.status).toBe('stopping')
    await source.stop(true)
    await polite
    expect([source.status, source.world.clock.pending]).toEqual(['stopped', 0])
  })

  test('with force while a restart hangs', async () => {
    const source = await started({}, { hangs: 'unsubscribe' })
    const restart = source.restart()
    await source.world.clock.advance(100)
    await source.stop(true)
    expect(await restart).toBe(false)
    expect([source.status, source.world.clock.pending]).toEqual(['stopped', 0])
    // The force is used up: the next run is restarted politely.
    source.hangs = undefined
    expect(await vt(source, source.start())).toBe(true)
    const calls = source.calls.length
    await vt(source, source.restart())
    expect(source.calls[calls]).toBe('unsubscribe ABC-USD')
  })

  test('a start that was left behind does not take the next run down', async () => {
    let release: () => void = () => undefined
    class Slow extends FakeSource {
      first = true
      protected override async connect(signal: AbortSignal): Promise<boolean> {
        if (!this.first) return super.connect(signal)
        this.first = false
        await new Promise<void>((resolve) => (release = resolve))
        return true
      }
    }
    const source = new Slow()
    sources.push(source)
    void source.start()
    await source.world.clock.advance(100)
    await vt(source, source.stop())
    expect(await vt(source, source.start())).toBe(true)
    const calls = source.calls.length
    release()
    await source.world.clock.advance(100)
    expect(source.calls.slice(calls)).toEqual([])
    expect([source.status, source.connected]).toEqual(['running', 1])
  })

  test.each(['connect', 'unsubscribe', 'disconnect'] as const)('is over some day, though %s hangs', async (hangs) => {
    const source = setUp()
    source.hangs = hangs
    void source.start()
    await source.world.clock.advance(1_000)
    await vt(source, source.stop())
    expect(source.status).toBe('stopped')
  })

  test('waits for a loop that does not heed its signal, but not for ever', async () => {
    class Deaf extends FakeSource {
      protected override handleMessages(): Promise<void> {
        return new Promise(() => undefined)
      }
    }
    const source = new Deaf()
    await vt(source, source.start())
    const before = source.world.clock.now()
    await vt(source, source.stop())
    expect(source.world.clock.now() - before).toBe(5_000)
    expect(source.status).toBe('stopped')
  })

  test('from within a callback', async () => {
    const source = await started()
    let calls = 0
    source.addDataCallback('trade', () => {
      calls++
      void source.stop()
    })
    await source.world.clock.advance(10_000)
    expect([source.status, calls, source.world.clock.pending]).toEqual(['stopped', 1, 0])
  })

  test('and start again from within a listener', async () => {
    const source = await started()
    source.on('status', ({ to }) => {
      if (to === 'stopped' && source.statuses.length < 6) void source.start()
    })
    void source.stop()
    await source.world.clock.advance(1_000)
    expect(source.status).toBe('running')
  })

  test('await using disposes', async () => {
    const source = await started()
    await vt(source, source[Symbol.asyncDispose]())
    expect(source.status).toBe('stopped')
  })
})

describe('the signal', () => {
  test('stops the collector when it aborts', async () => {
    const control = new AbortController()
    const source = await started({ signal: control.signal })
    control.abort()
    await source.world.clock.advance(100)
    expect([source.status, source.world.clock.pending]).toEqual(['stopped', 0])
  })

  test('during the start', async () => {
    const control = new AbortController()
    const source = setUp({ signal: control.signal })
    const start = source.start()
    await source.world.clock.advance(5)
    control.abort()
    expect(await vt(source, start)).toBe(false)
    await source.world.clock.settle()
    expect([source.status, source.world.clock.pending]).toEqual(['stopped', 0])
  })

  test('in the very tick of the start', async () => {
    const control = new AbortController()
    const source = setUp({ signal: control.signal })
    void source.start()
    control.abort()
    await source.world.clock.advance(1_000)
    expect([source.status, source.calls.includes('connect')]).toEqual(['stopped', false])
  })

  test('while a restart takes the collector down', async () => {
    const control = new AbortController()
    const source = await started({ signal: control.signal }, { hangs: 'unsubscribe' })
    void source.restart()
    await source.world.clock.advance(100)
    control.abort()
    await source.world.clock.advance(60_000)
    expect(source.status).toBe('stopped')
  })

  test('in the error state, with an automatic restart on its way', async () => {
    const control = new AbortController()
    const other = await started({ signal: control.signal, restartDelayMs: 10_000 })
    Object.assign(other, { loopFails: true, connectFails: 'throw' })
    while (other.status !== 'error') await other.world.clock.advance(100)
    Object.assign(other, { loopFails: false, connectFails: undefined })
    control.abort()
    await other.world.clock.advance(120_000)
    expect(other.calls.filter((call) => call === 'connect').length).toBeLessThanOrEqual(2)
    expect([other.connected, other.world.clock.pending]).toEqual([0, 0])
  })

  test('leaves no listener on a long-lived signal', async () => {
    const { signal } = new AbortController()
    const listeners = new Set<unknown>()
    signal.addEventListener = (_type: string, listener: unknown) => void listeners.add(listener)
    signal.removeEventListener = (_type: string, listener: unknown) => void listeners.delete(listener)
    const source = await started({ signal })
    expect(listeners.size).toBe(1)
    await vt(source, source.restart())
    await vt(source, source.stop())
    expect(listeners.size).toBe(0)
    source.connectFails = 'throw'
    await vt(source, source.start())
    expect([source.status, listeners.size]).toEqual(['error', 0])
  })

  test('aborted before: start is refused, with the reason', async () => {
    const source = setUp({ signal: AbortSignal.abort() })
    expect(await vt(source, source.start())).toBe(false)
    expect([source.calls, source.lastError?.code, source.status]).toEqual([[], 'ABORTED', 'stopped'])
  })
})

describe('restart', () => {
  test('stops and starts; callbacks and streams stay', async () => {
    const source = await started()
    const callback = vi.fn()
    const notices: RestartNotice[] = []
    source.addDataCallback('trade', callback)
    source.on('restart', (notice) => notices.push(notice))
    const stream = source.stream('trade')
    await source.world.clock.advance(1_500)
    expect(await vt(source, source.restart())).toBe(true)
    await source.world.clock.advance(1_500)
    expect(callback).toHaveBeenCalledTimes(2)
    expect([stream.size, stream.ended]).toEqual([2, false])
    expect(notices).toMatchObject([{ trigger: 'manual', attempt: 0, delayMs: 0 }])
    expect(source.statuses).toEqual(['starting', 'running', 'restarting', 'running'])
    expect(source.getStatus().statistics.restarts).toBe(1)
  })

  test('of a stopped one starts it', async () => {
    const source = setUp()
    expect(await vt(source, source.restart())).toBe(true)
    expect(source.status).toBe('running')
  })

  test('calls together share one restart', async () => {
    const source = await started()
    const [one, two] = [source.restart(), source.restart()]
    expect(one).toBe(two)
    await vt(source, one)
    expect(source.getStatus().statistics.restarts).toBe(1)
  })

  test('stop wins over a restart on its way', async () => {
    const source = await started()
    const restart = source.restart()
    await source.world.clock.advance(5)
    await vt(source, source.stop())
    expect(await vt(source, restart)).toBe(false)
    expect([source.status, source.connected, source.world.clock.pending]).toEqual(['stopped', 0, 0])
  })
})

describe('the message loop', () => {
  test('one that rejects restarts the collector after a back-off', async () => {
    const source = await started()
    const triggers: string[] = []
    source.on('restart', ({ trigger, reason, attempt }) => triggers.push(`${trigger} ${attempt}: ${reason}`))
    source.loopFails = true
    await source.world.clock.advance(1_000)
    expect(source.status).toBe('unhealthy')
    source.loopFails = false
    await source.world.clock.advance(10_000)
    expect(triggers).toEqual(['connection-failure 1: line cut'])
    expect(source.status).toBe('running')
    expect(source.faults.map(({ code }) => code)).toEqual(['COLLECTOR_FAILED'])
  })

  test('gives up after maxRestarts, in the error state, with nothing running', async () => {
    const source = await started({ maxRestarts: 3, restartDelayMs: 1_000 }, { loopFails: true })
    await source.world.clock.advance(120_000)
    expect(source.getStatus().statistics.restarts).toBe(3)
    expect(source.status).toBe('error')
    expect(source.lastError?.message).toBe('gave up after 3 restarts: line cut')
    expect([source.connected, source.world.clock.pending]).toEqual([0, 0])
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: false, isRunning: false, shouldBeRunning: true })
  })

  test('also when every new start fails', async () => {
    const source = await started({ maxRestarts: 3, restartDelayMs: 1_000 })
    Object.assign(source, { loopFails: true, connectFails: 'throw' })
    await source.world.clock.advance(120_000)
    expect([source.status, source.getStatus().statistics.restarts, source.world.clock.pending]).toEqual(['error', 3, 0])
  })

  test('does not restart without autoRestart', async () => {
    const source = await started({ autoRestart: false }, { loopFails: true })
    await source.world.clock.advance(5_000)
    expect(source.calls.filter((call) => call === 'connect')).toHaveLength(1)
    expect(source.status).toBe('unhealthy')
  })

  test('that turns without ever waiting does not keep timers from their turn', async () => {
    class Busy extends FakeSource {
      turns = 0
      protected override handleMessages(): Promise<void> {
        this.turns++
        return Promise.resolve()
      }
    }
    // The real clock: a virtual one stands still while something is due.
    const source = new Busy({ ports: {} })
    expect(await source.start()).toBe(true)
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0))
    expect(source.turns).toBeGreaterThan(64)
    await source.stop()
    expect(source.status).toBe('stopped')
  })

  test('that is dead stays unhealthy until a restart, without autoRestart', async () => {
    const source = await started({ autoRestart: false, healthCheckIntervalMs: 10_000 }, { loopFails: true })
    await source.world.clock.advance(600_000)
    expect(source.statuses).toEqual(['starting', 'running', 'unhealthy'])
    source.loopFails = false
    expect(await vt(source, source.restart())).toBe(true)
    expect(source.status).toBe('running')
  })

  test('restarted by hand while an automatic restart is pending: once is enough', async () => {
    const source = await started({ restartDelayMs: 60_000 }, { loopFails: true })
    await source.world.clock.advance(1_000)
    expect(source.status).toBe('unhealthy')
    source.loopFails = false
    await vt(source, source.restart())
    await source.world.clock.advance(120_000)
    expect(source.getStatus().statistics.restarts).toBe(1)
  })

  test('a message that cannot be processed costs that message', async () => {
    const source = await started()
    const ids: string[] = []
    source.addDataCallback('trade', ({ data }) => ids.push(data.id))
    source.messages.push('a', 'bad', 'nothing', 'two', 'b')
    await source.world.clock.advance(5_000)
    expect(ids).toEqual(['a', 'x', 'y', 'b'])
    expect(source.faults.map(({ code, message }) => `${code} ${message}`)).toEqual(['FRAME_INVALID bad message'])
    expect(source.getStatus().statistics).toMatchObject({ messagesReceived: 5, messagesProcessed: 4, errors: 1 })
    expect(source.status).toBe('running')
  })
})

describe('health', () => {
  test('a silent source is restarted, and told as stale', async () => {
    const source = await started({ maxSilenceDurationMs: 60_000, healthCheckIntervalMs: 10_000 })
    const triggers: string[] = []
    source.on('restart', ({ trigger }) => triggers.push(trigger))
    source.silent = true
    await source.world.clock.advance(59_000)
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: true, issues: [] })
    await source.world.clock.advance(2_000)
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: false, issues: ['no data for 61.0 s'] })
    await source.world.clock.advance(20_000)
    expect(triggers).toEqual(['stale-data'])
    source.silent = false
    await source.world.clock.advance(30_000)
    expect(source.status).toBe('running')
  })

  test('a stuck loop is found by its heartbeat', async () => {
    const source = await started({ healthCheckIntervalMs: 10_000, maxSilenceDurationMs: 1e9 }, { everyMs: 1e9 })
    const triggers: string[] = []
    source.on('restart', ({ trigger }) => triggers.push(trigger))
    await source.world.clock.advance(59_000)
    expect(source.status).toBe('running')
    source.everyMs = 1_000
    await source.world.clock.advance(30_000)
    expect(triggers).toEqual(['no-heartbeat'])
    expect(source.status).toBe('running')
  })

  test('after a stale restart the new run has its full time', async () => {
    const source = await started({ maxSilenceDurationMs: 60_000, healthCheckIntervalMs: 10_000, restartDelayMs: 0 })
    await source.world.clock.advance(5_000)
    source.silent = true
    await source.world.clock.advance(360_000)
    // One a minute, not one a health check.
    expect(source.getStatus().statistics.restarts).toBeLessThanOrEqual(6)
  })

  test('stopped for an hour, then started: not stale', async () => {
    const source = await started({ maxSilenceDurationMs: 60_000, healthCheckIntervalMs: 10_000 })
    await source.world.clock.advance(5_000)
    await vt(source, source.stop())
    await source.world.clock.advance(3_600_000)
    source.silent = true
    await vt(source, source.start())
    await source.world.clock.advance(50_000)
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: true })
    expect(source.getStatus().statistics.restarts).toBe(0)
  })

  test('healthy again: the restart that was planned is called off', async () => {
    const source = await started({ maxSilenceDurationMs: 20_000, healthCheckIntervalMs: 10_000, restartDelayMs: 200_000 })
    source.silent = true
    while (source.status !== 'unhealthy') await source.world.clock.advance(1_000)
    source.silent = false
    await source.world.clock.advance(400_000)
    expect([source.status, source.getStatus().statistics.restarts]).toEqual(['running', 0])
  })

  test('data that comes back makes an unhealthy collector healthy, without autoRestart', async () => {
    const source = await started({ autoRestart: false, maxSilenceDurationMs: 20_000, healthCheckIntervalMs: 10_000 })
    source.silent = true
    await source.world.clock.advance(45_000)
    expect(source.status).toBe('unhealthy')
    source.silent = false
    await source.world.clock.advance(15_000)
    expect(source.status).toBe('running')
  })

  test('a stopped collector is not unhealthy', async () => {
    expect(setUp().getHealthStatus()).toEqual({
      isHealthy: true,
      issues: [],
      status: 'stopped',
      lastHeartbeat: null,
      lastDataReceived: null,
      shouldBeRunning: false,
      isRunning: false,
    })
  })
})

describe('getStatus', () => {
  test('is a plain snapshot', async () => {
    const source = await started({ symbols: ['ABC-USD', 'XYZ-USD'] })
    await source.world.clock.advance(10_500)
    const status = source.getStatus()
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
    expect(status).toMatchObject({
      exchange: 'fake',
      status: 'running',
      shouldBeRunning: true,
      symbols: ['ABC-USD', 'XYZ-USD'],
      dataTypes: ['trade'],
      autoRestart: true,
      health: { timeSinceHeartbeat: 0.5, timeSinceData: 0.5, maxSilenceDuration: 300 },
      statistics: { messagesReceived: 10, messagesProcessed: 10, errors: 0, restarts: 0, uptimeSeconds: 10.5, lastError: null },
      subscriptions: [],
    })
  })
})

describe('symbols', () => {
  test('added and removed while running, in order', async () => {
    const source = await started()
    source.addSymbol('XYZ-USD')
    source.addSymbol('XYZ-USD')
    source.removeSymbol('ABC-USD')
    source.removeSymbol('NOT-USD')
    await source.world.clock.advance(100)
    expect(source.calls.slice(2).sort()).toEqual(['subscribe XYZ-USD', 'unsubscribe ABC-USD'])
    expect([source.symbols, [...source.subscribed]]).toEqual([['XYZ-USD'], ['XYZ-USD']])
  })

  test('added before the start are subscribed to with it', async () => {
    const source = setUp()
    source.addSymbol('XYZ-USD')
    await vt(source, source.start())
    expect([...source.subscribed]).toEqual(['ABC-USD', 'XYZ-USD'])
  })

  test('a failure is reported and harms nothing else', async () => {
    const source = await started({}, {})
    source.subscribeFails = 'throw'
    source.addSymbol('XYZ-USD')
    await source.world.clock.advance(100)
    source.subscribeFails = 'false'
    source.addSymbol('UVW-USD')
    await source.world.clock.advance(100)
    expect(source.faults.map(({ message }) => message)).toEqual([
      'subscribe',
      'subscribeToData() returned false for XYZ-USD, UVW-USD',
    ])
    expect(source.status).toBe('running')
  })

  test.each([0, 5, 15])('added and removed %i ms into the start, or a restart: they count', async (ms) => {
    const source = setUp({ symbols: ['ABC-USD', 'OLD-USD'] })
    for (const begin of [() => source.start(), () => source.restart()]) {
      const up = begin()
      await source.world.clock.advance(ms)
      source.addSymbol(`NEW${source.calls.length}-USD`)
      source.removeSymbol('OLD-USD')
      await vt(source, up)
      await source.world.clock.advance(100)
      expect([...source.subscribed].sort()).toEqual([...source.symbols].sort())
    }
  })

  test('added while a restart fails: nothing is subscribed on a source that is down', async () => {
    const source = await started({ autoRestart: false })
    source.connectFails = 'throw'
    const restart = source.restart()
    source.addSymbol('XYZ-USD')
    expect(await vt(source, restart)).toBe(false)
    await source.world.clock.advance(1_000)
    expect([...source.subscribed]).toEqual([])
    expect(source.status).toBe('error')
  })
})

describe('delivery', () => {
  test('a callback that throws stops nobody; it is reported once and counted each time', async () => {
    const source = await started()
    const good = vi.fn()
    source.addDataCallback('trade', () => {
      throw new Error('mine')
    })
    source.addDataCallback('trade', async () => Promise.reject(new Error('mine too')))
    source.addDataCallback('trade', good)
    await source.world.clock.advance(5_500)
    expect(good).toHaveBeenCalledTimes(5)
    expect(source.faults.map(({ code }) => code)).toEqual(['CALLBACK_FAILED'])
    expect(source.getStatus().statistics.callbackErrors).toBe(10)
    expect(source.status).toBe('running')
  })

  test('an error listener that throws ends in no loop', async () => {
    const source = await started()
    source.on('error', () => {
      throw new Error('listener')
    })
    source.messages.push('bad')
    await source.world.clock.advance(1_000)
    expect(source.getStatus().statistics).toMatchObject({ callbackErrors: 2, errors: 2 })
  })

  test('unheard errors go to the logger, and a logger that throws harms nothing', async () => {
    const lines: string[] = []
    const logger: Logger = { ...silentLogger, error: (message) => lines.push(message) }
    const source = setUp({ logger })
    source.off('error', source.faults.push.bind(source.faults))
    class Quiet extends FakeSource {
      override on(): this {
        return this
      }
    }
    const quiet = new Quiet({ logger })
    await vt(quiet, quiet.start())
    quiet.messages.push('bad')
    await quiet.world.clock.advance(1_000)
    await vt(quiet, quiet.stop())
    expect(lines).toEqual(['bad message'])

    const broken = (): never => {
      throw new Error('logger')
    }
    const other = new Quiet({ logger: { debug: broken, info: broken, warn: broken, error: broken } })
    expect(await vt(other, other.start())).toBe(true)
    other.messages.push('bad')
    await other.world.clock.advance(1_000)
    await vt(other, other.stop())
    expect(other.status).toBe('stopped')
  })

  test('a stream made after the stop ends with the next one', async () => {
    const source = await started()
    await vt(source, source.stop())
    const stream = source.stream('trade')
    await vt(source, source.stop())
    expect(await stream.next()).toMatchObject({ done: true })
  })

  test('streams end when the collector stops, after what is queued was read', async () => {
    const source = await started()
    const stream = source.stream('trade')
    await source.world.clock.advance(3_500)
    await vt(source, source.stop())
    const ids: string[] = []
    for await (const { data } of stream) ids.push(data.id)
    expect(ids).toEqual(['1', '2', '3'])
  })

  test('a stream that is too slow is told and counted', async () => {
    const source = await started()
    const stream = source.stream('trade', { highWaterMark: 2 })
    await source.world.clock.advance(5_500)
    expect(stream.dropped).toBe(3)
    expect(source.faults.map(({ code }) => code)).toEqual(['STREAM_OVERFLOW'])
    expect(source.getStatus().statistics.streamDropped).toBe(3)
  })

  test('listeners come and go', async () => {
    const source = setUp()
    const on = vi.fn()
    const once = vi.fn()
    const off = vi.fn()
    source.on('status', on).once('status', once).on('status', off).off('status', off)
    await vt(source, source.start())
    expect([on, once, off].map(({ mock }) => mock.calls.length)).toEqual([2, 1, 0])
    expect(on.mock.calls[0]?.[0]).toMatchObject({ from: 'stopped', to: 'starting' })
  })

  test('types: a callback needs no cast', () => {
    const source = setUp({ dataTypes: ['trade', 'ticker'] })
    source.addDataCallback('trade', (point) => expectTypeOf(point.data.price).toEqualTypeOf<DecimalString>())
    source.addDataCallback('ticker', (point) => expectTypeOf(point.data.bid).toEqualTypeOf<DecimalString | undefined>())
    // @ts-expect-error a trade has no bid
    source.addDataCallback('trade', (point) => point.data.bid)
    // @ts-expect-error no such event
    expect(() => source.on('nothing', () => undefined)).toThrow('the event is "nothing"')
  })

  test('validateOhlcvData fills in the exchange', () => {
    const candle = { openTime: Date.UTC(2026, 10, 22), open: '1', high: '1', low: '1', close: '1', volume: '0' }
    expect(setUp().validateOhlcvData(candle, 'ABC-USD', '1m').exchange).toBe('fake')
  })
})

describe('options', () => {
  test.each([
    ['misspelt', { maxRestart: 3 }, 'maxRestarts'],
    ['wrong data type', { dataTypes: ['trades'] }, '"trade"'],
    ['no logger', { logger: {} }, 'must have the methods'],
    ['negative', { healthCheckIntervalMs: -1 }, 'healthCheckIntervalMs'],
  ])('%s', (_name, options, expected) => {
    expect(() => new FakeSource(options as never)).toThrow(expected)
  })

  test('names', () => {
    expect([setUp().componentName, setUp({ componentName: 'x' }).componentName]).toEqual(['fake_collector', 'x'])
  })
})

describe('any interleaving of calls and faults', () => {
  const command = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('start', 'stop', 'restart') },
    { weight: 1, arbitrary: fc.constantFrom('force', 'add', 'remove', 'heal') },
    { weight: 1, arbitrary: fc.constantFrom('connect-fails', 'subscribe-fails', 'loop-fails', 'silent', 'disconnect-fails') },
    { weight: 4, arbitrary: fc.constantFrom(0, 1, 5, 15, 25, 1_000, 40_000) },
  )

  test('passes legal states only, never runs twice, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 25, size: 'max' }),
        fc.boolean(),
        fc.nat(),
        async (commands, autoRestart, seed) => {
          const world = createTestWorld(seededRandom(seed))
          const source = new FakeSource(
            { autoRestart, maxRestarts: 2, restartDelayMs: 1_000, maxSilenceDurationMs: 30_000, healthCheckIntervalMs: 10_000 },
            world,
          )
          const results: Promise<unknown>[] = []
          for (const each of commands) {
            if (typeof each === 'number') await world.clock.advance(each)
            else if (each === 'start') results.push(source.start())
            else if (each === 'stop') results.push(source.stop())
            else if (each === 'force') results.push(source.stop(true))
            else if (each === 'restart') results.push(source.restart())
            else if (each === 'add') source.addSymbol('XYZ-USD')
            else if (each === 'remove') source.removeSymbol('XYZ-USD')
            else if (each === 'connect-fails') source.connectFails = 'throw'
            else if (each === 'subscribe-fails') source.subscribeFails = 'false'
            else if (each === 'loop-fails') source.loopFails = true
            else if (each === 'silent') source.silent = true
            else if (each === 'disconnect-fails') source.disconnectFails = true
            else
              Object.assign(source, {
                connectFails: undefined,
                subscribeFails: undefined,
                loopFails: false,
                silent: false,
                disconnectFails: false,
              })
            expect(source.connected).toBeLessThanOrEqual(1)
          }
          await world.clock.advance(60_000)
          const { status } = source
          expect(['stopped', 'running', 'unhealthy', 'error', 'restarting']).toContain(status)
          if (status === 'running') expect(source.connected).toBe(1)
          if (status === 'stopped' || status === 'error') expect([source.connected, world.clock.pending]).toEqual([0, 0])
          expectLegal(source.statuses)
          await inVirtualTime(world.clock, source.stop())
          await inVirtualTime(world.clock, Promise.all(results))
          expect([source.status, source.connected, world.clock.pending]).toEqual(['stopped', 0, 0])
          // And it can always be used again.
          Object.assign(source, { connectFails: undefined, subscribeFails: undefined, loopFails: false, silent: false })
          expect(await inVirtualTime(world.clock, source.start())).toBe(true)
          await inVirtualTime(world.clock, source.stop())
          expect([source.status, source.connected, world.clock.pending]).toEqual(['stopped', 0, 0])
          expectLegal(source.statuses)
        },
      ),
      { seed: 16, numRuns: 120 },
    )
  })
})
