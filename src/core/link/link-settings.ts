import type { Logger } from '../../ports/logger.ts'
import type { Ports } from '../../ports/ports.ts'
import type { ExchangeLimits, Keepalive, Topic } from '../exchange-definition.ts'
import type { FrameDecoder } from '../frame.ts'
import type { Dialer } from './dialer.ts'

/** Everything a link needs to know; one set per pool. */
export interface LinkSettings {
  readonly url: string
  readonly ports: Ports
  readonly dialer: Dialer
  readonly logger: Logger
  /** Takes the secrets of the URL and the credentials out of what others say: they may quote them. */
  readonly hide: (text: string) => string
  readonly limits: ExchangeLimits
  readonly keepalive: Keepalive
  /** A connection asks to be replaced before it is this old. Milliseconds. */
  readonly maxAgeMs: number
  readonly wire: {
    subscribe(topics: readonly Topic[], requestId: string): string
    unsubscribe(topics: readonly Topic[], requestId: string): string
  }
  readonly decode: FrameDecoder
  /** Signs the login request; absent on public endpoints. */
  readonly login: (() => Promise<string>) | undefined
  /** Takes the exchange's time after a login was refused for its timestamp; how far the wall clock here is ahead of it, milliseconds. */
  readonly syncClock: () => Promise<number>
}
