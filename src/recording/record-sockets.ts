import type { Socket, SocketClosed, SocketFactory } from '../ports/socket.ts'
import { messageOf } from '../errors/tapekeeper-error.ts'
import type { EventClock } from './event-clock.ts'
import type { Log } from './recording-log.ts'
import type { Redact } from './redact.ts'

/** Sockets whose every word is written down. */
export function recordSockets(dial: SocketFactory, clock: EventClock, log: Log): SocketFactory {
  let connections = 0
  return (url, handlers) => {
    const c = ++connections
    log.learn(url)
    let isOpen = false
    let isTerminated = false
    let isClosed = false
    /** Within a call of ours that may end the connection there and then. */
    let isCalling = false

    const say = (d: 'dial' | 'bye', m: string): void => log.write(() => ({ t: clock.now(), d, m, c }))
    const whileAlive = (event: (at: number, s: { s?: 1 }) => void): void => {
      if (isTerminated || isClosed) return
      clock.dispatch((at, sameTurn) => {
        if (!isTerminated && !isClosed) event(at, sameTurn ? { s: 1 } : {})
      })
    }
    const onClose = (closed: SocketClosed, at: number, s: { s?: 1 }): void => {
      if (isClosed) return
      isClosed = true
      log.write(({ words }) => ({ t: at, d: 'close', m: words(closed.reason), c, ...factsOf(closed, words), ...s }))
      handlers.onClose(closed)
    }
    const calling = (call: () => void): void => {
      isCalling = true
      try {
        call()
      } finally {
        isCalling = false
      }
    }

    log.write(({ words }) => ({ t: clock.now(), d: 'dial', m: words(url), c }))
    let socket: Socket
    try {
      socket = dial(url, {
        onOpen: () =>
          whileAlive((at, s) => {
            isOpen = true
            log.write(({ words }) => ({ t: at, d: 'open', m: words(url), c, ...s }))
            handlers.onOpen()
          }),
        onText: (text) =>
          whileAlive((at, s) => {
            log.frames++
            log.write(({ received }) => ({ t: at, d: 'in', m: received(text), c, ...s }))
            handlers.onText(text)
          }),
        onBinary: (bytes) =>
          whileAlive((at, s) => {
            log.frames++
            log.write(() => ({ t: at, d: 'binary', m: '', c, bytes, ...s }))
            handlers.onBinary(bytes)
          }),
        onClose: (closed) => {
          if (isCalling) onClose(closed, clock.now(), {})
          else clock.dispatch((at, sameTurn) => onClose(closed, at, sameTurn ? { s: 1 } : {}))
        },
      })
    } catch (error) {
      log.write(({ words }) => ({ t: clock.now(), d: 'close', m: '', c, code: 1006, error: words(messageOf(error)) }))
      throw error
    }

    return {
      send(text) {
        if (isOpen && !isClosed) {
          log.frames++
          log.write(({ sent }) => ({ t: clock.now(), d: 'out', m: sent(text), c }))
        }
        socket.send(text)
      },
      close(graceMs) {
        if (!isClosed) say('bye', 'close')
        calling(() => socket.close(graceMs))
      },
      terminate() {
        if (!isClosed) say('bye', 'terminate')
        isTerminated = true
        calling(() => socket.terminate())
      },
    }
  }
}

function factsOf({ code, status, retryAfterMs, error }: SocketClosed, words: Redact) {
  return {
    code,
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(error === undefined ? {} : { error: words(error.message) }),
  }
}
