import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { delay, http, HttpResponse, passthrough } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemHttp } from '../../src/ports/http.ts'

const URL = 'https://api.acme.test/thing'
const server = setupServer()
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }))
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

describe('systemHttp', () => {
  test('an answer is an answer, whatever its status', async () => {
    for (const status of [200, 404, 429, 503]) {
      server.use(http.get(URL, () => HttpResponse.text('body', { status, headers: { 'Retry-After': '7' } })))
      const response = await systemHttp({ url: URL })
      expect([response.status, response.text, response.header('retry-after'), response.header('x-none')]).toEqual([
        status,
        'body',
        '7',
        undefined,
      ])
    }
  })

  test('sends method, headers and body', async () => {
    server.use(
      http.post(URL, async ({ request }) => HttpResponse.text(`${request.headers.get('x-key')} ${await request.text()}`)),
    )
    const response = await systemHttp({ url: URL, method: 'POST', headers: { 'x-key': 'k' }, body: '{"a":1}' })
    expect(response.text).toBe('k {"a":1}')
  })

  test('no connection: rejects', async () => {
    server.use(http.get(URL, () => HttpResponse.error()))
    await expect(systemHttp({ url: URL })).rejects.toThrow()
  })

  test('no answer in time: rejects and says so', async () => {
    server.use(http.get(URL, () => delay('infinite')))
    await expect(systemHttp({ url: URL, timeoutMs: 5 })).rejects.toThrow('no answer within 5 ms')
  })

  test('a body that never ends is cut off too', async () => {
    // A real server: msw does not abort a body that is being read.
    const real = createServer((_request, response) => response.writeHead(200).write('{"a":'))
    await new Promise<void>((resolve) => real.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(real.address() as AddressInfo).port}/`
    server.use(http.get(url, () => passthrough()))
    await expect(systemHttp({ url, timeoutMs: 50 })).rejects.toThrow()
    real.closeAllConnections()
    await new Promise((resolve) => real.close(resolve))
  })

  test('an aborted signal: rejects with its reason, before and meanwhile', async () => {
    server.use(http.get(URL, () => delay('infinite')))
    const reason = new Error('enough')
    await expect(systemHttp({ url: URL, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const control = new AbortController()
    const asked = systemHttp({ url: URL, signal: control.signal })
    control.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  test('leaves no listener on a long-lived signal, and no timer', async () => {
    server.use(http.get(URL, () => HttpResponse.text('ok')))
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    const clear = vi.spyOn(globalThis, 'clearTimeout')
    await systemHttp({ url: URL, signal })
    expect(add).toHaveBeenCalledTimes(1)
    expect(remove.mock.calls[0]?.[1]).toBe(add.mock.calls[0]?.[1])
    expect(clear).toHaveBeenCalled()
    clear.mockRestore()
  })
})

describe('a user and a password in the URL', () => {
  test('become a header, which one given by hand wins over', async () => {
    server.use(
      http.get(URL, ({ request }) =>
        HttpResponse.json({ url: request.url, authorization: request.headers.get('authorization') }),
      ),
    )
    const answer = async (url: string, headers?: Record<string, string>): Promise<unknown> =>
      JSON.parse((await systemHttp({ url, ...(headers === undefined ? {} : { headers }) })).text)
    const expected = `Basic ${Buffer.from('us er:pässword').toString('base64')}`
    const url = 'https://us%20er:p%C3%A4ssword@api.acme.test/thing'
    expect(await answer(url)).toEqual({ url: URL, authorization: expected })
    expect(await answer(url, { authorization: 'Bearer x' })).toEqual({ url: URL, authorization: 'Bearer x' })
    expect(await answer(`${URL}?mail=a@b.c`)).toEqual({ url: `${URL}?mail=a@b.c`, authorization: null })
  })

  test('are in no error', async () => {
    server.use(http.get(URL, () => HttpResponse.error()))
    const error: unknown = await systemHttp({ url: 'https://user:password@api.acme.test/thing' }).catch(
      (reason: unknown) => reason,
    )
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('password')
  })
})
