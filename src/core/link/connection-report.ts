import { publicUrl } from '../../ports/public-url.ts'
import type { Link } from './link.ts'

/** One connection a collector uses. Collectors that share a connection report it with the same `id`. */
export interface ConnectionReport {
  readonly id: string
  /** Without user, password and the values of its query. */
  readonly url: string
  readonly status: 'idle' | 'connecting' | 'authenticating' | 'open' | 'waiting' | 'closed'
  /** When it was opened, ISO 8601; null while it is not open. */
  readonly connectedTime: string | null
  /** Topics on it, of all collectors. */
  readonly subscriptions: number
  readonly messages: number
  readonly bytes: number
  /** Dials after the first. */
  readonly reconnects: number
}

export function connectionReport(url: string, link: Link): ConnectionReport {
  const { id, status, opened, subscriptions, messages, bytes, reconnects } = link
  return {
    id,
    url: publicUrl(url),
    status,
    connectedTime: opened === undefined ? null : new Date(opened.at).toISOString(),
    subscriptions: subscriptions.size,
    messages,
    bytes,
    reconnects,
  }
}

/** Of those that have a socket, open or about to be. */
export function liveIdsOf(connections: readonly Pick<ConnectionReport, 'id' | 'status'>[]): string[] {
  return connections.flatMap(({ id, status }) => (['connecting', 'authenticating', 'open'].includes(status) ? [id] : []))
}
