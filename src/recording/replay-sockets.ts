import type { Clock } from '../ports/clock.ts'
import type { Socket, SocketClosed, SocketFactory, SocketHandlers } from '../ports/socket.ts'
import type { ConnectionLine } from './lines.ts'
import type { Numbered, ReplayIndex } from './replay-index.ts'
import { ReplayMatch } from './replay-match.ts'
import type { Redact } from './redact.ts'

interface Connection {
  /** What has happened to it and nobody has seen: our code dialled later than it did then. */
  backlog: Numbered<ConnectionLine>[]
  client: ReplaySocket | undefined
  /** The recorded program had ended it: what came afterwards nobody heard. */
  isOver: boolean
}

/** Sockets whose other end is a recording. */
export class ReplaySockets {
  readonly #clock: Clock
  readonly #match: ReplayMatch
  readonly #redact: Redact
  readonly #index: ReplayIndex
  readonly #connections = new Map<number, Connection>()
  #isDone = false

  constructor(index: ReplayIndex, clock: Clock, redact: Redact) {
    this.#redact = redact
    this.#clock = clock
    this.#match = new ReplayMatch(index.connections)
    this.#index = index
  }

  readonly port: SocketFactory = (address, handlers) => {
    const url = this.#redact(address)
    const id = this.#match.take(url)
    if (id === undefined) {
      const refused = new ReplaySocket(handlers)
      this.#clock.after(0, () => refused.close({ code: 1006, reason: 'the recording has no further connection to this URL' }))
      return refused.port
    }
    const connection = this.#connection(id)
    const client = new ReplaySocket(handlers, {
      // Given up before the time at which it was opened then: it is still there for whoever dials next.
      onGivenUp: () => {
        if ((this.#index.openedAt.get(id) ?? -Infinity) <= this.#clock.now()) return
        connection.client = undefined
        this.#match.giveBack(url, id)
      },
      isAnsweredWithin: (graceMs) => {
        const leftMs = (this.#index.closedAt.get(id) ?? -Infinity) - this.#clock.now()
        return !this.#isDone && leftMs >= 0 && leftMs <= graceMs + TIMER_SLACK_MS
      },
    })
    connection.client = client
    if (connection.backlog.length > 0) this.#catchUp(connection)
    return client.port
  }

  /** The recording has got to this line. */
  apply(line: Numbered<ConnectionLine>): void {
    const connection = this.#connection(line.c)
    if (line.d === 'dial' || line.d === 'out' || !this.concerns(line)) return
    if (line.d === 'bye') connection.isOver = true
    else if (connection.client === undefined || connection.backlog.length > 0) connection.backlog.push(line)
    else connection.client.hear(line)
  }

  /** False for the last words of a connection that was ended then: only who has ended it now is still waiting for them. */
  concerns({ c }: Numbered<ConnectionLine>): boolean {
    const { isOver, client } = this.#connection(c)
    return !isOver || client?.state === 'leaving'
  }

  /** The recording is over: nobody waits for an answer to a goodbye any more. */
  end(): void {
    this.#isDone = true
    for (const { client } of this.#connections.values()) if (client?.state === 'leaving') client.close(GOODBYE)
  }

  #connection(id: number): Connection {
    const connection = this.#connections.get(id) ?? { backlog: [], client: undefined, isOver: false }
    this.#connections.set(id, connection)
    return connection
  }

  /** What was missed comes now, one after the other, before what is recorded for later. */
  #catchUp(connection: Connection): void {
    let next = 0
    const one = (): void => {
      const line = connection.backlog[next++]
      if (line !== undefined) connection.client?.hear(line)
      if (next < connection.backlog.length) this.#clock.after(0, one)
      else connection.backlog = []
    }
    this.#clock.after(0, one)
  }
}

const GOODBYE: SocketClosed = { code: 1000, reason: '' }
const CLOSE_GRACE_MS = 2_000
/** The recorded grace was measured by a timer that may have been late. */
const TIMER_SLACK_MS = 1_000

interface SocketHooks {
  /** It was ended before it was open. */
  readonly onGivenUp?: () => void
  /** Whether the recorded peer answers a goodbye in time. */
  readonly isAnsweredWithin?: (graceMs: number) => boolean
}

/** One socket, seen from our code. It closes when the recorded peer closed it, or when our code does. */
class ReplaySocket {
  state: 'opening' | 'open' | 'leaving' | 'closed' = 'opening'
  readonly #handlers: SocketHandlers
  readonly port: Socket

  constructor(handlers: SocketHandlers, { onGivenUp, isAnsweredWithin }: SocketHooks = {}) {
    this.#handlers = handlers
    const terminate = (): void => {
      if (this.state === 'opening') onGivenUp?.()
      this.close({ code: 1006, reason: 'terminated' })
    }
    this.port = {
      send: () => undefined,
      close: (graceMs = CLOSE_GRACE_MS) => {
        if (this.state === 'opening') terminate()
        if (this.state !== 'open') return
        this.state = 'leaving'
        if (isAnsweredWithin?.(graceMs) !== true) queueMicrotask(() => this.close(GOODBYE))
      },
      terminate,
    }
  }

  hear(line: ConnectionLine): void {
    if (this.state === 'opening' && line.d === 'open') {
      this.state = 'open'
      this.#handlers.onOpen()
    } else if (this.state === 'open' && line.d === 'in') {
      this.#handlers.onText(line.m)
    } else if (this.state === 'open' && line.d === 'binary') {
      this.#handlers.onBinary(line.bytes)
    } else if (line.d === 'close') {
      const { code = 1006, m: reason, status, retryAfterMs, error } = line
      this.close({ code, reason, status, retryAfterMs, error: error === undefined ? undefined : new Error(error) })
    }
  }

  close(closed: SocketClosed): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.#handlers.onClose(closed)
  }
}
