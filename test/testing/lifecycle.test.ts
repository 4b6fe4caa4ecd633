import { createVirtualClock, createVirtualExchange, startFakeExchange, type VirtualOptions } from 'tapekeeper/testing'
import { createServer } from 'node:net'
import { WebSocket } from 'ws'
import { expect, test } from 'vitest'
import { arg, loopback, subscribe } from './raw-client.ts'

const everything = [
  subscribe(arg('trades'), arg('tickers'), arg('books'), arg('books5'), arg('bbo-tbt'), arg('trades', 'NOPE-USDT')),
  subscribe(arg('trades', 'BTC-USD-SWAP'), arg('books', 'ETH-USDT')),
]

/** One busy virtual session with every kind of disturbance; returns all it heard. */
async function play(options: VirtualOptions): Promise<string> {
  const fake = createVirtualExchange(options)
  const heard: string[] = []
  const dial = (): void => {
    const socket = fake.ports.socket(fake.endpoints.public, {
      onOpen: () => everything.forEach((request) => socket.send(JSON.stringify(request))),
      onText: (text) => heard.push(`${fake.clock.now()} ${text}`),
      onBinary: (bytes) => heard.push(`${fake.clock.now()} binary ${bytes}`),
      onClose: (closed) => {
        heard.push(`${fake.clock.now()} closed ${closed.code}`)
        fake.clock.after(500 * fake.ports.random(), dial)
      },
    })
  }
  dial()
  await fake.clock.advance(5_000)
  fake.drop()
  fake.skip('BTC-USDT', 2)
  await fake.clock.advance(5_000)
  fake.emitTrades('BTC-USD-PERP', 7)
  fake.slow(40)
  fake.reorder('BTC-USDT')
  await fake.clock.advance(5_000)
  const rest = fake.ports.http({ url: `${fake.endpoints.rest}/api/v5/market/history-trades?instId=BTC-USDT` })
  await fake.clock.advance(100)
  heard.push((await rest).text)
  await fake.close()
  expect(fake.clock.pending).toBe(1) // The client's own timer of its next dial.
  return heard.join('\n')
}

test('the same seed and the same calls are the same to the byte', async () => {
  const [first, second] = [await play({ seed: 42 }), await play({ seed: 42 })]
  expect(first.length).toBeGreaterThan(100_000)
  expect(first === second).toBe(true)
  expect((await play({ seed: 43 })) === first).toBe(false)
})

test('the wall clock of the machine under test is nothing to the exchange: the same frames, stamps and answers at the same time', async () => {
  const heardWith = async (stepMs: number): Promise<string[]> => {
    const fake = createVirtualExchange({ seed: 6, networkDelayMs: 7 })
    const heard: string[] = []
    const hear = (text: string): void => void heard.push(`${fake.clock.elapsed()} ${text}`)
    const socket = fake.ports.socket(fake.endpoints.public, {
      onOpen: () => everything.forEach((request) => socket.send(JSON.stringify(request))),
      onText: hear,
      onBinary: () => undefined,
      onClose: ({ code }) => hear(`closed ${code}`),
    })
    for (let second = 0; second < 10; second++) {
      await fake.clock.advance(1_000)
      fake.clock.stepWall(second % 2 === 0 ? stepMs : -2 * stepMs)
      fake.slow(second === 3 ? 500 : 0)
      fake.trade('BTC-USDT')
      const rest = fake.ports.http({ url: `${fake.endpoints.rest}/api/v5/market/history-trades?instId=BTC-USDT` })
      await fake.clock.advance(100)
      void rest.then(({ text }) => hear(text))
    }
    await fake.clock.advance(40_000)
    await fake.close()
    return heard
  }
  const unstepped = await heardWith(0)
  expect(unstepped.length).toBeGreaterThan(100)
  for (const stepMs of [3_600_000, -600_000]) expect(await heardWith(stepMs)).toEqual(unstepped)
})

test('a market does not depend on who watches it, or when', async () => {
  const watched = createVirtualExchange({ seed: 9 })
  const socket = watched.ports.socket(watched.endpoints.public, {
    onOpen: () => socket.send(JSON.stringify(subscribe(arg('books'), arg('trades')))),
    onText: () => {},
    onBinary: () => {},
    onClose: () => {},
  })
  await watched.clock.advance(5_050)
  socket.close()
  await watched.clock.advance(4_950)
  const unwatched = createVirtualExchange({ seed: 9 })
  await unwatched.clock.advance(10_000)
  expect(unwatched.trades('BTC-USDT')).toEqual(watched.trades('BTC-USDT'))
  expect(unwatched.book('BTC-USDT')).toEqual(watched.book('BTC-USDT'))
})

test('closing a virtual exchange ends sockets and requests and leaves no timer', async () => {
  const clock = createVirtualClock()
  const fake = createVirtualExchange({ clock })
  const closed: number[] = []
  const handlers = { onText: () => {}, onBinary: () => {}, onClose: ({ code }: { code: number }) => closed.push(code) }
  const open = fake.ports.socket(fake.endpoints.public, {
    ...handlers,
    onOpen: () => everything.forEach((request) => open.send(JSON.stringify(request))),
  })
  await clock.advance(1_000)
  fake.ports.socket(fake.endpoints.business, { ...handlers, onOpen: () => expect.unreachable() })
  fake.restDelay(5_000)
  const rest = fake.ports.http({ url: `${fake.endpoints.rest}/api/v5/public/time` })
  rest.catch(() => {})
  await clock.advance(1)
  await fake.close()
  await fake.close()
  expect([closed, clock.pending]).toEqual([[1006, 1006], 0])
  await expect(rest).rejects.toThrow('closed')
})

test('unknown hosts, time-outs and aborted requests of the virtual network', async () => {
  const fake = createVirtualExchange()
  const closed: unknown[] = []
  fake.ports.socket('ws://elsewhere.test/', {
    onOpen: () => {},
    onText: () => {},
    onBinary: () => {},
    onClose: ({ code, error }) => closed.push(code, error?.message),
  })
  fake.refuse({ hang: true })
  fake.ports.socket(fake.endpoints.public, {
    onOpen: () => {},
    onText: () => {},
    onBinary: () => {},
    onClose: ({ code, error }) => closed.push(code, error?.message),
  })
  fake.restDelay(60_000)
  const abort = new AbortController()
  const url = `${fake.endpoints.rest}/api/v5/public/time`
  const outcomes = [
    fake.ports.http({ url: 'http://elsewhere.test/' }),
    fake.ports.http({ url, timeoutMs: 500 }),
    fake.ports.http({ url, signal: abort.signal }),
    fake.ports.http({ url, signal: AbortSignal.abort(new Error('too late')) }),
  ].map((promise) => promise.then(String, (error: unknown) => (error as Error).message))
  await fake.clock.advance(1_000)
  abort.abort(new Error('changed my mind'))
  await fake.clock.advance(10_000)
  expect(await Promise.all(outcomes)).toEqual(['fetch failed', 'no answer within 500 ms', 'changed my mind', 'too late'])
  expect(closed).toEqual([1006, 'getaddrinfo ENOTFOUND elsewhere.test', 1006, 'Opening handshake has timed out'])
  await fake.close()
  expect(fake.clock.pending).toBe(0)
})

test('closing a real exchange cuts its clients, also hanging ones, and frees the port', async () => {
  const resources = (): number => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name)).length
  const before = resources()
  const { fake, dial } = await loopback({ enforceDialLimit: false })
  const [silent, client] = [await dial(), await dial()]
  fake.halfOpen()
  const third = await dial()
  third.send(everything[0])
  fake.refuse({ hang: true })
  const hanging = new WebSocket(fake.endpoints.public)
  const hangingEnd = new Promise((resolve) => hanging.on('error', resolve))
  fake.restDelay(60_000)
  const rest = fetch(`${fake.endpoints.rest}/api/v5/public/time`).catch(() => 'cut')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const port = Number(new URL(fake.endpoints.rest).port)
  await fake[Symbol.asyncDispose]()
  await hangingEnd
  expect(await rest).toBe('cut')
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect([silent, client, third].map(({ closed }) => closed?.code)).toEqual([1006, 1006, 1006])
  expect(fake.connections).toEqual([])

  const server = createServer().listen(port, '127.0.0.1')
  await new Promise((resolve) => server.on('listening', resolve))
  await new Promise((resolve) => server.close(resolve))
  expect(resources()).toBeLessThanOrEqual(before + 1)
})

test('options that cannot be are refused at once', async () => {
  expect(() => createVirtualExchange({ tradesPerSecond: -1 })).toThrow('tradesPerSecond')
  expect(() => createVirtualExchange({ tradesPerSecond: { 'BTC-USDT': NaN } })).toThrow('BTC-USDT')
  await expect(startFakeExchange({ exchange: 'acme' as 'okx' })).rejects.toThrow('acme')
  const fake = await startFakeExchange()
  await expect(startFakeExchange({ port: Number(new URL(fake.endpoints.rest).port) })).rejects.toThrow('EADDRINUSE')
  await fake.close()
})

test('tradesPerSecond may differ by symbol, in either spelling', async () => {
  const fake = createVirtualExchange({ historyMs: 0, tradesPerSecond: { 'BTC-USDT': 0, 'BTC-USDT-PERP': 50 } })
  await fake.clock.advance(10_000)
  expect(fake.trades('BTC-USDT')).toEqual([])
  expect(fake.trades('BTC-USDT-SWAP').length).toBeGreaterThan(fake.trades('ETH-USDT').length * 3)
  await fake.close()
})

test('frames are compressed for clients that offer it, when asked to', async () => {
  for (const compression of [false, true]) {
    const fake = await startFakeExchange({ compression })
    const socket = new WebSocket(fake.endpoints.public)
    const text = new Promise((resolve) => socket.on('message', (data: Buffer) => resolve(data.toString('utf8'))))
    await new Promise((resolve) => socket.on('open', resolve))
    expect(socket.extensions.includes('permessage-deflate')).toBe(compression)
    fake.broadcast('x'.repeat(5_000))
    expect(await text).toBe('x'.repeat(5_000))
    await fake.close()
  }
})

test('a reader that is too slow is closed with 4005', async () => {
  const { fake, dial, until } = await loopback()
  const client = await dial()
  const slow = new WebSocket(fake.endpoints.public)
  const closed = new Promise((resolve) => slow.on('close', resolve))
  await new Promise((resolve) => slow.on('open', resolve))
  slow.pause()
  const frame = 'x'.repeat(16 * 1024 * 1024)
  for (let i = 0; i < 8; i++) fake.connections[1]!.send(frame)
  slow.resume()
  expect(await closed).toBe(4005)
  client.sendText('ping')
  await until(() => client.frames.includes('pong'), 'the other connection is well')
  await fake.close()
})
