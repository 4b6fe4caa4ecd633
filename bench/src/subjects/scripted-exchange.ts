import type { HttpPort, Ports, SocketHandlers } from 'tapekeeper'
import { instrument } from './instruments.ts'

/** An exchange without a market: lists these instruments, acknowledges every subscription, and sends what it is told to send. */
export interface ScriptedExchange {
  readonly ports: Ports
  /** The socket on which somebody has subscribed to this instrument's books. */
  socketOf(nativeSymbol: string): SocketHandlers
}

interface Request {
  readonly id: string
  readonly op: string
  readonly args: readonly { readonly channel: string; readonly instId: string }[]
}

export function scriptedExchange(systemPorts: Ports, nativeSymbols: readonly string[]): ScriptedExchange {
  const sockets = new Map<string, SocketHandlers>()
  const http: HttpPort = async ({ url }) => {
    const type = new URL(url).searchParams.get('instType')
    const data = nativeSymbols.map(instrument).filter(({ instType }) => instType === type)
    return { status: 200, header: () => undefined, text: JSON.stringify({ code: '0', msg: '', data }) }
  }
  const socket: Ports['socket'] = (_url, handlers) => {
    const answer = (text: string): void => queueMicrotask(() => handlers.onText(text))
    queueMicrotask(() => handlers.onOpen())
    return {
      send(text) {
        if (text === 'ping') {
          answer('pong')
          return
        }
        const { id, op, args } = JSON.parse(text) as Request
        for (const arg of args) {
          if (op === 'subscribe') sockets.set(arg.instId, handlers)
          answer(JSON.stringify({ id, event: op, arg, connId: 'scripted' }))
        }
      },
      close: () => queueMicrotask(() => handlers.onClose({ code: 1000, reason: '' })),
      terminate: () => queueMicrotask(() => handlers.onClose({ code: 1006, reason: '' })),
    }
  }
  return {
    ports: { ...systemPorts, http, socket },
    socketOf(nativeSymbol) {
      const found = sockets.get(nativeSymbol)
      if (found === undefined) throw new Error(`nobody has subscribed to the books of ${nativeSymbol}`)
      return found
    },
  }
}
