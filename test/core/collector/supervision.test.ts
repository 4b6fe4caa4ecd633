import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type BaseDataCollector,
  silentLogger,
  TapekeeperError,
  type BaseCollectorOptions,
  type CollectorStatusReport,
  type HealthStatus,
  type Logger,
  type RestartNotice,
  type RestartTrigger,
} from 'tapekeeper'
import { FakeSource } from '../../support/fake-source.ts'
import { createTestWorld, inVirtualTime } from '../../support/test-ports.ts'

/** How a source of one's own is supervised, through the public door only. */

const TEN_MINUTES_MS = 600_000
const sources: FakeSource[] = []

/** Chance is what `draw` says: 1 is the ceiling of every delay. */
function setUp(options: Partial<BaseCollectorOptions> = {}, draw: () => number = () => 0.5): FakeSource {
  const source = new FakeSource({ healthCheckIntervalMs: 10_000, ...options }, createTestWorld(draw))
  sources.push(source)
  return source
}

const vt = <T>(source: FakeSource, promise: Promise<T>): Promise<T> => inVirtualTime(source.world.clock, promise)

async function started(options: Partial<BaseCollectorOptions> = {}, draw?: () => number): Promise<FakeSource> {
  const source = setUp(options, draw)
  expect(await vt(source, source.start())).toBe(true)
  return source
}

function noticesOf(source: FakeSource): RestartNotice[] {
  const notices: RestartNotice[] = []
  source.on('restart', (notice) => notices.push(notice))
  return notices
}

/** Moves the clock, in small steps, until something is so. */
async function until(source: FakeSource, isSo: () => boolean, limitMs = 1_000_000): Promise<void> {
  for (let passed = 0; !isSo(); passed += 50) {
    if (passed > limitMs) throw new Error('never so')
    await source.world.clock.advance(50)
  }
}

/** The loop rejects once, and heals before the restart. */
async function failOnce(source: FakeSource): Promise<void> {
  source.loopFails = true
  await until(source, () => source.status === 'unhealthy' || source.status === 'error')
  source.loopFails = false
}

afterEach(async () => {
  for (const source of sources.splice(0)) {
    source.hangs = undefined
    void source.stop()
    // With force, because some sources hang on purpose.
    await vt(source, source.stop(true))
    expect([source.status, source.world.clock.pending]).toEqual(['stopped', 0])
  }
})

describe('the five triggers', () => {
  const faults: Readonly<Record<RestartTrigger, (source: FakeSource) => Promise<void>>> = {
    'no-heartbeat': async (source) => {
      source.everyMs = 1e9
      await until(source, () => source.status === 'unhealthy')
      source.everyMs = 1_000
    },
    'stale-data': async (source) => {
      source.silent = true
      await until(source, () => source.status === 'unhealthy')
      source.silent = false
    },
    'connection-failure': failOnce,
    'error-state': async (source) => {
      await failOnce(source)
      source.connectFails = 'throw'
      await until(source, () => source.status === 'error')
      source.connectFails = undefined
    },
    manual: async (source) => {
      await vt(source, source.restart())
    },
  }

  test.each(Object.entries(faults))('%s: one restart, named so', async (trigger, cause) => {
    // So long a delay that a source which recovers has not been found healthy again before it is restarted.
    const source = await started({ restartDelayMs: 2_000, maxSilenceDurationMs: trigger === 'no-heartbeat' ? 1e9 : 30_000 })
    const notices = noticesOf(source)
    await cause(source)
    await until(source, () => source.status === 'running')
    await source.world.clock.advance(TEN_MINUTES_MS)
    const preceding = trigger === 'error-state' ? ['connection-failure'] : []
    expect(notices.map((notice) => notice.trigger)).toEqual([...preceding, trigger])
    const notice = notices.at(-1)!
    expect(notice.attempt).toBe(trigger === 'manual' ? 0 : preceding.length + 1)
    expect(notice.reason).not.toBe('')
    const { statistics } = source.getStatus()
    expect([statistics.restarts, statistics.lastRestartTime]).toEqual([notices.length, new Date(notice.at).toISOString()])
    expect([source.status, source.connected]).toEqual(['running', 1])
  })

  test.each(['no-heartbeat', 'stale-data', 'connection-failure', 'error-state'] as const)(
    'a supervisor names %s: at once, and only while it should run',
    async (trigger) => {
      const source = await started()
      const notices = noticesOf(source)
      expect(await vt(source, source.restart({ trigger, reason: 'says the supervisor' }))).toBe(true)
      expect(notices).toMatchObject([{ trigger, reason: 'says the supervisor', delayMs: 0 }])
      await vt(source, source.stop())
      expect(await vt(source, source.restart({ trigger }))).toBe(false)
      expect([notices.length, source.status, source.getStatus().shouldBeRunning]).toEqual([1, 'stopped', false])
    },
  )

  test.each(['no-heartbeat', 'stale-data', 'connection-failure'] as const)('no %s without autoRestart', async (trigger) => {
    const source = await started({ autoRestart: false, maxSilenceDurationMs: 30_000 })
    const notices = noticesOf(source)
    await faults[trigger](source)
    await source.world.clock.advance(TEN_MINUTES_MS)
    expect(notices).toEqual([])
  })
})

describe('delays', () => {
  test.each([0, 0.25, 0.999_999])(
    'full jitter: a draw of %d below a ceiling that doubles, and the delay is kept',
    async (draw) => {
      const source = await started({ restartDelayMs: 1_000, maxRestarts: 4 }, () => draw)
      const notices = noticesOf(source)
      const failedAt: number[] = []
      source.on('status', ({ to, at }) => {
        if (to === 'unhealthy' || to === 'error') failedAt.push(at)
      })
      source.loopFails = true
      await until(source, () => source.status === 'error')
      expect(notices.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
      for (const [i, { delayMs, at }] of notices.entries()) {
        expect(delayMs).toBeCloseTo(draw * 1_000 * 2 ** i)
        expect(at - failedAt[i]!).toBeCloseTo(delayMs)
      }
    },
  )

  test('the ceiling ends at five minutes', async () => {
    const source = await started({ restartDelayMs: 200_000, maxRestarts: 4 }, () => 0.999_999)
    const notices = noticesOf(source)
    source.loopFails = true
    await until(source, () => source.status === 'error', 2_000_000)
    expect(notices.map(({ delayMs }) => Math.round(delayMs))).toEqual([200_000, 300_000, 300_000, 300_000])
  })

  test('two sources that fail together do not come back together', async () => {
    const [one, two] = [await started({}, () => 0.2), await started({}, () => 0.9)]
    const notices = [noticesOf(one), noticesOf(two)]
    for (const source of [one, two]) {
      await failOnce(source)
      await until(source, () => source.status === 'running')
    }
    expect(notices.map(([notice]) => notice?.delayMs)).toEqual([1_000, 4_500])
  })
})

describe('maxRestarts', () => {
  test.each([0, 1, 3])('%i, then the error state, in which nothing runs', async (maxRestarts) => {
    const source = await started({ maxRestarts, restartDelayMs: 1_000 })
    const notices = noticesOf(source)
    source.loopFails = true
    await source.world.clock.advance(120_000)
    expect(notices).toHaveLength(maxRestarts)
    expect([source.status, source.connected, source.world.clock.pending]).toEqual(['error', 0, 0])
    expect(source.lastError?.code).toBe('COLLECTOR_FAILED')
    expect(source.lastError?.message).toMatch(new RegExp(`gave up.* ${maxRestarts} .*line cut`))
    expect(source.getStatus()).toMatchObject({ shouldBeRunning: true, statistics: { restarts: maxRestarts, uptimeSeconds: 0 } })
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: false, status: 'error', isRunning: false, shouldBeRunning: true })
  })

  test('all of them again after ten stable minutes', async () => {
    const source = await started({ maxRestarts: 2, restartDelayMs: 1_000 })
    const notices = noticesOf(source)
    for (let spell = 0; spell < 3; spell++) {
      await failOnce(source)
      await source.world.clock.advance(5_000)
      await failOnce(source)
      await source.world.clock.advance(TEN_MINUTES_MS + 5_000)
    }
    expect(notices.map(({ attempt }) => attempt)).toEqual([1, 2, 1, 2, 1, 2])
    expect(source.status).toBe('running')
  })

  test('not before', async () => {
    const source = await started({ maxRestarts: 2, restartDelayMs: 1_000 })
    for (let i = 0; i < 3; i++) {
      await failOnce(source)
      await source.world.clock.advance(TEN_MINUTES_MS - 10_000)
    }
    expect([source.status, source.getStatus().statistics.restarts]).toEqual(['error', 2])
  })

  test.each(['start', 'restart'] as const)('all of them again after %s by hand out of the error state', async (by) => {
    const source = await started({ maxRestarts: 2, restartDelayMs: 1_000 })
    source.loopFails = true
    await until(source, () => source.status === 'error')
    source.loopFails = false
    expect(await vt(source, source[by]())).toBe(true)
    const notices = noticesOf(source)
    await failOnce(source)
    await source.world.clock.advance(30_000)
    expect(notices.map(({ attempt }) => attempt)).toEqual([1])
    expect(source.status).toBe('running')
  })

  test('reconnectAttempts counts them, and is 0 again once the collector proved stable', async () => {
    const source = await started({ restartDelayMs: 1_000 })
    expect(source.getStatus().statistics.reconnectAttempts).toBe(0)
    await failOnce(source)
    await source.world.clock.advance(5_000)
    await failOnce(source)
    await source.world.clock.advance(5_000)
    expect(source.getStatus().statistics.reconnectAttempts).toBe(2)
    await source.world.clock.advance(TEN_MINUTES_MS + 10_000)
    expect(source.getStatus().statistics).toMatchObject({ reconnectAttempts: 0, restarts: 2 })
  })
})

describe('by hand, while an automatic restart is on its way', () => {
  const pending = async (): Promise<FakeSource> => {
    const source = await started({ restartDelayMs: 60_000 })
    await failOnce(source)
    return source
  }

  test('restart: it takes the place of the automatic one', async () => {
    const source = await pending()
    const notices = noticesOf(source)
    expect(await vt(source, source.restart())).toBe(true)
    await source.world.clock.advance(120_000)
    expect(notices.map(({ trigger }) => trigger)).toEqual(['manual'])
  })

  test('stop: nothing comes after it', async () => {
    const source = await pending()
    const notices = noticesOf(source)
    await vt(source, source.stop())
    expect(source.world.clock.pending).toBe(0)
    await source.world.clock.advance(120_000)
    expect([notices, source.status]).toEqual([[], 'stopped'])
  })

  test('stop and start: the new run is left in peace', async () => {
    const source = await pending()
    const notices = noticesOf(source)
    void source.stop()
    expect(await vt(source, source.start())).toBe(true)
    await source.world.clock.advance(120_000)
    expect([notices, source.status]).toEqual([[], 'running'])
  })

  test('start out of the error state: the new run is left in peace', async () => {
    const source = await pending()
    source.connectFails = 'throw'
    await until(source, () => source.status === 'error')
    source.connectFails = undefined
    const notices = noticesOf(source)
    expect(await vt(source, source.start())).toBe(true)
    await source.world.clock.advance(300_000)
    expect([notices.map(({ trigger }) => trigger), source.status]).toEqual([[], 'running'])
  })

  test('a restart by hand that fails is tried again by itself: the error state is a trigger', async () => {
    const source = await started({ restartDelayMs: 1_000 })
    const notices = noticesOf(source)
    source.connectFails = 'throw'
    expect(await vt(source, source.restart())).toBe(false)
    source.connectFails = undefined
    await source.world.clock.advance(60_000)
    expect(notices.map(({ trigger }) => trigger)).toEqual(['manual', 'error-state'])
    expect(source.status).toBe('running')
  })
})

describe('supervise', () => {
  test('maxSilenceDurationMs counts from the next check', async () => {
    const source = await started({ maxSilenceDurationMs: 300_000 })
    const notices = noticesOf(source)
    source.silent = true
    await source.world.clock.advance(60_000)
    expect(source.getHealthStatus().isHealthy).toBe(true)
    source.supervise({ maxSilenceDurationMs: 30_000 })
    expect(source.getStatus().health.maxSilenceDuration).toBe(30)
    expect(source.getHealthStatus().isHealthy).toBe(false)
    await source.world.clock.advance(10_000)
    expect(source.status).toBe('unhealthy')
    await source.world.clock.advance(10_000)
    expect(notices.map(({ trigger }) => trigger)).toEqual(['stale-data'])
  })

  test('healthCheckIntervalMs: the next check comes by the new one', async () => {
    const source = await started({ healthCheckIntervalMs: 3_600_000, maxSilenceDurationMs: 20_000 })
    source.silent = true
    await source.world.clock.advance(60_000)
    expect(source.status).toBe('running')
    source.supervise({ healthCheckIntervalMs: 1_000 })
    await source.world.clock.advance(1_000)
    expect(source.status).toBe('unhealthy')
  })

  test('autoRestart off: the restart that was on its way does not come', async () => {
    const source = await started({ restartDelayMs: 60_000 })
    const notices = noticesOf(source)
    await failOnce(source)
    source.supervise({ autoRestart: false })
    await source.world.clock.advance(300_000)
    expect([notices, source.status, source.getStatus().autoRestart]).toEqual([[], 'unhealthy', false])
  })

  test('autoRestart on: a loop that died meanwhile is restarted', async () => {
    const source = await started({ autoRestart: false })
    await failOnce(source)
    source.supervise({ autoRestart: true })
    await source.world.clock.advance(300_000)
    expect([source.status, source.getStatus().statistics.restarts]).toEqual(['running', 1])
  })

  test('asked for every second, it does not put the check off for ever', async () => {
    const source = await started({ maxSilenceDurationMs: 20_000 })
    source.silent = true
    for (let i = 0; i < 60; i++) {
      source.supervise({ autoRestart: true })
      await source.world.clock.advance(1_000)
    }
    expect(source.getStatus().statistics.restarts).toBeGreaterThan(0)
  })

  test('before the start, and what is left out stays', async () => {
    const source = setUp({ maxSilenceDurationMs: 45_000 })
    source.supervise({ autoRestart: false })
    source.supervise({})
    expect(source.world.clock.pending).toBe(0)
    expect(source.getStatus()).toMatchObject({ autoRestart: false, health: { maxSilenceDuration: 45 } })
  })

  test('a wrong option changes nothing', async () => {
    const source = await started()
    const before = source.getStatus()
    expect(() => source.supervise({ autoRestart: false, maxSilenceDurationMs: -1 })).toThrow('maxSilenceDurationMs')
    expect(() => source.supervise({ autorestart: false } as never)).toThrow('autoRestart')
    expect(source.getStatus()).toEqual(before)
  })
})

describe('the signal', () => {
  test('aborted before the start: refused, and said why', async () => {
    const source = setUp({ signal: AbortSignal.abort() })
    for (const begin of [() => source.start(), () => source.restart()]) {
      expect(await vt(source, begin())).toBe(false)
      expect(source.calls).not.toContain('connect')
      expect(source.lastError?.code).toBe('ABORTED')
      await source.world.clock.advance(1_000)
      expect([source.status, source.getStatus().shouldBeRunning]).toEqual(['stopped', false])
    }
  })

  test.each([0, 5, 15, 1_000, 100_000])('aborted %i ms after the start: stopped, and nothing left', async (ms) => {
    const control = new AbortController()
    const source = setUp({ signal: control.signal })
    void source.start()
    await source.world.clock.advance(ms)
    control.abort()
    await source.world.clock.advance(100)
    expect([source.status, source.connected, source.world.clock.pending]).toEqual(['stopped', 0, 0])
    expect(source.getStatus().shouldBeRunning).toBe(false)
    expect(source.faults).toEqual([])
  })

  test('aborted after the stop: nothing happens, and it cannot be started any more', async () => {
    const control = new AbortController()
    const source = await started({ signal: control.signal })
    await vt(source, source.stop())
    const statuses = [...source.statuses]
    control.abort()
    await source.world.clock.advance(1_000)
    expect(source.statuses).toEqual(statuses)
    expect(await vt(source, source.start())).toBe(false)
    expect(source.status).toBe('stopped')
  })

  test('aborted while an automatic restart is on its way: it does not come', async () => {
    const control = new AbortController()
    const source = await started({ signal: control.signal, restartDelayMs: 60_000 })
    const notices = noticesOf(source)
    await failOnce(source)
    control.abort()
    await source.world.clock.advance(300_000)
    expect([notices, source.status, source.world.clock.pending]).toEqual([[], 'stopped', 0])
  })

  test('aborted in the error state: stopped at once, no restart comes', async () => {
    const control = new AbortController()
    const source = await started({ signal: control.signal, restartDelayMs: 60_000 })
    await failOnce(source)
    source.connectFails = 'throw'
    await until(source, () => source.status === 'error')
    const notices = noticesOf(source)
    control.abort()
    await source.world.clock.advance(1_000)
    expect([source.status, source.getStatus().shouldBeRunning, source.world.clock.pending]).toEqual(['stopped', false, 0])
    await source.world.clock.advance(300_000)
    expect(notices).toEqual([])
  })
})

describe('the end', () => {
  test('await using stops it, at the end of the block and not before', async () => {
    const source = await started()
    await vt(
      source,
      (async () => {
        await using held: BaseDataCollector = source
        expect(held.status).toBe('running')
      })(),
    )
    expect([source.status, source.connected]).toEqual(['stopped', 0])
  })

  test('await using stops it also when the block throws', async () => {
    const source = await started()
    const block = (async () => {
      await using _held: BaseDataCollector = source
      throw new Error('mine')
    })()
    await expect(vt(source, block)).rejects.toThrow('mine')
    expect(source.status).toBe('stopped')
  })

  test.each(['unsubscribe', 'disconnect'] as const)('stop(force) though %s hangs: at once', async (hangs) => {
    const source = await started()
    source.hangs = hangs
    const stream = source.stream('trade')
    const before = source.world.clock.now()
    await source.stop(true)
    expect([source.status, source.world.clock.now() - before, source.world.clock.pending]).toEqual(['stopped', 0, 0])
    expect((await stream.next()).done).toBe(true)
    source.hangs = undefined
    expect(await vt(source, source.start())).toBe(true)
  })

  test.each([
    ['an added symbol', 'subscribe'],
    ['a removed symbol', 'unsubscribe'],
  ] as const)('stop(force) though the source hangs over %s: at once', async (_name, hangs) => {
    class Hanging extends FakeSource {
      isHanging = false
      protected override async subscribeToData(symbols: readonly string[]): Promise<boolean> {
        if (this.isHanging && hangs === 'subscribe') await new Promise(() => undefined)
        return super.subscribeToData(symbols, [])
      }
    }
    const source = new Hanging({ symbols: ['ABC-USD', 'OLD-USD'] }, createTestWorld())
    await vt(source, source.start())
    source.isHanging = true
    if (hangs === 'unsubscribe') source.hangs = hangs
    if (hangs === 'subscribe') source.addSymbol('NEW-USD')
    else source.removeSymbol('OLD-USD')
    await source.world.clock.advance(1_000)
    let isOver = false
    void source.stop(true).then(() => (isOver = true))
    await source.world.clock.advance(60_000)
    expect([isOver, source.status, source.world.clock.pending]).toEqual([true, 'stopped', 0])
  })

  test('a source that hangs over an added symbol is restarted like any other', async () => {
    class Hanging extends FakeSource {
      isHanging = false
      protected override async subscribeToData(symbols: readonly string[]): Promise<boolean> {
        if (this.isHanging) await new Promise(() => undefined)
        return super.subscribeToData(symbols, [])
      }
    }
    const source = new Hanging({ restartDelayMs: 1_000 }, createTestWorld())
    await vt(source, source.start())
    source.isHanging = true
    source.addSymbol('NEW-USD')
    await source.world.clock.advance(1_000)
    source.isHanging = false
    source.loopFails = true
    await until(source, () => source.status === 'unhealthy')
    source.loopFails = false
    await source.world.clock.advance(60_000)
    expect([source.status, source.getStatus().statistics.restarts]).toEqual(['running', 1])
    await vt(source, source.stop())
  })
})

describe('a source that ends', () => {
  class Finite extends FakeSource {
    left = 3
    protected override async handleMessages(signal: AbortSignal): Promise<void> {
      if (this.left-- > 0) return super.handleMessages(signal)
      this.finish('that was all')
    }
  }
  async function finite(): Promise<Finite> {
    const source = new Finite({}, createTestWorld())
    sources.push(source)
    expect(await vt(source, source.start())).toBe(true)
    return source
  }

  test('is stopped in order, with its reason, and not restarted; streams end after the last point', async () => {
    const source = await finite()
    const notices = noticesOf(source)
    const changes: unknown[] = []
    source.on('status', ({ to, reason }) => changes.push([to, reason]))
    const stream = source.stream('trade')
    await source.world.clock.advance(TEN_MINUTES_MS)
    expect(changes).toEqual([
      ['stopping', 'that was all'],
      ['stopped', 'that was all'],
    ])
    expect([notices, source.faults, source.world.clock.pending]).toEqual([[], [], 0])
    expect(source.calls.slice(-2)).toEqual(['unsubscribe ABC-USD', 'disconnect'])
    const ids: string[] = []
    for await (const { data } of stream) ids.push(data.id)
    expect(ids).toEqual(['1', '2', '3'])
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: true, shouldBeRunning: false, isRunning: false })
  })

  test('and can be started again; a stop by hand then has no reason', async () => {
    const source = await finite()
    await source.world.clock.advance(5_000)
    expect(source.status).toBe('stopped')
    source.left = 1e9
    const changes: unknown[] = []
    source.on('status', ({ to, reason }) => changes.push([to, reason]))
    expect(await vt(source, source.start())).toBe(true)
    await vt(source, source.stop())
    expect(changes.slice(-2)).toEqual([
      ['stopping', undefined],
      ['stopped', undefined],
    ])
  })

  test.each([false, true])('together with a stop (force: %s): stopped, and it can be started again', async (force) => {
    const source = await finite()
    await source.world.clock.advance(2_500)
    const stop = (): void => void source.stop(force)
    source.addDataCallback('trade', stop)
    await source.world.clock.advance(1_000)
    expect(source.status).toBe('stopped')
    source.removeDataCallback('trade', stop)
    source.left = 1e9
    expect(await vt(source, source.start())).toBe(true)
  })
})

describe('what takes too long', () => {
  test('an automatic restart that hangs in connect is a failed one, and the next one follows', async () => {
    const source = await started({ restartDelayMs: 1_000 })
    const notices = noticesOf(source)
    source.hangs = 'connect'
    await failOnce(source)
    await source.world.clock.advance(60_000)
    expect(source.status).toBe('restarting')
    source.hangs = undefined
    await source.world.clock.advance(TEN_MINUTES_MS)
    expect(notices.map(({ trigger }) => trigger)).toEqual(['connection-failure', 'error-state'])
    expect([source.status, source.connected]).toEqual(['running', 1])
  })

  test('a subscription that is confirmed late, however late, is known when it is', async () => {
    const source = await started()
    source.subscribeMs = 40_000
    source.addSymbol('NEW-USD')
    await source.world.clock.advance(60_000)
    source.subscribeMs = 10
    expect([...source.subscribed].sort()).toEqual(['ABC-USD', 'NEW-USD'])
    source.addSymbol('XYZ-USD')
    await source.world.clock.advance(1_000)
    source.removeSymbol('NEW-USD')
    await source.world.clock.advance(1_000)
    expect(source.calls.filter((call) => call.includes('subscribe'))).toEqual([
      'subscribe ABC-USD',
      'subscribe NEW-USD',
      'subscribe XYZ-USD',
      'unsubscribe NEW-USD',
    ])
  })

  test('a thousand changes of symbols leave no listener behind on the signal of the run', async () => {
    let run: AbortSignal | undefined
    class Watched extends FakeSource {
      protected override handleMessages(signal: AbortSignal): Promise<void> {
        run = signal
        return super.handleMessages(signal)
      }
    }
    const source = new Watched({}, createTestWorld())
    sources.push(source)
    await vt(source, source.start())
    for (let i = 0; i < 500; i++) {
      source.addSymbol('NEW-USD')
      await source.world.clock.advance(20)
      source.removeSymbol('NEW-USD')
      await source.world.clock.advance(20)
    }
    expect(getEventListeners(run!, 'abort').length).toBeLessThan(5)
  })
})

describe('the rate of errors', () => {
  test('nothing but bad messages: restarted by the error state', async () => {
    const source = await started({ healthCheckIntervalMs: 30_000, restartDelayMs: 1_000 })
    const notices = noticesOf(source)
    source.messages.push(...Array.from({ length: 35 }, () => 'bad'))
    await source.world.clock.advance(60_000)
    expect(notices.map(({ trigger }) => trigger)).toEqual(['error-state'])
    expect(source.status).toBe('running')
  })

  test('half of them bad: named, and not restarted, for an hour', async () => {
    const source = await started({ healthCheckIntervalMs: 30_000, restartDelayMs: 1_000 })
    source.messages.push(...Array.from({ length: 3_600 }, (_, i) => (i % 2 === 0 ? 'bad' : `${i}`)))
    await source.world.clock.advance(3_500_000)
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: false, status: 'running' })
    expect(source.getHealthStatus().issues.join()).toMatch(/\d+ of \d+ messages/)
    expect(source.getStatus().statistics.restarts).toBe(0)
    source.messages.length = 0
    await source.world.clock.advance(90_000)
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: true, issues: [] })
  })
})

describe('called together', () => {
  const calls = {
    start: (source: FakeSource) => source.start(),
    stop: (source: FakeSource) => source.stop(),
    force: (source: FakeSource) => source.stop(true),
    restart: (source: FakeSource) => source.restart(),
  }
  const names = Object.keys(calls) as (keyof typeof calls)[]
  const triples = names.flatMap((a) => names.flatMap((b) => names.map((c) => [a, b, c] as const)))

  test.each(['stopped', 'starting', 'running', 'error'] as const)(
    'every three of start, stop, stop(force), restart, on a collector that is %s: the last word counts',
    async (state) => {
      for (const triple of triples) {
        const source = setUp({ autoRestart: false })
        if (state === 'starting') {
          void source.start()
          await source.world.clock.advance(5)
        } else if (state !== 'stopped') {
          if (state === 'error') source.connectFails = 'false'
          await vt(source, source.start())
          source.connectFails = undefined
        }
        expect(source.status).toBe(state)
        const results = triple.map((name) => calls[name](source))
        const [last] = (await vt(source, Promise.all(results))).slice(-1)
        const shouldRun = triple[2] === 'start' || triple[2] === 'restart'
        const [status, connected] = shouldRun ? ['running', 1] : ['stopped', 0]
        expect([triple, source.status, source.connected]).toEqual([triple, status, connected])
        if (shouldRun) expect([triple, last]).toEqual([triple, true])
        expect(source.getStatus().shouldBeRunning).toBe(shouldRun)
        expect([...source.subscribed]).toEqual(shouldRun ? ['ABC-USD'] : [])
        await vt(source, source.stop())
        expect(source.world.clock.pending).toBe(0)
      }
    },
  )

  test('a hundred restarts at once are one', async () => {
    const source = await started()
    const notices = noticesOf(source)
    await vt(source, Promise.all(Array.from({ length: 100 }, () => source.restart())))
    expect([notices.length, source.calls.filter((call) => call === 'connect').length]).toEqual([1, 2])
  })
})

describe('symbols that change while the collector does', () => {
  /** What is subscribed on the wire, from the calls alone. Subscribing twice or unsubscribing what is not subscribed throws. */
  function wire(calls: readonly string[]): string[] {
    const subscribed = new Set<string>()
    for (const call of calls) {
      const [verb, symbols = ''] = call.split(' ')
      if (verb === 'disconnect') subscribed.clear()
      for (const symbol of symbols.split(',').filter((name) => name !== '')) {
        if (verb === 'subscribe' && subscribed.has(symbol)) throw new Error(`${symbol} twice: ${calls.join(' | ')}`)
        if (verb === 'unsubscribe' && !subscribed.has(symbol)) throw new Error(`${symbol} was not there: ${calls.join(' | ')}`)
        if (verb === 'subscribe') subscribed.add(symbol)
        else subscribed.delete(symbol)
      }
    }
    return [...subscribed].sort()
  }

  const moments = [0, 5, 10, 15, 20, 25]

  test.each(moments)('%i ms into a start', async (ms) => {
    const source = setUp({ symbols: ['ABC-USD', 'OLD-USD'] })
    const start = source.start()
    if (ms > 0) await source.world.clock.advance(ms)
    source.addSymbol('NEW-USD')
    source.removeSymbol('OLD-USD')
    await vt(source, start)
    await source.world.clock.advance(100)
    expect(wire(source.calls)).toEqual(['ABC-USD', 'NEW-USD'])
    expect(source.calls.join()).toContain('NEW-USD')
  })

  test.each(moments)('%i ms into a restart', async (ms) => {
    const source = await started({ symbols: ['ABC-USD', 'OLD-USD'] })
    const restart = source.restart()
    if (ms > 0) await source.world.clock.advance(ms)
    source.addSymbol('NEW-USD')
    source.removeSymbol('OLD-USD')
    await vt(source, restart)
    await source.world.clock.advance(100)
    expect(wire(source.calls)).toEqual(['ABC-USD', 'NEW-USD'])
  })

  test.each(['before', 'after'] as const)(
    'just %s a stop: only what was subscribed is unsubscribed, and all of it',
    async (when) => {
      const source = await started({ symbols: ['ABC-USD', 'OLD-USD'] })
      const change = (): void => {
        source.addSymbol('NEW-USD')
        source.removeSymbol('OLD-USD')
      }
      if (when === 'before') change()
      const stop = source.stop()
      if (when === 'after') change()
      await vt(source, stop)
      expect(wire(source.calls)).toEqual([])
      // Before the line is cut, everything was taken back politely.
      expect(wire(source.calls.slice(0, source.calls.lastIndexOf('disconnect')))).toEqual([])
      await vt(source, source.start())
      expect(wire(source.calls)).toEqual(['ABC-USD', 'NEW-USD'])
    },
  )

  test('there and back in one tick: nothing goes over the wire', async () => {
    const source = await started()
    const calls = source.calls.length
    source.addSymbol('NEW-USD')
    source.removeSymbol('NEW-USD')
    source.removeSymbol('ABC-USD')
    source.addSymbol('ABC-USD')
    await source.world.clock.advance(100)
    expect(source.calls.slice(calls)).toEqual([])
  })

  test('an unsubscription that fails does not cost the subscription asked for with it', async () => {
    const source = await started()
    source.unsubscribeFails = true
    source.addSymbol('NEW-USD')
    source.removeSymbol('ABC-USD')
    await source.world.clock.advance(100)
    expect(source.faults.map(({ message }) => message)).toEqual(['unsubscribe'])
    expect([...source.subscribed]).toContain('NEW-USD')
  })

  test('a subscription that failed is made with the next start', async () => {
    const source = await started()
    source.subscribeFails = 'false'
    source.addSymbol('NEW-USD')
    await source.world.clock.advance(100)
    source.subscribeFails = undefined
    await vt(source, source.restart())
    expect([...source.subscribed].sort()).toEqual(['ABC-USD', 'NEW-USD'])
  })

  test('a symbol whose subscription failed: asked for again with the next change, not unsubscribed', async () => {
    const source = await started()
    source.subscribeFails = 'false'
    source.addSymbol('NEW-USD')
    source.addSymbol('BAD-USD')
    await source.world.clock.advance(100)
    source.subscribeFails = undefined
    source.removeSymbol('BAD-USD')
    source.addSymbol('XYZ-USD')
    await source.world.clock.advance(100)
    expect([...source.subscribed].sort()).toEqual(['ABC-USD', 'NEW-USD', 'XYZ-USD'])
    expect(source.calls.filter((call) => call.startsWith('unsubscribe'))).toEqual([])
  })

  test('from within a callback', async () => {
    const source = await started()
    source.addDataCallback('trade', () => {
      source.addSymbol('NEW-USD')
    })
    await source.world.clock.advance(5_000)
    expect(source.calls.filter((call) => call.startsWith('subscribe'))).toEqual(['subscribe ABC-USD', 'subscribe NEW-USD'])
  })
})

describe('code of yours that throws', () => {
  const broken = (): never => {
    throw new Error('mine')
  }

  test('costs nothing: listeners of every event, callbacks, and the logger', async () => {
    const logger: Logger = { debug: broken, info: broken, warn: broken, error: broken }
    const source = setUp({ logger, restartDelayMs: 1_000 })
    for (const event of ['status', 'error', 'restart', 'gap', 'subscription', 'raw', 'book'] as const) source.on(event, broken)
    source.addDataCallback('trade', broken)
    source.addDataCallback('trade', () => Promise.reject(new Error('mine, later')))
    const seen = vi.fn()
    source.addDataCallback('trade', seen)
    expect(await vt(source, source.start())).toBe(true)
    source.messages.push('bad')
    await source.world.clock.advance(3_000)
    await failOnce(source)
    await source.world.clock.advance(10_000)
    expect([source.status, source.getStatus().statistics.restarts]).toEqual(['running', 1])
    expect(seen.mock.calls.length).toBe(source.getStatus().statistics.messagesProcessed)
    expect(source.getStatus().statistics.callbackErrors).toBeGreaterThan(seen.mock.calls.length)
    await vt(source, source.stop())
    expect(source.status).toBe('stopped')
  })

  test.each(['start', 'stop', 'restart'] as const)(
    '%s from within every listener ends somewhere, and can be stopped',
    async (call) => {
      const source = await started({ restartDelayMs: 1_000 })
      let left = 20
      for (const event of ['status', 'restart', 'error'] as const) {
        source.on(event, () => {
          if (left-- > 0) void source[call]()
        })
      }
      source.messages.push('bad')
      await failOnce(source).catch(() => undefined)
      await source.world.clock.advance(120_000)
      left = 0
      await vt(source, source.stop())
      expect([source.status, source.connected, source.world.clock.pending]).toEqual(['stopped', 0, 0])
    },
  )

  test.each([
    ['undefined', undefined],
    ['a string', 'text'],
    ['an object without a prototype', Object.create(null)],
    ['an error of ours', new TapekeeperError('SOCKET_LOST', 'the line')],
  ])('handleMessages and processMessage may throw %s', async (_name, thrown) => {
    class Odd extends FakeSource {
      where: 'loop' | 'message' | undefined
      protected override async handleMessages(signal: AbortSignal): Promise<void> {
        await super.handleMessages(signal)
        if (this.where === 'loop') throw thrown
      }
      protected override processMessage(message: unknown) {
        if (this.where === 'message') throw thrown
        return super.processMessage(message)
      }
    }
    const source = new Odd(
      { restartDelayMs: 1_000 },
      createTestWorld(() => 0.5),
    )
    sources.push(source)
    await vt(source, source.start())
    source.where = 'message'
    await source.world.clock.advance(2_000)
    expect(source.status).toBe('running')
    source.where = 'loop'
    await until(source, () => source.status === 'unhealthy')
    source.where = undefined
    await until(source, () => source.status === 'running')
    expect(source.faults.length).toBeGreaterThanOrEqual(3)
    for (const fault of source.faults) expect(TapekeeperError.is(fault)).toBe(true)
  })
})

describe('getStatus, field by field', () => {
  const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
  type Statistics = CollectorStatusReport['statistics']

  /** Five trades, a bad message, a lost connection, a restart, two more trades. */
  async function eventful(): Promise<FakeSource> {
    const source = await started({ symbols: ['ABC-USD', 'XYZ-USD'], restartDelayMs: 1_000 })
    source.messages.push('a', 'b', 'c', 'd', 'e', 'bad')
    await source.world.clock.advance(6_100)
    await failOnce(source)
    while (source.status !== 'running') await source.world.clock.advance(1)
    await source.world.clock.advance(2_300)
    return source
  }

  const top: readonly (readonly [keyof CollectorStatusReport, unknown])[] = [
    ['exchange', 'fake'],
    ['status', 'running'],
    ['shouldBeRunning', true],
    ['symbols', ['ABC-USD', 'XYZ-USD']],
    ['dataTypes', ['trade']],
    ['autoRestart', true],
  ]
  const health: readonly (readonly [keyof CollectorStatusReport['health'], number])[] = [
    ['timeSinceHeartbeat', 0.3],
    ['timeSinceData', 0.3],
    ['maxSilenceDuration', 300],
  ]
  const statistics: readonly (readonly [keyof Statistics, unknown])[] = [
    ['messagesReceived', 8],
    ['messagesProcessed', 7],
    ['errors', 2],
    ['restarts', 1],
    ['uptimeSeconds', 2.3],
    ['reconnectAttempts', 1],
    ['lastMessageTime', iso],
    ['connectionUptime', iso],
    ['lastError', 'line cut'],
    ['lastRestartTime', iso],
    ['messagesByType', { trade: 7 }],
    ['bytesReceived', 0],
    ['errorsByCode', { FRAME_INVALID: 1, COLLECTOR_FAILED: 1 }],
    ['callbackErrors', 0],
    ['streamDropped', 0],
    ['gaps', 0],
    ['missingTrades', 0],
  ]

  test('the seed lists no field that is not here', async () => {
    const source = await eventful()
    const status = source.getStatus()
    for (const [field, expected] of top) expect([field, status[field]]).toEqual([field, expected])
    for (const [field, expected] of health) expect([field, near(status.health[field])]).toEqual([field, expected])
    for (const [field, expected] of statistics) expect([field, near(status.statistics[field])]).toEqual([field, expected])
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
  })

  test('times are those of the events, to the millisecond', async () => {
    const source = await eventful()
    const now = source.world.clock.now()
    const { statistics: of } = source.getStatus()
    expect(Date.parse(of.lastMessageTime!)).toBe(now - 300)
    expect(Date.parse(of.connectionUptime!)).toBeCloseTo(now - of.uptimeSeconds * 1_000)
    // The restart takes down (unsubscribe, disconnect) in no time, and comes up in connectMs + subscribeMs.
    expect(Date.parse(of.connectionUptime!) - Date.parse(of.lastRestartTime!)).toBe(20)
  })

  test('before the first start, and after the stop: null and 0, not NaN', async () => {
    const source = setUp()
    const before = source.getStatus()
    expect(before).toMatchObject({
      status: 'stopped',
      shouldBeRunning: false,
      health: { timeSinceHeartbeat: null, timeSinceData: null },
      statistics: {
        messagesReceived: 0,
        uptimeSeconds: 0,
        lastMessageTime: null,
        connectionUptime: null,
        lastError: null,
        lastRestartTime: null,
      },
    })
    await vt(source, source.start())
    await source.world.clock.advance(5_500)
    await vt(source, source.stop())
    await source.world.clock.advance(60_000)
    expect(source.getStatus()).toMatchObject({
      status: 'stopped',
      health: { timeSinceHeartbeat: null },
      statistics: { messagesReceived: 5, uptimeSeconds: 0, connectionUptime: null },
    })
  })

  test('a snapshot: neither does it change later, nor does changing it change the collector', async () => {
    const source = await started()
    const early = source.getStatus()
    const copy = structuredClone(early)
    ;(early.symbols as string[]).push('MINE')
    await source.world.clock.advance(5_500)
    await failOnce(source)
    expect({ ...early, symbols: copy.symbols }).toEqual(copy)
    expect(source.symbols).toEqual(['ABC-USD'])
  })

  test('getHealthStatus: the seven fields of the seed, while running, stale, and in the error state', async () => {
    const source = await started({ autoRestart: false, maxSilenceDurationMs: 30_000 })
    await source.world.clock.advance(5_500)
    const running: HealthStatus = source.getHealthStatus()
    expect(running).toEqual({
      isHealthy: true,
      issues: [],
      status: 'running',
      lastHeartbeat: iso,
      lastDataReceived: iso,
      shouldBeRunning: true,
      isRunning: true,
    })
    expect(Date.parse(running.lastDataReceived!)).toBe(source.world.clock.now() - 500)
    source.silent = true
    await source.world.clock.advance(50_000)
    expect(source.getHealthStatus()).toMatchObject({
      isHealthy: false,
      status: 'unhealthy',
      isRunning: true,
      shouldBeRunning: true,
    })
    expect(source.getHealthStatus().issues.join()).toMatch(/no data for \d+\.\d s/)
    source.connectFails = 'throw'
    await vt(source, source.restart())
    expect(source.getHealthStatus()).toMatchObject({ isHealthy: false, status: 'error', isRunning: false, shouldBeRunning: true })
    expect(source.getHealthStatus().issues).not.toEqual([])
  })

  const near = (value: unknown): unknown => (typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value)
})

describe('quiet', () => {
  test('without a listener, what goes wrong is in the log: once each, with the component', async () => {
    const lines: [string, unknown][] = []
    const logger: Logger = { ...silentLogger, error: (message, fields) => void lines.push([message, fields]) }
    class Unheard extends FakeSource {
      override on(): this {
        return this
      }
    }
    const source = new Unheard(
      { logger, componentName: 'mine', restartDelayMs: 1_000 },
      createTestWorld(() => 0.5),
    )
    sources.push(source)
    await vt(source, source.start())
    await failOnce(source)
    await source.world.clock.advance(10_000)
    expect(lines).toEqual([['line cut', expect.objectContaining({ component: 'mine', code: 'COLLECTOR_FAILED' })]])
  })
})
