import type { Socket, SocketClosed, SocketFactory, SocketHandlers } from '../../src/ports/socket.ts'

/** One socket of a test: the test plays the server. */
export class ScriptedSocket {
  readonly sent: string[] = []
  state: 'connecting' | 'open' | 'closed' = 'connecting'
  /** How our side ended it. */
  ended: 'politely' | 'terminated' | undefined
  /** Hears what our side sends. */
  onSend: ((text: string) => void) | undefined
  readonly url: string
  readonly handlers: SocketHandlers
  readonly dialedAt: number

  constructor(url: string, handlers: SocketHandlers, dialedAt: number) {
    this.url = url
    this.handlers = handlers
    this.dialedAt = dialedAt
  }

  /** The handshake succeeds. */
  open(): void {
    if (this.state !== 'connecting') return
    this.state = 'open'
    this.handlers.onOpen()
  }

  /** A text message arrives. */
  text(text: string): void {
    if (this.state === 'open') this.handlers.onText(text)
  }

  /** The server, or the network, ends it. */
  close(closed: Partial<SocketClosed> = {}): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    this.handlers.onClose({ code: 1006, reason: '', ...closed })
  }

  end(how: 'politely' | 'terminated'): void {
    if (this.state === 'closed') return
    this.ended = how
    this.close({ code: how === 'politely' ? 1000 : 1006, reason: how })
  }

  toPort(): Socket {
    return {
      send: (text) => {
        if (this.state !== 'open') return
        this.sent.push(text)
        this.onSend?.(text)
      },
      close: () => this.end('politely'),
      terminate: () => this.end('terminated'),
    }
  }
}

export interface ScriptedSockets {
  readonly factory: SocketFactory
  /** Every socket ever dialled, oldest first. */
  readonly all: readonly ScriptedSocket[]
  readonly last: ScriptedSocket
  /** Those that are not closed. */
  readonly alive: readonly ScriptedSocket[]
  /** Called for each dial, after the factory has returned. */
  onDial: ((socket: ScriptedSocket) => void) | undefined
}

export function createScriptedSockets(now: () => number): ScriptedSockets {
  const all: ScriptedSocket[] = []
  const sockets: ScriptedSockets = {
    all,
    get last() {
      const socket = all.at(-1)
      if (socket === undefined) throw new Error('nothing was dialled')
      return socket
    },
    get alive() {
      return all.filter(({ state }) => state !== 'closed')
    },
    onDial: undefined,
    factory: (url, handlers) => {
      const socket = new ScriptedSocket(url, handlers, now())
      all.push(socket)
      queueMicrotask(() => sockets.onDial?.(socket))
      return socket.toPort()
    },
  }
  return sockets
}
