import { installedVersion } from '../installed.ts'
import type { Subject } from './subject.ts'

interface DataEvent {
  readonly data: readonly { readonly ts: string }[]
}
interface Client {
  on(event: 'update', listener: (event: DataEvent) => void): void
  onWsMessage(event: { readonly type: 'message'; readonly data: string }, wsKey: string, socket: object): void
}
type Log = () => void
interface OkxApiModule {
  readonly WebsocketClient: new (options: object, logger: { trace: Log; info: Log; error: Log }) => Client
}

export async function okxApi(): Promise<Subject> {
  const { WebsocketClient } = (await import('okx-api')) as unknown as OkxApiModule
  const quiet: Log = () => undefined
  const client = new WebsocketClient({}, { trace: quiet, info: quiet, error: quiet })
  const socket = {}
  let delivered = 0
  let last: DataEvent | undefined
  client.on('update', (event) => {
    last = event
    delivered = event.data.length
  })
  return {
    name: 'okx-api',
    version: installedVersion('okx-api'),
    path: '`WebsocketClient.onWsMessage(event)` without a socket, with one `update` listener: parse, route, emit; rows stay as the exchange sent them',
    lacks: () => undefined,
    consume(text) {
      delivered = 0
      client.onWsMessage({ type: 'message', data: text }, 'prodPublic', socket)
      return delivered
    },
    lastTimestamp: () => Number(last?.data.at(-1)?.ts),
  }
}
