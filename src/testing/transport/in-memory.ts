import type { Clock } from '../../ports/clock.ts'
import type { HttpPort } from '../../ports/http.ts'
import type { SocketClosed, SocketFactory } from '../../ports/socket.ts'
import { createTimerScope } from '../timer-scope.ts'
import type { Connection, ConnectionSink, Venue } from '../venue.ts'

export interface InMemoryNetwork {
  readonly socket: SocketFactory
  readonly http: HttpPort
  /** Ends every open socket and request at once, as the end of the server's process would. */
  shutDown(): void
}

/** As long as the real socket waits for a handshake and a goodbye, and the real `fetch` for an answer. Milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 10_000
const CLOSE_GRACE_MS = 2_000
const HTTP_TIMEOUT_MS = 10_000

/** A venue reached through ports, without any socket: text travels by the clock, in order, `delayMs` each way. */
export function createInMemoryNetwork(venue: Venue, host: string, clock: Clock, delayMs: number): InMemoryNetwork {
  const timers = createTimerScope(clock)
  const living = new Set<(reason: Error) => void>()

  const socket: SocketFactory = (url, handlers) => {
    const toClient = createPipe(timers, delayMs)
    const toVenue = createPipe(timers, delayMs)
    let state: 'opening' | 'open' | 'closed' = 'opening'
    let deaf = false
    let connection: Connection | undefined

    const finish = (closed: SocketClosed): void => {
      if (state === 'closed') return
      state = 'closed'
      living.delete(die)
      // The venue learns of it when the last bytes arrive.
      toVenue(() => connection?.ended())
      handlers.onClose(closed)
    }
    const lose = (reason: string, more: Partial<SocketClosed> = {}): void => finish({ code: 1006, reason, ...more })
    const die = (error: Error): void => lose('', { error })
    living.add(die)

    const sink: ConnectionSink = {
      send(data) {
        toClient(() => {
          if (state !== 'open') return
          if (typeof data === 'string') handlers.onText(data)
          else handlers.onBinary(data.byteLength)
        })
      },
      close: (code, reason) => toClient(() => finish({ code, reason })),
      terminate: () => toClient(() => lose('')),
      goDeaf() {
        deaf = true
      },
    }

    const dial = (): void => {
      if (state === 'closed') return
      const { host: wanted, pathname } = new URL(url)
      if (wanted !== host) {
        toClient(() => die(new Error(`getaddrinfo ENOTFOUND ${wanted}`)))
        return
      }
      const answer = venue.dial(pathname)
      if (answer.kind === 'hang') {
        timers.after(HANDSHAKE_TIMEOUT_MS, () => die(new Error('Opening handshake has timed out')))
      } else if (answer.kind === 'refused') {
        const { status, retryAfterSeconds } = answer
        const retryAfterMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1_000
        toClient(() => lose(`HTTP ${status}`, { status, retryAfterMs }))
      } else {
        toClient(() => {
          if (state !== 'opening') return
          state = 'open'
          handlers.onOpen()
        })
        connection = answer.open(sink)
      }
    }
    toVenue(dial)

    return {
      send(text) {
        if (state === 'open') toVenue(() => connection?.receive(text))
      },
      close(graceMs = CLOSE_GRACE_MS) {
        if (state === 'opening') lose('terminated')
        if (state === 'closed') return
        timers.after(graceMs, () => lose('terminated'))
        toVenue(() => {
          if (deaf) return
          connection?.ended()
          toClient(() => finish({ code: 1000, reason: '' }))
        })
      },
      terminate: () => lose('terminated'),
    }
  }

  const http: HttpPort = ({ url, method = 'GET', headers = {}, timeoutMs = HTTP_TIMEOUT_MS, signal }) =>
    new Promise((resolve, reject) => {
      let cancel = (): void => undefined
      const finish = (settle: () => void): void => {
        stopTimeout()
        cancel()
        living.delete(die)
        signal?.removeEventListener('abort', abort)
        settle()
      }
      const die = (error: Error): void => finish(() => reject(error))
      const abort = (): void => die(signal?.reason as Error)
      const stopTimeout = timers.after(timeoutMs, () => die(new Error(`no answer within ${timeoutMs} ms`)))
      living.add(die)
      if (signal?.aborted === true) {
        abort()
        return
      }
      signal?.addEventListener('abort', abort, { once: true })

      const { host: wanted, pathname, searchParams } = new URL(url)
      cancel = timers.after(delayMs, () => {
        if (wanted !== host) {
          die(new TypeError('fetch failed'))
          return
        }
        cancel = venue.rest({ method, path: pathname, query: searchParams, headers }, (answer) => {
          cancel = timers.after(delayMs, () => {
            if (answer === undefined) die(new TypeError('fetch failed'))
            else
              finish(() =>
                resolve({ status: answer.status, header: (name) => answer.headers[name.toLowerCase()], text: answer.body }),
              )
          })
        })
      })
    })

  return {
    socket,
    http,
    shutDown() {
      for (const die of [...living]) die(new Error('the fake exchange was closed'))
      timers.cancelAll()
    },
  }
}

/** Things happen in the order they were sent, all of one instant by one timer. */
function createPipe(clock: Clock, delayMs: number): (run: () => void) => void {
  let queue: { readonly at: number; readonly run: () => void }[] = []
  let isWaiting = false
  const wait = (): void => {
    const [first] = queue
    if (first === undefined || isWaiting) return
    isWaiting = true
    clock.after(first.at - clock.elapsed(), () => {
      isWaiting = false
      const elapsed = clock.elapsed()
      const due = queue.filter(({ at }) => at <= elapsed)
      queue = queue.slice(due.length)
      for (const { run } of due) run()
      wait()
    })
  }
  return (run) => {
    queue.push({ at: clock.elapsed() + delayMs, run })
    wait()
  }
}
