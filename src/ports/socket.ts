import WebSocket from 'isomorphic-ws'
import { systemClock } from './clock.ts'
import { retryAfterMs } from './retry-after.ts'

/** Why a socket is no longer there. Codes as in RFC 6455; 1006 when there was no close frame. */
export interface SocketClosed {
  readonly code: number
  readonly reason: string
  /** HTTP status with which the handshake was refused, where the platform shows it (not in browsers). */
  readonly status?: number | undefined
  /** The refusal's `Retry-After`, milliseconds, as long as it may be. */
  readonly retryAfterMs?: number | undefined
  readonly error?: Error | undefined
}

export interface SocketHandlers {
  onOpen(): void
  onText(text: string): void
  /** Text is all any exchange here speaks; a binary message is only counted. */
  onBinary(bytes: number): void
  /** Exactly once, also for a socket that never opened. Nothing is called afterwards. */
  onClose(closed: SocketClosed): void
}

export interface Socket {
  /** Quietly does nothing when the socket is not open. */
  send(text: string): void
  /** Says goodbye, then ends; cut off when the peer does not answer within `graceMs`. */
  close(graceMs?: number): void
  /** Ends at once: nothing arrives after this call but `onClose`. */
  terminate(): void
}

export type SocketFactory = (url: string, handlers: SocketHandlers) => Socket

/**
 * Larger messages end the connection (1009), all their fragments together; `ws` bounds the number of fragments, too. Above whatever our
 * decoders read, and far above any honest frame: a full snapshot of 5,000 levels is under 1 MB.
 */
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
const CLOSE_GRACE_MS = 2_000

/** What `ws` has and a browser's WebSocket has not. */
interface NodeSocket {
  on(event: 'unexpected-response', listener: (request: { destroy(): void }, response: NodeResponse) => void): void
  on(event: 'error', listener: (error: Error) => void): void
  terminate(): void
}
interface NodeResponse {
  readonly statusCode?: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  resume(): void
}

/** Real sockets: `ws` in Node, the platform's own in a browser. */
export const systemSocket: SocketFactory = (url, handlers) => {
  let closed = false
  let refusal: Pick<SocketClosed, 'status' | 'retryAfterMs'> = {}
  let failure: Error | undefined
  let graceTimer: ReturnType<typeof setTimeout> | undefined

  const finish = (code: number, reason: string): void => {
    if (closed) return
    closed = true
    clearTimeout(graceTimer)
    handlers.onClose({ code, reason, error: failure, ...refusal })
  }

  // Compression costs a zlib context per socket and latency per frame; payloads stay JSON text either way.
  const socket = openSocket(url)
  const node = asNodeSocket(socket)
  socket.binaryType = 'arraybuffer'
  socket.onopen = () => {
    if (!closed) handlers.onOpen()
  }
  socket.onmessage = (event) => {
    if (closed) return
    const data: unknown = event.data
    if (typeof data === 'string') handlers.onText(data)
    else handlers.onBinary(data instanceof ArrayBuffer ? data.byteLength : 0)
  }
  socket.onclose = (event) => finish(event.code, event.reason)
  if (node === undefined) {
    // A browser tells nothing about the failure and always follows with a close event.
    socket.onerror = () => undefined
  } else {
    node.on('error', (error) => {
      failure ??= error
    })
    node.on('unexpected-response', (request, response) => {
      const { 'retry-after': retryAfter, date } = response.headers
      refusal = {
        status: response.statusCode,
        retryAfterMs: retryAfterMs(retryAfter, [date].flat()[0], systemClock.now()),
      }
      response.resume()
      request.destroy()
      finish(1006, `HTTP ${response.statusCode ?? 'error'}`)
      node.terminate()
    })
  }

  const terminate = (): void => {
    if (node !== undefined) node.terminate()
    else socket.close()
    finish(1006, 'terminated')
  }
  return {
    send(text) {
      if (socket.readyState === socket.OPEN) socket.send(text)
    },
    close(graceMs = CLOSE_GRACE_MS) {
      if (closed) return
      if (socket.readyState !== socket.OPEN) {
        terminate()
        return
      }
      graceTimer = setTimeout(terminate, graceMs)
      socket.close(1000)
    },
    terminate,
  }
}

function openSocket(url: string): WebSocket {
  if (isNode(WebSocket))
    return new WebSocket(url, { perMessageDeflate: false, maxPayload: MAX_PAYLOAD_BYTES, handshakeTimeout: 10_000 })
  return new WebSocket(url)
}

const isNode = (constructor: object): boolean => 'WebSocketServer' in constructor || 'Server' in constructor

function asNodeSocket(socket: unknown): NodeSocket | undefined {
  return typeof (socket as { terminate?: unknown }).terminate === 'function' ? (socket as NodeSocket) : undefined
}
