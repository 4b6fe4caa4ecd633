import { delay, http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createRestClient, type RestOutcome } from '../../src/core/rest-client.ts'
import { systemHttp } from '../../src/ports/http.ts'
import { UnacceptableAnswer } from '../../src/ports/http-body.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import { createTestWorld, httpAnswer, inVirtualTime, type TestWorld } from '../support/test-ports.ts'

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

describe('told to stay away', () => {
  const YEARS_30 = '946080000'
  const data = { code: '0', data: [] }

  /** A client whose every answer is canned, in virtual time; the first answer has this `Retry-After`. */
  function told(retryAfter: string, more: { readonly date?: string; readonly status?: number } = {}) {
    const made = createTestWorld(() => 0.5)
    const warnings: { message: string; fields: unknown }[] = []
    const logger = { ...silentLogger, warn: (message: string, fields: unknown) => warnings.push({ message, fields }) }
    const client = createRestClient('https://api.acme.test', made.ports, { logger: () => logger })
    const sent: number[] = []
    const { status = 429, date } = more
    made.answer = () => {
      sent.push(made.clock.elapsed())
      return sent.length === 1
        ? httpAnswer(status, '', { 'retry-after': retryAfter, ...(date === undefined ? {} : { date }) })
        : httpAnswer(200, data)
    }
    const ask = (): Promise<unknown> => inVirtualTime(made.clock, client.get('/x', read)).catch((error: unknown) => error)
    return { world: made, ask, sent, warnings }
  }

  test.each([429, 418])('for thirty years (%i): ten minutes, and that is told', async (status) => {
    const { world: made, ask, sent, warnings } = told(YEARS_30, { status })
    const words = `https://api.acme.test/x answered ${status}; it asks us to stay away for 946080000 s, we try again after 600 s`
    const context = { retryAfterMs: 946_080_000_000, status }
    expect(await ask()).toMatchObject({ code: 'RATE_LIMITED', message: words, context })
    expect(warnings).toMatchObject([{ message: words, fields: context }])
    await made.clock.advance(594_000)
    expect(await ask()).toMatchObject({ code: 'RATE_LIMITED', message: expect.stringContaining('for 6 s more') as string })
    expect(sent).toHaveLength(1)
    await made.clock.advance(6_000)
    expect(await ask()).toEqual([])
    expect(sent).toEqual([0, 600_000])
    expect(warnings).toHaveLength(1)
  })

  test.each([
    ['for less than nothing', '-5', 250],
    ['for something that is no number', 'NaN', 250],
    ['for something that is no time', 'soon', 250],
    ['in a list', '1, 3, 2', 3_000],
  ])('%s', async (_name, value, expected) => {
    const { ask, sent } = told(value)
    expect(await ask()).toEqual([])
    expect(sent).toEqual([0, expected])
  })

  test.each([-3_600_000, 0, 3_600_000])('until a date, with the wall clock %i ms off', async (off) => {
    const at = Date.UTC(2026, 10, 22, 12)
    const { world: made, ask, sent } = told(new Date(at + 3_000).toUTCString(), { date: new Date(at).toUTCString() })
    made.clock.stepWall(at - made.clock.now() + off)
    expect(await ask()).toEqual([])
    expect(sent).toEqual([0, 3_000])
  })

  test.each([-600_000, 600_000])('the wall clock is set by %i ms meanwhile: nothing changes', async (stepMs) => {
    const { world: made, ask, sent } = told('60')
    expect(await ask()).toMatchObject({ code: 'RATE_LIMITED' })
    made.clock.stepWall(stepMs)
    await made.clock.advance(54_000)
    expect(await ask()).toMatchObject({ code: 'RATE_LIMITED' })
    await made.clock.advance(6_000)
    expect(await ask()).toEqual([])
    expect(sent).toEqual([0, 60_000])
  })
})

describe('answers that are none', () => {
  test.each([
    [
      'too long',
      new UnacceptableAnswer('a body of more than 9 bytes'),
      'https://api.acme.test/x answered with a body of more than 9 bytes',
      1,
    ],
    [
      'elsewhere',
      new UnacceptableAnswer('a redirect to another origin, https://evil'),
      'answered with a redirect to another origin',
      1,
    ],
    [
      'nobody there',
      new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED ::1:1') }),
      'no answer from https://api.acme.test/x: connect ECONNREFUSED ::1:1',
      3,
    ],
  ] as const)('%s: said in words, and asked for again only where that may help', async (_name, error, message, times) => {
    const other = createTestWorld(() => 0.5)
    const client = createRestClient('https://api.acme.test', other.ports)
    other.answer = () => Promise.reject(error)
    const failed = await inVirtualTime(other.clock, client.get('/x', read)).catch((thrown: unknown) => thrown)
    expect(failed).toMatchObject({ code: 'REST_FAILED', message: expect.stringContaining(message) as string, cause: error })
    expect(other.requests).toHaveLength(times)
    expect(other.requests[0]).toMatchObject({ timeoutMs: 5_000, maxBytes: 8 * 1024 * 1024 })
  })

  async function failureOf(answer: ReturnType<typeof httpAnswer>, maxBytes?: number): Promise<unknown> {
    const other = createTestWorld(() => 0.5)
    other.answer = () => answer
    const client = createRestClient('https://api.acme.test', other.ports, { maxBytes })
    return inVirtualTime(other.clock, client.get('/x', read)).catch((thrown: unknown) => thrown)
  }

  test('a port of the host that knows no bound: its answer is not parsed', async () => {
    const text = JSON.stringify({ code: '0', data: 'x'.repeat(2_000) })
    expect(await failureOf(httpAnswer(200, text), 2_000)).toMatchObject({
      message: expect.stringContaining('more than 2000 bytes') as string,
    })
    expect(await failureOf(httpAnswer(200, text), 3_000)).toHaveLength(2_000)
  })

  test('a page in place of JSON is called by its type', async () => {
    const page = httpAnswer(200, '<html>', { 'content-type': 'text/html; charset=utf-8' })
    expect(await failureOf(page)).toMatchObject({
      code: 'REST_FAILED',
      message: 'https://api.acme.test/x answered 200 with a body that cannot be read, text/html; charset=utf-8',
    })
  })

  test('JSON of a wrong type is JSON', async () => {
    expect(await failureOf(httpAnswer(200, { code: '0', data: [] }, { 'content-type': 'text/plain' }))).toEqual([])
  })

  test('nested without end', async () => {
    expect(await failureOf(httpAnswer(200, '['.repeat(1_000_000)))).toMatchObject({ code: 'REST_FAILED' })
  })

  test.each([302, 304])('HTTP %i is no success, whatever stands in it', async (code) => {
    expect(await failureOf(httpAnswer(code, { code: '0', data: [] }))).toMatchObject({
      message: `https://api.acme.test/x answered ${code}`,
    })
  })
})
