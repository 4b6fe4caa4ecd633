import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import type { ConnectionSink, Venue } from '../venue.ts'

/** A venue on a real port. */
export interface LoopbackServer {
  readonly port: number
  close(): Promise<void>
}

const HOST = '127.0.0.1'
/** Requests beyond the exchange's own limit must reach it to be refused in its words; far beyond, `ws` itself cuts. */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

/** A reader that leaves this much unread is too slow; the exchange does not wait for it. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024

/** Serves WebSocket and REST on one port of 127.0.0.1. */
export async function listen(venue: Venue, port: number, compression: boolean): Promise<LoopbackServer> {
  const server = createServer((request, response) => answerRest(venue, request, response))
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_PAYLOAD_BYTES,
    perMessageDeflate: compression,
  })
  // Upgraded and hanging sockets are no longer the HTTP server's: it would not end them.
  const sockets = new Set<Socket>()

  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A client that vanishes in the middle of anything is the test's business, not a crash.
    socket.on('error', () => undefined)
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const { pathname } = new URL(request.url ?? '/', `http://${HOST}`)
    const answer = venue.dial(pathname)
    if (answer.kind === 'hang') return
    if (answer.kind === 'refused') {
      refuse(socket, answer.status, answer.retryAfterSeconds)
      return
    }
    upgrader.handleUpgrade(request, socket, head, (client) => {
      const connection = answer.open(sinkOf(client, socket))
      client.on('message', (data: Buffer) => connection.receive(data.toString('utf8')))
      client.on('close', () => connection.ended())
      client.on('error', () => undefined)
    })
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function sinkOf(client: WebSocket, socket: Socket): ConnectionSink {
  return {
    send(data) {
      if (client.readyState !== client.OPEN) return
      if (client.bufferedAmount > MAX_UNREAD_BYTES) client.close(4005, 'send buffer full')
      else client.send(data)
    },
    close: (code, reason) => client.close(code, reason),
    terminate: () => client.terminate(),
    goDeaf() {
      // `ws` would answer pings and close frames by itself. What arrives is read and thrown away,
      // so that the end of the peer is still noticed.
      socket.removeAllListeners('data')
      socket.on('data', () => undefined)
      socket.resume()
    },
  }
}

function refuse(socket: Socket, status: number, retryAfterSeconds: number | undefined): void {
  const retryAfter = retryAfterSeconds === undefined ? '' : `Retry-After: ${retryAfterSeconds}\r\n`
  socket.end(`HTTP/1.1 ${status} Refused\r\n${retryAfter}Connection: close\r\nContent-Length: 0\r\n\r\n`)
}

function answerRest(venue: Venue, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', `http://${HOST}`)
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
  request.resume()
  const cancel = venue.rest(
    { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, headers },
    (answer) => {
      if (answer === undefined) request.socket.destroy()
      else response.writeHead(answer.status, answer.headers).end(answer.body)
    },
  )
  response.on('close', cancel)
}
