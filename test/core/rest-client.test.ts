import { delay, http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createRestClient, type RestOutcome } from '../../src/core/rest-client.ts'
import { systemHttp } from '../../src/ports/http.ts'
import { createTestWorld, inVirtualTime, type TestWorld } from '../support/test-ports.ts'

const URL = 'https://api.acme.test/v1/things'
const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

let asked = 0
let world: TestWorld

/** Answers each request with the next of these; the last one for ever. */
function answers(...list: (() => Response | Promise<Response>)[]): void {
  asked = 0
  server.use(http.get(URL, () => (list[asked++] ?? list.at(-1)!)()))
}

const read = (body: unknown): RestOutcome<unknown> => {
  const { code, data } = body as { code: string; data: unknown }
  if (code === '0') return { kind: 'ok', data }
  return code === '50011' ? { kind: 'retry', message: 'busy' } : { kind: 'failed', message: `${code} wrong` }
}

async function get(signal?: AbortSignal): Promise<unknown> {
  world = createTestWorld(() => 0.5)
  const client = createRestClient('https://api.acme.test/v1/', { ...world.ports, http: systemHttp })
  const result = client.get('/things', read, signal)
  const progress = { done: false }
  void result.then(
    () => (progress.done = true),
    () => (progress.done = true),
  )
  // The network is real time, the waiting between attempts is not.
  while (!progress.done) {
    await new Promise((resolve) => setImmediate(resolve))
    if (world.clock.pending > 0) await world.clock.advance(100)
  }
  expect(world.clock.pending).toBe(0)
  return result
}

const waited = (): number => world.clock.now() - Date.UTC(2026, 10, 22)
const ok = () => HttpResponse.json({ code: '0', data: [1, 2] })
const status =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new HttpResponse('', { status: code, headers })

describe('success', () => {
  test('reads the envelope', async () => {
    answers(ok)
    expect(await get()).toEqual([1, 2])
    expect([asked, waited()]).toEqual([1, 0])
  })

  test.each([
    ['5xx', status(502)],
    ['no connection', () => HttpResponse.error()],
    ['busy, says the body', () => HttpResponse.json({ code: '50011' })],
    ['busy, says the body of an error', () => HttpResponse.json({ code: '50011' }, { status: 400 })],
  ])('after %s, with a back-off', async (_name, first) => {
    answers(first, first, ok)
    expect(await get()).toEqual([1, 2])
    expect(asked).toBe(3)
    expect(waited()).toBeGreaterThanOrEqual(250 + 500)
  })

  test.each([429, 418])('after %i, as late as it says', async (code) => {
    answers(status(code, { 'Retry-After': '3' }), ok)
    await get()
    expect(asked).toBe(2)
    expect(waited()).toBeGreaterThanOrEqual(3_000)
    expect(waited()).toBeLessThan(3_200)
  })
})

describe('failure', () => {
  test.each([
    ['429 three times', status(429), 'RATE_LIMITED', 3, 'answered 429'],
    ['429 for longer than we wait', status(429, { 'Retry-After': '600' }), 'RATE_LIMITED', 1, 'answered 429'],
    ['503', status(503), 'REST_FAILED', 3, 'answered 503'],
    ['no connection', () => HttpResponse.error(), 'REST_FAILED', 3, 'no answer'],
    ['a broken body', () => HttpResponse.text('<html>'), 'REST_FAILED', 1, 'a body that cannot be read'],
    ['an empty body', () => HttpResponse.text(''), 'REST_FAILED', 1, 'a body that cannot be read'],
    ['a body that read() chokes on', () => HttpResponse.json(null), 'REST_FAILED', 1, 'a body that cannot be read'],
    ['a refusal in the body', () => HttpResponse.json({ code: '51001' }), 'REST_FAILED', 1, '51001 wrong'],
    [
      'data with an error status',
      () => HttpResponse.json({ code: '0', data: [] }, { status: 403 }),
      'REST_FAILED',
      1,
      'answered 403',
    ],
  ] as const)('%s', async (_name, answer, code, times, message) => {
    answers(answer)
    await expect(get()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
      context: { url: URL },
    })
    expect(asked).toBe(times)
  })

  test('a long body is not carried along', async () => {
    answers(() => HttpResponse.text('x'.repeat(100_000)))
    const error: unknown = await get().catch((thrown: unknown) => thrown)
    expect(JSON.stringify((error as { context: unknown }).context).length).toBeLessThan(1_000)
  })
})

describe('abort', () => {
  const reason = new Error('enough')

  test('during the request', async () => {
    answers(() => delay('infinite').then(ok))
    const control = new AbortController()
    const result = get(control.signal)
    control.abort(reason)
    await expect(result).rejects.toBe(reason)
  })

  test('before the request', async () => {
    answers(ok)
    await expect(get(AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(asked).toBe(0)
  })

  test('between two attempts: no timer is left', async () => {
    const other = createTestWorld(() => 0.5)
    const control = new AbortController()
    const client = createRestClient('https://api.acme.test', other.ports)
    other.answer = () => ({ status: 503, header: () => undefined, text: '' })
    const result = client.get('/x', read, control.signal)
    result.catch(() => undefined)
    await other.clock.settle()
    expect(other.clock.pending).toBe(1)
    control.abort(reason)
    await expect(inVirtualTime(other.clock, result)).rejects.toBe(reason)
    expect(other.clock.pending).toBe(0)
  })
})
