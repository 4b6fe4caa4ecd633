import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as realSleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CollectorStatus, type RestartNotice, silentLogger, type TapekeeperError } from 'tapekeeper'
import { FileReplay } from '../../examples/file-replay.ts'
import { createTestWorld, type TestWorld } from '../support/test-ports.ts'

/** Time is virtual, the file is real: what comes from it is waited for in real time while the virtual one stands still. */

let folder = ''
let files = 0
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tapekeeper-replay-'))))
afterAll(() => rm(folder, { recursive: true }))

const T0 = Date.UTC(2026, 10, 1)
const line = (id: number, atMs = id * 1_000, fields: object = {}): string =>
  JSON.stringify({
    symbol: 'BTC-USDT',
    id: String(id),
    price: '64214.5',
    size: '0.01',
    side: 'buy',
    timestamp: T0 + atMs,
    ...fields,
  })
const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => line(i + 1))
const ids = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

interface Setup {
  readonly replay: FileReplay
  readonly world: TestWorld
  readonly file: string
  /** In the order of delivery, and when: ms since the setup. */
  readonly seen: { readonly id: string; readonly at: number }[]
  readonly seenIds: () => string[]
  readonly errors: TapekeeperError[]
  readonly notices: RestartNotice[]
  readonly statuses: CollectorStatus[]
  readonly reasons: (string | undefined)[]
}

const setups: Setup[] = []

async function setUp(content: readonly string[] | string, options: Partial<ConstructorParameters<typeof FileReplay>[0]> = {}) {
  const file = join(folder, `${++files}.ndjson`)
  await writeFile(file, typeof content === 'string' ? content : content.map((text) => `${text}\n`).join(''))
  const world = createTestWorld(() => 0.5)
  const startedAt = world.clock.now()
  const replay = new FileReplay({
    file,
    symbols: ['BTC-USDT'],
    logger: silentLogger,
    restartDelayMs: 2_000,
    ports: world.ports,
    ...options,
  })
  const seen: Setup['seen'] = []
  const setup: Setup = {
    replay,
    world,
    file,
    seen,
    seenIds: () => seen.map(({ id }) => id),
    errors: [],
    notices: [],
    statuses: [],
    reasons: [],
  }
  replay.addDataCallback('trade', ({ data: { id } }) => seen.push({ id, at: world.clock.now() - startedAt }))
  replay.on('error', (error) => setup.errors.push(error))
  replay.on('restart', (notice) => setup.notices.push(notice))
  replay.on('status', ({ to, reason }) => {
    setup.statuses.push(to)
    setup.reasons.push(reason)
  })
  setups.push(setup)
  return setup
}

/** Until something is so; virtual time passes meanwhile, or stands still. */
async function until({ world }: Setup, isSo: () => boolean, pass: 'still' | 'passing' = 'passing'): Promise<void> {
  for (let i = 0; !isSo(); i++) {
    if (i > 20_000) throw new Error('never so')
    await world.clock.advance(pass === 'still' ? 0 : 10)
    await realSleep(0)
  }
}

const ended = (setup: Setup): Promise<void> => until(setup, () => setup.replay.status === 'stopped')

afterEach(async () => {
  for (const { replay, world } of setups.splice(0)) {
    await replay.stop(true)
    expect([replay.status, world.clock.pending]).toEqual(['stopped', 0])
  }
})

describe('the replay', () => {
  test('at ten times the speed: in order, each at its time', async () => {
    const setup = await setUp([line(1, 0), line(2, 1_000), line(3, 1_500), line(4, 61_500)], { speed: 10 })
    expect(await setup.replay.start()).toBe(true)
    await until(setup, () => setup.seen.length > 0, 'still')
    await setup.world.clock.advance(6_200)
    expect(setup.seen).toEqual([
      { id: '1', at: 0 },
      { id: '2', at: 100 },
      { id: '3', at: 150 },
      { id: '4', at: 6_150 },
    ])
    await ended(setup)
  })

  test('a line that is older than the one before it comes in its place in the file', async () => {
    const setup = await setUp([line(1, 5_000), line(2, 1_000), line(3, 6_000)], { speed: 1 })
    await setup.replay.start()
    await until(setup, () => setup.seen.length > 0, 'still')
    await setup.world.clock.advance(1_100)
    expect(setup.seen).toEqual([
      { id: '1', at: 0 },
      { id: '2', at: 0 },
      { id: '3', at: 1_000 },
    ])
    await ended(setup)
  })

  test('ten quiet hours in the file look neither stuck nor stale', async () => {
    const setup = await setUp([line(1, 0), line(2, 36_000_000)], { speed: 1 })
    await setup.replay.start()
    await until(setup, () => setup.seen.length > 0, 'still')
    await setup.world.clock.advance(35_999_000)
    expect(setup.replay.getHealthStatus()).toMatchObject({ isHealthy: true, issues: [], status: 'running' })
    await setup.world.clock.advance(1_100)
    expect([setup.seenIds(), setup.notices]).toEqual([['1', '2'], []])
    await ended(setup)
  })

  test('points are typed, with the time of then and of now', async () => {
    const setup = await setUp([line(7)])
    const trades = setup.replay.stream('trade')
    await setup.replay.start()
    await ended(setup)
    const { value } = (await trades.next()) as { value: unknown }
    expect(value).toEqual({
      exchange: 'file',
      symbol: 'BTC-USDT',
      dataType: 'trade',
      timestamp: T0 + 7_000,
      receivedAt: expect.any(Number) as number,
      data: { id: '7', price: '64214.5', size: '0.01', side: 'buy', backfilled: false },
    })
  })

  test('as fast as the slowest consumer reads: nothing is dropped from a queue of two', async () => {
    const setup = await setUp(lines(200))
    const trades = setup.replay.stream('trade', { highWaterMark: 2 })
    const read: string[] = []
    await setup.replay.start()
    const consumer = (async () => {
      for await (const { data } of trades) {
        read.push(data.id)
        await new Promise<void>((resolve) => setup.world.clock.after(10, resolve))
      }
    })()
    await ended(setup)
    await until(setup, () => read.length === 200)
    await setup.world.clock.advance(10)
    await consumer
    expect([read, trades.dropped, setup.errors]).toEqual([ids(1, 200), 0, []])
  })

  test('a consumer that went away holds nothing up', async () => {
    const setup = await setUp(lines(50))
    const trades = setup.replay.stream('trade', { highWaterMark: 2 })
    await setup.replay.start()
    await until(setup, () => setup.seen.length > 0)
    await trades.return()
    await ended(setup)
    expect(setup.seenIds()).toEqual(ids(1, 50))
  })

  test.each([0, -1, NaN])('a speed of %d is refused', async (speed) => {
    await expect(setUp([], { speed })).rejects.toThrow('speed must be more than 0')
  })
})

describe('damage', () => {
  test.each([
    ['no JSON', 'not json'],
    ['cut in the middle', line(2).slice(0, 40)],
    ['an empty line', ''],
    ['null', 'null'],
    ['a number', '42'],
    ['an array', '[]'],
    ['no id', line(2, 2_000, { id: undefined })],
    ['a side that is none', line(2, 2_000, { side: 'bid' })],
    ['a price in words', line(2, 2_000, { price: 'cheap' })],
    ['a price that is a number', line(2, 2_000, { price: 64214.5 })],
    ['a size with an exponent', line(2, 2_000, { size: '1e-7' })],
    ['a time in words', line(2, 2_000, { timestamp: 'yesterday' })],
    ['no time', line(2, 2_000, { timestamp: undefined })],
  ])('%s costs that line, at any speed', async (_name, damaged) => {
    for (const speed of [undefined, 10]) {
      const setup = await setUp([line(1), damaged, line(3)], speed === undefined ? {} : { speed })
      await setup.replay.start()
      await ended(setup)
      expect([speed, setup.seenIds(), setup.errors.map(({ code }) => code)]).toEqual([speed, ['1', '3'], ['FRAME_INVALID']])
      expect(setup.replay.getStatus().statistics).toMatchObject({ messagesReceived: 3, messagesProcessed: 2, restarts: 0 })
    }
  })

  test('the error names the line, also in a later run', async () => {
    const setup = await setUp([line(1), line(2), 'damaged', line(4)], { speed: 1 })
    await setup.replay.start()
    await until(setup, () => setup.seen.length === 1, 'still')
    await setup.replay.stop()
    await setup.replay.start()
    await ended(setup)
    expect(setup.errors.map(({ message }) => message)).toEqual([`line 3 of ${setup.file} is no trade`])
  })
})

describe('the end of the file', () => {
  test('is an end in order: stopped, no error, no restart, nothing pending, streams end after the last trade', async () => {
    const setup = await setUp(lines(3))
    const trades = setup.replay.stream('trade')
    await setup.replay.start()
    const read: string[] = []
    const consumer = (async () => {
      for await (const { data } of trades) read.push(data.id)
    })()
    await ended(setup)
    await consumer
    expect(setup.statuses).toEqual(['starting', 'running', 'stopping', 'stopped'])
    // Which tells it from a stop by hand.
    expect(setup.reasons).toEqual([undefined, undefined, 'end of file', 'end of file'])
    expect([read, setup.errors, setup.notices, setup.world.clock.pending]).toEqual([ids(1, 3), [], [], 0])
    expect(setup.replay.getStatus()).toMatchObject({
      status: 'stopped',
      shouldBeRunning: false,
      statistics: { uptimeSeconds: 0 },
    })
    expect(setup.replay.getHealthStatus()).toMatchObject({
      isHealthy: true,
      issues: [],
      isRunning: false,
      shouldBeRunning: false,
    })
  })

  test.each([
    ['nothing at all', '', []],
    ['no newline at the end', lines(2).join('\n'), ['1', '2']],
    ['lines of Windows', lines(2).join('\r\n') + '\r\n', ['1', '2']],
  ])('of %s', async (_name, content, expected) => {
    const setup = await setUp(content)
    await setup.replay.start()
    await ended(setup)
    expect([setup.seenIds(), setup.errors]).toEqual([expected, []])
  })

  test('started again there is nothing more; what was appended meanwhile is', async () => {
    const setup = await setUp(lines(3))
    for (const [appended, expected] of [
      [[], 3],
      [[line(4), line(5)], 5],
      [[], 5],
    ] as const) {
      await setup.replay.start()
      await ended(setup)
      for (const text of appended) await appendFile(setup.file, `${text}\n`)
      await setup.replay.start()
      await ended(setup)
      expect(setup.seenIds()).toEqual(ids(1, expected))
    }
    expect(setup.notices).toEqual([])
  })

  test('a stop in the very moment of the end', async () => {
    const setup = await setUp(lines(3))
    let stop: Promise<void> | undefined
    setup.replay.addDataCallback('trade', ({ data }) => {
      if (data.id === '3') stop = setup.replay.stop()
    })
    await setup.replay.start()
    await ended(setup)
    await stop
    expect(setup.statuses).toEqual(['starting', 'running', 'stopping', 'stopped'])
  })
})

describe('stopped in the middle, and started again', () => {
  test.each(['stop', 'force', 'restart'] as const)('%s: goes on after the last line delivered, wherever it was', async (how) => {
    for (const after of [1, 2, 3, 17, 39]) {
      const setup = await setUp(lines(40), { speed: 1 })
      const trades = setup.replay.stream('trade')
      await setup.replay.start()
      await until(setup, () => setup.seen.length > 0, 'still')
      await setup.world.clock.advance((after - 1) * 1_000 + 500)
      expect(setup.seen).toHaveLength(after)
      if (how === 'restart') expect(await setup.replay.restart()).toBe(true)
      else {
        await setup.replay.stop(how === 'force')
        await setup.world.clock.advance(3_600_000)
        expect(await setup.replay.start()).toBe(true)
      }
      // Its next trade comes at once, and the rhythm begins there.
      await until(setup, () => setup.seen.length > after, 'still')
      await setup.world.clock.advance(60_000)
      await until(setup, () => setup.replay.status === 'stopped', 'still')
      expect([after, setup.seenIds(), setup.errors]).toEqual([after, ids(1, 40), []])
      const times = setup.seen.slice(after).map(({ at }) => at)
      // To 10 ms: now and then the message loop makes room for timers.
      expect(times.map((at) => Math.round((at - times[0]!) / 10) * 10)).toEqual(times.map((_, i) => i * 1_000))
      // A restart keeps the streams.
      expect(trades.size).toBe(how === 'restart' ? 40 : after)
    }
  })

  test('from within a callback, ten times, in a file of many blocks', async () => {
    const setup = await setUp(lines(10_000))
    setup.replay.addDataCallback('trade', ({ data }) => {
      if (Number(data.id) % 1_000 === 0) void setup.replay.stop()
    })
    for (let run = 0; run < 11; run++) {
      await setup.replay.start()
      await ended(setup)
    }
    expect([setup.seenIds(), setup.errors]).toEqual([ids(1, 10_000), []])
  })

  test('a restart in a file of many blocks', async () => {
    const setup = await setUp(lines(10_000))
    setup.replay.addDataCallback('trade', ({ data }) => {
      if (data.id === '5000') void setup.replay.restart()
    })
    await setup.replay.start()
    await ended(setup)
    expect([setup.seenIds(), setup.notices.map(({ trigger }) => trigger)]).toEqual([ids(1, 10_000), ['manual']])
  })
})

describe('a file that cannot be read', () => {
  test('is not there: the start says so, and works once it is', async () => {
    const setup = await setUp(lines(2))
    await rm(setup.file)
    expect(await setup.replay.start()).toBe(false)
    expect(setup.replay.getStatus()).toMatchObject({ status: 'error', statistics: { restarts: 0 } })
    expect(setup.replay.lastError?.message).toContain('ENOENT')
    await writeFile(setup.file, `${line(1)}\n`)
    expect(await setup.replay.start()).toBe(true)
    await ended(setup)
    expect(setup.seenIds()).toEqual(['1'])
  })

  test('is a folder: what fails in the loop is a lost connection, and ends in the error state', async () => {
    const setup = await setUp([], { file: folder, maxRestarts: 2 })
    await setup.replay.start()
    await until(setup, () => setup.replay.status === 'error')
    expect(setup.notices.map(({ trigger }) => trigger)).toEqual(['connection-failure', 'connection-failure'])
    expect(setup.errors[0]).toMatchObject({ code: 'COLLECTOR_FAILED', consequence: 'restart' })
    expect(setup.errors[0]?.message).toContain('EISDIR')
  })
})

describe('symbols', () => {
  test('of the file that nobody asked for are left out; they come and go while it runs', async () => {
    const content = Array.from({ length: 9 }, (_, i) => line(i + 1, i * 1_000, { symbol: i % 2 === 0 ? 'BTC-USDT' : 'ETH-USDT' }))
    const setup = await setUp(content, { speed: 1 })
    await setup.replay.start()
    await until(setup, () => setup.seen.length > 0, 'still')
    await setup.world.clock.advance(2_500)
    setup.replay.addSymbol('ETH-USDT')
    await setup.world.clock.advance(2_000)
    setup.replay.removeSymbol('BTC-USDT')
    await setup.world.clock.advance(2_000)
    expect(setup.seenIds()).toEqual(['1', '3', '4', '5', '6'])
    await ended(setup)
    expect(setup.seenIds()).toEqual(['1', '3', '4', '5', '6', '8'])
  })
})
