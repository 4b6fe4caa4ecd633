import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { systemSocket, type Socket, type SocketClosed } from '../../src/ports/socket.ts'

// A few real sockets on the loopback: what `ws` really does when things go wrong.
describe('systemSocket', () => {
  let server: Server | undefined
  const clients: Socket[] = []
  /** The server's ends, so that none outlives its test. */
  const lines: Duplex[] = []

  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate()
    for (const line of lines.splice(0)) line.destroy()
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)))
    server = undefined
  })

  async function listen(made: Server): Promise<string> {
    server = made
    made.on('connection', (line) => lines.push(line))
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
    return `ws://127.0.0.1:${(made.address() as AddressInfo).port}`
  }

  interface Heard {
    readonly socket: Socket
    readonly events: string[]
    readonly opened: Promise<void>
    readonly closed: Promise<SocketClosed>
  }

  function connect(url: string, onText?: (text: string) => void): Heard {
    const events: string[] = []
    let open: () => void
    let close: (closed: SocketClosed) => void
    const opened = new Promise<void>((resolve) => (open = resolve))
    const closed = new Promise<SocketClosed>((resolve) => (close = resolve))
    const socket = systemSocket(url, {
      onOpen: () => {
        events.push('open')
        open()
      },
      onText: (text) => {
        events.push(`text ${text}`)
        onText?.(text)
      },
      onBinary: (bytes) => events.push(`binary ${bytes}`),
      onClose: (why) => {
        events.push(`close ${why.code}`)
        close(why)
      },
    })
    clients.push(socket)
    return { socket, events, opened, closed }
  }

  test('speaks, hears text and counts binary', async () => {
    const made = createServer()
    new WebSocketServer({ server: made }).on('connection', (peer) => {
      peer.on('message', (data) => {
        peer.send(`echo ${(data as Buffer).toString()}`)
        peer.send(Buffer.from([1, 2, 3]))
        peer.close(4001, 'bye')
      })
    })
    const { socket, events, opened, closed } = connect(await listen(made))
    socket.send('too early')
    await opened
    socket.send('hi')
    expect(await closed).toMatchObject({ code: 4001, reason: 'bye' })
    expect(events).toEqual(['open', 'text echo hi', 'binary 3', 'close 4001'])
    socket.send('too late')
    socket.close()
    socket.terminate()
    expect(events).toHaveLength(4)
  })

  test('a refused handshake tells status and Retry-After, once', async () => {
    const made = createServer()
    made.on('upgrade', (_request, stream) =>
      stream.end('HTTP/1.1 429 Too Many Requests\r\nRetry-After: 12\r\nContent-Length: 0\r\n\r\n'),
    )
    const { events, closed } = connect(await listen(made))
    expect(await closed).toMatchObject({ code: 1006, status: 429, retryAfterMs: 12_000 })
    await new Promise((resolve) => setImmediate(resolve))
    expect(events).toEqual(['close 1006'])
  })

  test('nobody there', async () => {
    const url = await listen(createServer())
    await new Promise((resolve) => server?.close(resolve))
    server = undefined
    const closed = await connect(url).closed
    expect(closed).toMatchObject({ code: 1006 })
    expect(closed.error?.message).toContain('ECONNREFUSED')
  })

  test('a date in Retry-After is reckoned from the date of the refusal', async () => {
    const made = createServer()
    const [date, until] = ['Thu, 01 Jan 1970 00:00:00 GMT', 'Thu, 01 Jan 1970 00:00:30 GMT']
    made.on('upgrade', (_request, stream) =>
      stream.end(`HTTP/1.1 503 Away\r\nDate: ${date}\r\nRetry-After: ${until}\r\nContent-Length: 0\r\n\r\n`),
    )
    const { closed } = connect(await listen(made))
    expect(await closed).toMatchObject({ status: 503, retryAfterMs: 30_000 })
  })

  test('a message without end is cut off, in one piece or in any number of them', async () => {
    for (const [piece, count] of [
      ['x'.repeat(20_000_000), 1],
      ['x'.repeat(1_000_000), 20],
      ['x', 20_000],
    ] as const) {
      const made = createServer()
      new WebSocketServer({ server: made }).on('connection', (peer) => {
        peer.on('error', () => undefined)
        for (let i = 0; i < count; i++) peer.send(piece, { fin: count === 1 }, () => undefined)
      })
      const { closed, events } = connect(await listen(made))
      expect((await closed).error?.message).toMatch(/Max payload size exceeded|Too many message fragments/)
      expect(events).toEqual(['open', 'close 1006'])
      await new Promise((resolve) => {
        for (const line of lines.splice(0)) line.destroy()
        made.close(resolve)
      })
      server = undefined
    }
  })

  test('cut off', async () => {
    const made = createServer()
    new WebSocketServer({ server: made }).on('connection', (peer) => peer.terminate())
    expect(await connect(await listen(made)).closed).toMatchObject({ code: 1006 })
  })

  test('terminated: nothing is heard after it', async () => {
    const made = createServer()
    new WebSocketServer({ server: made }).on('connection', (peer) => peer.send('first'))
    const heard: Heard = connect(await listen(made), () => heard.socket.terminate())
    await heard.closed
    await new Promise((resolve) => setImmediate(resolve))
    expect(heard.events).toEqual(['open', 'text first', 'close 1006'])
  })

  test.each(['close', 'terminate'] as const)('%s during the handshake', async (how) => {
    const made = createServer()
    made.on('upgrade', () => undefined)
    const { socket, events, closed } = connect(await listen(made))
    socket[how]()
    expect(await closed).toMatchObject({ code: 1006 })
    expect(events).toEqual(['close 1006'])
  })

  test('a peer that does not answer the goodbye is cut off', async () => {
    const made = createServer()
    new WebSocketServer({ server: made }).on('connection', (_peer, request) => request.socket.pause())
    const { socket, opened, closed } = connect(await listen(made))
    await opened
    socket.close(5)
    expect((await closed).code).toBe(1006)
  })
})
