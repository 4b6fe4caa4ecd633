import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createOkxCollector } from 'tapekeeper'
import { createRecorder, createReplay, readRecording } from 'tapekeeper/node'
import { CORRUPT_KINDS, seededRandom, startFakeExchange } from 'tapekeeper/testing'
import { systemPorts } from '../../src/ports/ports.ts'
import { compiled } from '../support/compiled.ts'
import { observe, type Observation } from './observe.ts'
import { configFor, replayRun } from './replay-run.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-round-trip-'))
const file = join(folder, 'session.ndjson.gz')
afterAll(() => rmSync(folder, { recursive: true }))

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Real sockets, real time, and everything that a bad evening brings. */
describe('a troubled session on real sockets', () => {
  let live: Observation
  let endpoints: Record<string, string>

  beforeAll(async () => {
    await using fake = await startFakeExchange({ exchange: 'okx', seed: 11, tradesPerSecond: 60 })
    endpoints = { ...fake.endpoints }
    // Its jitter is short, so that the session is not spent waiting.
    const ports = { ...systemPorts, random: seededRandom('b') }
    const recorder = createRecorder({ file, exchange: 'okx', source: 'round-trip.test.ts', ports })
    const collector = createOkxCollector({ ...configFor(endpoints), ports: recorder.ports })
    live = observe(collector)
    const allIsWell = () => vi.waitUntil(() => collector.status === 'running', { timeout: 60_000 })
    fake.failRest({ status: 503, times: 1 })
    await collector.start()
    await sleep(500)
    fake.skip('BTC-USDT', 2)
    await sleep(300)
    for (const kind of CORRUPT_KINDS) {
      fake.corrupt(kind)
      await sleep(60)
    }
    fake.closeAfterAck({ forMs: 700 })
    fake.drop()
    await allIsWell()
    fake.failRest({ cut: true, times: 1 })
    fake.refuse({ status: 429, retryAfterSeconds: 1 })
    fake.drop()
    await vi.waitUntil(() => fake.dials.some(({ status }) => status === 429), { timeout: 60_000 })
    fake.accept()
    await allIsWell()
    fake.resend('BTC-USDT', 5)
    // A consumer that holds up the whole process for longer than the links' heartbeat.
    const until = Date.now() + 1_300
    while (Date.now() < until);
    fake.emitTrades('BTC-USDT', 300)
    fake.notice({ closeAfterMs: 500 })
    await sleep(2_000)
    await recorder.note('stop')
    await collector.stop()
    await recorder.close()
    expect(recorder).toMatchObject({ errors: 0, dropped: 0 })
  })

  test('was troubled indeed', async () => {
    const kinds: Record<string, number> = {}
    for await (const line of readRecording(file)) {
      const kind = 'd' in line ? line.d : 'url' in line ? (line.error ?? String(line.status)) : 'header'
      kinds[kind] = (kinds[kind] ?? 0) + 1
    }
    expect(kinds).toMatchObject({ header: 1, end: 1, note: 1 })
    for (const kind of ['dial', 'open', 'out', 'in', 'close', 'bye', 'binary', 'stall', 'request', '200', '503'])
      expect(kinds[kind], kind).toBeGreaterThan(0)
    expect(live.points.length).toBeGreaterThan(300)
    for (const code of ['SOCKET_LOST', 'SOCKET_REFUSED', 'FRAME_INVALID'])
      expect(live.events.some((event) => event.includes(code))).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('gives the same bytes when it is replayed, and again when it is replayed again', async () => {
    for (let i = 0; i < 2; i++) {
      const again = await replayRun(file, endpoints)
      expect(again.events).toEqual(live.events)
      expect(again.points).toEqual(live.points)
      expect(again.digest()).toBe(live.digest())
    }
  })

  test('gives the same bytes at twenty times real speed', async () => {
    const { startsAt, endsAt } = await createReplay(file)
    const from = performance.now()
    expect((await replayRun(file, endpoints, { speed: 20 })).digest()).toBe(live.digest())
    expect(performance.now() - from).toBeGreaterThanOrEqual((endsAt - startsAt) / 20 - 5)
  })

  test('gives the same bytes to a collector that knows the exchange under another address', async () => {
    const elsewhere = Object.fromEntries(
      Object.entries(endpoints).map(([name, url]) => [name, url.replace(/127\.0\.0\.1:\d+/, 'exchange.example')]),
    )
    expect((await replayRun(file, elsewhere)).points).toEqual(live.points)
  })

  test('gives the same bytes on Node 24', async ({ skip }) => {
    const env = { ...process.env, RECORDING: file, ENDPOINTS: JSON.stringify(endpoints) }
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const node24 = ['-y', '-p', 'node@24', 'node']
    const got = await run('npx', [...node24, '--version'], { cwd, env, timeout: 240_000 }).catch((error: unknown) =>
      String(error),
    )
    if (typeof got === 'string' || !got.stdout.startsWith('v24.')) {
      skip(`the npm package node@24 cannot be had: ${typeof got === 'string' ? got : got.stdout}`)
      return
    }
    const { stdout } = await run('npx', [...node24, compiled('test/recording/replay.script.ts')], { cwd, env })
    expect(JSON.parse(stdout)).toEqual({
      node: expect.stringMatching(/^v24\./) as string,
      points: live.points.length,
      events: live.events.length,
      digest: live.digest(),
    })
  }, 300_000)
})
