import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CollectorStatusReport, ManagerStatusReport } from 'tapekeeper'
import { METRICS } from '../../src/metrics/catalog.ts'
import { compiled } from '../support/compiled.ts'
import { Exposition } from '../metrics/exposition.ts'

// The example as its reader starts it: a process of its own, real sockets, real HTTP.

const root = fileURLToPath(new URL('../..', import.meta.url))
let child: ChildProcessByStdio<null, Readable, Readable>
const output = { stdout: '', stderr: '' }
let address = ''

async function printed(pattern: RegExp): Promise<RegExpExecArray> {
  for (;;) {
    const match = pattern.exec(output.stdout)
    if (match !== null) return match
    if (child.exitCode !== null) throw new Error(`it has ended: ${output.stdout}${output.stderr}`)
    await sleep(20)
  }
}

const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(`${address}${path}`, init)
const json = async <T>(path: string): Promise<T> => (await (await ask(path)).json()) as T
const scrape = async (): Promise<Exposition> => new Exposition(await (await ask('/metrics')).text())

beforeAll(async () => {
  const env = { ...process.env, PORT: '0' }
  child = spawn(process.execPath, [compiled('examples/server.ts')], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  address = (await printed(/^listening on (http:\/\/127\.0\.0\.1:\d+)$/m))[1]!
  await printed(/^collecting$/m)
})
afterAll(() => {
  if (child.exitCode === null) child.kill('SIGKILL')
})

describe('examples/server.ts', () => {
  test('GET /collectors/status: all of them', async () => {
    const { managerName, status, statistics, collectors } = await json<ManagerStatusReport>('/collectors/status')
    expect([managerName, status, Object.keys(collectors)]).toEqual(['server', 'running', ['BTC-USDT', 'ETH-USDT']])
    expect(statistics.runningCollectors).toBe(2)
  })

  test('GET /collectors/:name/status: one, and 404 for what is not there', async () => {
    const { exchange, symbols, status } = await json<CollectorStatusReport>('/collectors/ETH-USDT/status')
    expect([exchange, symbols, status]).toEqual(['okx', ['ETH-USDT'], 'running'])
    const none = await ask('/collectors/NOPE/status')
    expect([none.status, await none.json()]).toEqual([404, { error: 'no collector named NOPE; there are: BTC-USDT, ETH-USDT' }])
  })

  test('GET /health: 200 while all is well', async () => {
    const response = await ask('/health')
    expect([response.status, await response.json()]).toEqual([200, { isHealthy: true, status: 'running', failed: [] }])
  })

  test('GET /metrics: readable by Prometheus, every metric, counts that rise', async () => {
    const response = await ask('/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const first = new Exposition(await response.text())
    for (const { name, type } of METRICS) expect(first.types.get(name), name).toBe(type)
    expect(first.value('collectors', { exchange: 'okx', status: 'running' })).toBe(2)
    // Both pairs on one connection.
    expect(first.value('collector_connections', { exchange: 'okx' })).toBe(1)
    expect(first.sum('process_resident_memory_bytes')).toBeGreaterThan(0)
    await expect
      .poll(async () => (await scrape()).sum('collector_messages_total'))
      .toBeGreaterThan(first.sum('collector_messages_total'))
    const later = await scrape()
    for (const symbol of ['BTC-USDT', 'ETH-USDT']) {
      const count = () => later.value('collector_messages_total', { exchange: 'okx', symbol, type: 'orderbook' })
      expect(count()).toBeGreaterThan(0)
    }
    expect(later.value('collector_latency_seconds_count', { exchange: 'okx', type: 'orderbook' })).toBeGreaterThan(0)
  })

  test('POST /collectors/:name/restart: a restart that can be seen in the status and in the metrics', async () => {
    const restarts = async () => (await json<CollectorStatusReport>('/collectors/BTC-USDT/status')).statistics.restarts
    expect(await restarts()).toBe(0)
    const response = await ask('/collectors/BTC-USDT/restart', { method: 'POST' })
    expect([response.status, await response.json()]).toEqual([200, { success: true }])
    expect(await restarts()).toBe(1)
    expect((await json<ManagerStatusReport>('/collectors/status')).statistics.collectorRestarts).toBe(1)
    expect((await scrape()).value('collector_restarts_total', { exchange: 'okx', trigger: 'manual' })).toBe(1)
    expect((await ask('/collectors/NOPE/restart', { method: 'POST' })).status).toBe(404)
    expect((await ask('/health')).status).toBe(200)
  })

  /** As nothing but a browser or a raw client can send it: fetch sets these headers itself. */
  const raw = (method: string, path: string, headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(address)
      const sent = request({ hostname, port, method, path, headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.on('error', reject).end()
    })

  test('no page from elsewhere can restart anything, nor read under a name of its own', async () => {
    const restarts = async () => (await json<CollectorStatusReport>('/collectors/ETH-USDT/status')).statistics.restarts
    const own = new URL(address).host
    const before = await restarts()
    const restart = '/collectors/ETH-USDT/restart'
    const refused: readonly (readonly [number, string, string, Record<string, string>])[] = [
      [403, 'POST', restart, { origin: 'https://evil.example' }],
      [403, 'POST', restart, { origin: 'null' }],
      [403, 'POST', restart, { origin: 'http://127.0.0.1:1' }],
      [403, 'POST', restart, { origin: `https://${own}` }],
      [403, 'POST', restart, { 'sec-fetch-site': 'cross-site' }],
      [403, 'POST', restart, { 'sec-fetch-site': 'same-site' }],
      [403, 'PUT', restart, { origin: 'https://evil.example' }],
      [421, 'POST', restart, { host: 'evil.example' }],
      [421, 'GET', '/collectors/status', { host: 'evil.example:80' }],
      [421, 'GET', '/metrics', { host: '127.0.0.1.evil.example' }],
    ]
    for (const [status, method, path, headers] of refused)
      expect([await raw(method, path, headers), method, path, headers]).toEqual([status, method, path, headers])
    expect(await restarts()).toBe(before)
    expect(await raw('POST', restart, { origin: `http://${own}`, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await raw('GET', '/health', { host: 'LOCALHOST:8080', origin: 'https://evil.example' })).toBe(200)
    expect(await restarts()).toBe(before + 1)
  })

  test.skipIf(process.platform === 'win32')('SIGTERM: stops in order and ends by itself', async () => {
    child.kill('SIGTERM')
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    expect([code, signal]).toEqual([0, null])
    expect(output.stdout).toMatch(/^stopped after [1-9]\d* messages$/m)
    expect(output.stderr).toBe('')
    await expect(ask('/health')).rejects.toThrow()
  })
})
