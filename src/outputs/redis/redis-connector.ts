import { createClient } from 'redis'
import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { systemClock } from '../../ports/clock.ts'
import { hiding } from '../../ports/hiding.ts'
import { publicUrl, secretsOfUrl } from '../../ports/public-url.ts'
import { RedisConnection, type Driver } from './redis-connection.ts'
import type { RedisClientLike } from './redis-options.ts'

export interface RedisAddress {
  readonly url?: string | undefined
  readonly client?: RedisClientLike | undefined
  readonly timeoutMs: number
}

/** What we read of a host's client. */
interface HostClient {
  readonly options?: {
    readonly url?: string
    readonly username?: string
    readonly password?: string
    readonly socket?: { readonly host?: string; readonly port?: number; readonly path?: string }
  }
  duplicate(overrides: object): Driver
}

const DEFAULT_URL = 'redis://127.0.0.1:6379'

/**
 * A connection that is lost stays lost: whoever needs it opens the next one, after a back-off of its own. The driver's reconnecting
 * would queue commands meanwhile. RESP 2, because every server and proxy speaks it and its replies are plain lists.
 */
const driverOptions = (timeoutMs: number, socket: object = {}): object => ({
  RESP: 2,
  disableOfflineQueue: true,
  clientSideCache: undefined,
  emitInvalidate: undefined,
  maintNotifications: 'disabled',
  commandOptions: {},
  socket: { ...socket, reconnectStrategy: false, connectTimeout: timeoutMs },
})

/** Opens connections to one Redis, and words what goes wrong without its secrets. */
export class RedisConnector {
  /** Where it is, for people. */
  readonly place: string
  readonly #timeoutMs: number
  readonly #make: () => Driver
  readonly #hide: (text: string) => string

  constructor({ url, client, timeoutMs }: RedisAddress) {
    this.#timeoutMs = timeoutMs
    if (client === undefined) {
      const address = url ?? DEFAULT_URL
      this.place = publicUrl(address)
      this.#hide = hiding(secretsOfUrl(address))
      this.#make = () => createClient({ url: address, ...driverOptions(timeoutMs) }) as unknown as Driver
    } else {
      const host = client as unknown as HostClient
      const { url: hostUrl, username, password, socket } = host.options ?? {}
      this.place = socket?.path ?? `${socket?.host ?? 'localhost'}:${socket?.port ?? 6379}`
      const secrets = [username, password, ...(hostUrl === undefined ? [] : secretsOfUrl(hostUrl))]
      this.#hide = hiding(secrets.filter((secret) => secret !== undefined))
      this.#make = () => host.duplicate(driverOptions(timeoutMs, socket))
    }
  }

  /** @throws TapekeeperError `OUTPUT_FAILED` within the limit. */
  async open(): Promise<RedisConnection> {
    let driver: Driver
    try {
      driver = this.#make()
    } catch (error) {
      throw this.fault(error)
    }
    const connection = new RedisConnection(driver, this.#timeoutMs, systemClock)
    try {
      await connection.open()
      return connection
    } catch (error) {
      throw this.fault(error)
    }
  }

  /** The driver's error stands behind it as the cause only when it quotes no secret. */
  fault(error: unknown): TapekeeperError {
    if (TapekeeperError.is(error)) return error
    const words = wordsOf(error)
    const text = this.#hide(words)
    return new TapekeeperError('OUTPUT_FAILED', `redis ${this.place}: ${text}`, {}, text === words ? { cause: error } : undefined)
  }
}

/** Node's own words for "tried several addresses" are empty. */
const wordsOf = (error: unknown): string =>
  error instanceof AggregateError && error.message === '' ? error.errors.map(messageOf).join(', ') : messageOf(error)
