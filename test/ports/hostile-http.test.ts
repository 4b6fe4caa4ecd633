import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { MAX_ANSWER_BYTES, systemHttp } from '../../src/ports/http.ts'

// Real servers on the loopback that mean no good: what `fetch` really does with them.

const servers: Server[] = []
afterEach(async () => {
  vi.unstubAllGlobals()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const LIMIT = 100_000

describe('a body without end', () => {
  test('is read up to the limit, and then the connection is ended', async () => {
    let sent = 0
    let hasEnded: (value: unknown) => void
    const ended = new Promise((resolve) => (hasEnded = resolve))
    const block = Buffer.alloc(64_000, 0x20)
    const url = await serve((_request, response) => {
      const pump = (): void => {
        while (!response.destroyed) {
          sent += block.length
          if (!response.write(block)) return
        }
      }
      response.on('drain', pump)
      response.on('close', hasEnded)
      response.on('error', () => undefined)
      pump()
    })
    await expect(systemHttp({ url, maxBytes: LIMIT })).rejects.toThrow('a body of more than 100000 bytes')
    await ended
    // Some of it was on its way.
    expect(sent).toBeLessThan(64_000_000)
  })

  test('that is small on the wire: its bytes count as they come out', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 0x20))
    expect(bomb.length).toBeLessThan(LIMIT)
    const url = await serve((_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    await expect(systemHttp({ url, maxBytes: LIMIT })).rejects.toThrow('a body of more than 100000 bytes')
  })

  test('that announces its size is not even begun', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': String(1e12) })
      response.write('{')
    })
    await expect(systemHttp({ url, maxBytes: LIMIT })).rejects.toThrow('a body of more than 100000 bytes')
  })

  test('that drips is given up in time', async () => {
    const timers: NodeJS.Timeout[] = []
    const url = await serve((_request, response) => timers.push(setInterval(() => response.write(' '), 5)))
    await expect(systemHttp({ url, timeoutMs: 100 })).rejects.toThrow('no answer within 100 ms')
    for (const timer of timers) clearInterval(timer)
  })

  test.each([
    ['of exactly the limit', LIMIT, true],
    ['of one byte more', LIMIT + 1, false],
    ['in many pieces', 3, true],
  ])('a body %s', async (_name, length, isTaken) => {
    const url = await serve((_request, response) => {
      for (let at = 0; at < length; at += 1_000) response.write('x'.repeat(Math.min(1_000, length - at)))
      response.end()
    })
    const answer = systemHttp({ url, maxBytes: LIMIT }).then(
      ({ text }) => text.length === length,
      () => false,
    )
    expect(await answer).toBe(isTaken)
  })

  test('the limit is 8 MiB where none is given', async () => {
    expect(MAX_ANSWER_BYTES).toBe(8 * 1024 * 1024)
    const url = await serve((_request, response) => response.end(Buffer.alloc(MAX_ANSWER_BYTES + 1, 0x20)))
    await expect(systemHttp({ url })).rejects.toThrow('a body of more than 8388608 bytes')
  })
})

describe('a body that is no UTF-8', () => {
  const latin1 = Buffer.from('{"symbol":"\xc4"}', 'latin1')

  test('is not taken, because names in it may be damaged', async () => {
    const url = await serve((_request, response) => response.end(latin1))
    await expect(systemHttp({ url })).rejects.toThrow('a body that is not UTF-8')
  })

  test('of an error is words for people', async () => {
    const url = await serve((_request, response) => response.writeHead(503).end(latin1))
    expect(await systemHttp({ url })).toMatchObject({ status: 503, text: '{"symbol":"\ufffd"}' })
  })

  test('letters that are cut between two pieces are whole', async () => {
    const [first, second] = [Buffer.from('Ä').subarray(0, 1), Buffer.from('Ä').subarray(1)]
    const url = await serve((_request, response) => {
      response.write(first)
      setTimeout(() => response.end(second), 20)
    })
    expect((await systemHttp({ url })).text).toBe('Ä')
  })
})

describe('redirects', () => {
  const headers = { 'x-signature': 'ours' }

  async function elsewhere(): Promise<{ url: string; seen: IncomingMessage[] }> {
    const seen: IncomingMessage[] = []
    const url = await serve((request, response) => {
      seen.push(request)
      response.end('{}')
    })
    return { url, seen }
  }

  test.each([301, 302, 303, 307, 308])('%i to another origin: nothing goes there', async (status) => {
    const other = await elsewhere()
    const url = await serve((_request, response) => response.writeHead(status, { location: `${other.url}/x?token=t` }).end())
    await expect(systemHttp({ url, headers })).rejects.toThrow(`a redirect to another origin, ${other.url}`)
    expect(other.seen).toEqual([])
  })

  test.each([
    ['another port', 'http://127.0.0.1:1/'],
    ['another name of this host', 'http://localhost/'],
    ['another protocol', 'https://127.0.0.1/'],
    ['no protocol that one can ask', 'data:application/json,{}'],
    ['nothing that is an address', 'http://['],
  ])('to %s: refused', async (_name, location) => {
    const url = await serve((_request, response) => response.writeHead(302, { location }).end())
    await expect(systemHttp({ url })).rejects.toThrow(/a redirect to/)
  })

  test('by way of the same origin to another one: nothing goes there', async () => {
    const other = await elsewhere()
    const url = await serve((request, response) =>
      response.writeHead(302, { location: request.url === '/' ? '/further' : `${other.url}/` }).end(),
    )
    await expect(systemHttp({ url, headers })).rejects.toThrow('a redirect to another origin')
    expect(other.seen).toEqual([])
  })

  test('within the origin: followed, with what was sent', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/old?a=1') response.writeHead(308, { location: '/new?a=1' }).end()
      else response.end(`${request.url} ${String(request.headers['x-signature'])}`)
    })
    expect((await systemHttp({ url: `${url}/old?a=1`, headers })).text).toBe('/new?a=1 ours')
  })

  test('without end: three are followed', async () => {
    let asked = 0
    const url = await serve((_request, response) => {
      asked++
      response.writeHead(302, { location: '/' }).end()
    })
    await expect(systemHttp({ url })).rejects.toThrow('more than 3 redirects')
    expect(asked).toBe(4)
  })

  test('of a POST: only where it stays one', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/done') response.end(request.method)
      else response.writeHead(request.url === '/keep' ? 307 : 302, { location: '/done' }).end()
    })
    expect((await systemHttp({ url: `${url}/keep`, method: 'POST', body: '{}' })).text).toBe('POST')
    await expect(systemHttp({ url: `${url}/change`, method: 'POST', body: '{}' })).rejects.toThrow('a redirect (302) of a POST')
  })

  test('without an address: an answer like any other', async () => {
    const url = await serve((_request, response) => response.writeHead(304).end())
    expect(await systemHttp({ url })).toMatchObject({ status: 304, text: '' })
  })

  test('in a browser, which does not show where it leads: refused', async () => {
    const asked: unknown[] = []
    vi.stubGlobal('fetch', (_url: string, options: RequestInit) => {
      asked.push(options.redirect)
      return Promise.resolve({ type: 'opaqueredirect', status: 0, headers: new Headers(), body: null })
    })
    await expect(systemHttp({ url: 'https://api.acme.test/' })).rejects.toThrow('a redirect')
    expect(asked).toEqual(['manual'])
  })
})
