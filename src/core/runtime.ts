import { completePorts, systemPorts, type Ports } from '../ports/ports.ts'
import type { Logger } from '../ports/logger.ts'
import { hiding } from '../ports/hiding.ts'
import { secretsOfUrl } from '../ports/public-url.ts'
import type { Credentials, ExchangeDefinition } from './exchange-definition.ts'
import { InstrumentCatalog } from './instrument-catalog.ts'
import { Dialer } from './link/dialer.ts'
import { LinkPool } from './link/link-pool.ts'
import { createRestClient, type RestClient } from './rest-client.ts'

/** What one collector asks of its exchange's links. */
export interface PoolRequest {
  readonly definition: ExchangeDefinition
  /** Name of the WebSocket endpoint. */
  readonly endpoint: string
  /** Every endpoint's URL, overrides applied. */
  readonly endpoints: Readonly<Record<string, string>>
  readonly customParams: Readonly<Record<string, unknown>>
  readonly credentials: Credentials | undefined
  /** A link is replaced, without a break, before it is this old. Milliseconds. */
  readonly maxConnectionAgeMs: number
  /** 1 for the second socket of a hot pair. */
  readonly replica: number
  readonly logger: Logger
}

/** What collectors share: links, dial budgets and instrument lists. One per set of ports; the real world has exactly one. */
export class Runtime {
  readonly #ports: Ports
  readonly #dialers = new Map<string, Dialer>()
  readonly #rests = new Map<string, RestClient>()
  /** By REST client: the logger of whoever asked for it last, for what concerns all who share it. */
  readonly #restLoggers = new Map<string, Logger>()
  readonly #catalogs = new Map<string, InstrumentCatalog>()
  readonly #pools = new Map<string, LinkPool>()

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Open or opening connections. */
  get linkCount(): number {
    let count = 0
    for (const pool of this.#pools.values()) count += pool.statistics.links
    return count
  }

  /** REST of one host, its request limits shared by all collectors. */
  rest(definition: ExchangeDefinition, restUrl: string, asker?: Logger): RestClient {
    const key = `${numberOf(definition)} ${restUrl}`
    if (asker !== undefined) this.#restLoggers.set(key, asker)
    const {
      restLimits: limits,
      limits: { restAnswerBytes: maxBytes },
    } = definition
    const options = { limits, maxBytes, logger: () => this.#restLoggers.get(key) }
    const rest = this.#rests.get(key) ?? createRestClient(restUrl, this.#ports, options)
    this.#rests.set(key, rest)
    return rest
  }

  catalog(definition: ExchangeDefinition, restUrl: string): InstrumentCatalog {
    const key = `${numberOf(definition)} ${restUrl}`
    const catalog =
      this.#catalogs.get(key) ?? new InstrumentCatalog(definition, this.rest(definition, restUrl), this.#ports.clock)
    this.#catalogs.set(key, catalog)
    return catalog
  }

  /** The pool that fits; collectors share one when endpoint, credentials and link settings are the same. */
  pool(request: PoolRequest): LinkPool {
    const { definition, endpoint, endpoints, customParams, credentials, maxConnectionAgeMs, replica } = request
    const isPrivate = definition.privateEndpoints.includes(endpoint)
    const { pingIntervalMs, maxSubscriptionsPerSocket } = customParams
    const key = JSON.stringify([
      numberOf(definition),
      endpoints,
      endpoint,
      pingIntervalMs,
      maxSubscriptionsPerSocket,
      isPrivate && credentials,
      maxConnectionAgeMs,
      replica,
    ])
    const pool = this.#pools.get(key) ?? this.#newPool(request, isPrivate, () => this.#pools.delete(key))
    this.#pools.set(key, pool)
    return pool
  }

  #newPool(request: PoolRequest, isPrivate: boolean, onEmpty: () => void): LinkPool {
    const { definition, endpoint, endpoints, customParams, credentials, logger } = request
    const { pingIntervalMs, maxSubscriptionsPerSocket } = customParams
    const { clock } = this.#ports
    const url = endpoints[endpoint] ?? ''
    const rest = endpoints['rest'] ?? ''
    /** The exchange's time at elapsed 0, once it had to be asked. */
    let theirs: number | undefined
    const timeForLogin = (): number => (theirs === undefined ? clock.now() : theirs + clock.elapsed())
    const login = (keys: Credentials): Promise<string> =>
      definition.login?.(keys, timeForLogin()) ?? Promise.reject(new Error(`${definition.name} has no login`))
    return new LinkPool(
      {
        url,
        ports: this.#ports,
        dialer: this.#dialer(url, definition.limits.dialsPerSecond),
        logger,
        hide: hiding([...secretsOfUrl(url), ...(isPrivate ? secretsIn(credentials) : [])]),
        limits: {
          ...definition.limits,
          subscriptionsPerConnection: asNumber(maxSubscriptionsPerSocket) ?? definition.limits.subscriptionsPerConnection,
        },
        maxAgeMs: request.maxConnectionAgeMs,
        keepalive: { ...definition.keepalive, periodMs: asNumber(pingIntervalMs) ?? definition.keepalive.periodMs },
        wire: definition,
        decode: definition.createDecoder(this.catalog(definition, rest)),
        login: isPrivate && credentials !== undefined ? () => login(credentials) : undefined,
        syncClock: async () => {
          const before = clock.elapsed()
          const serverTime = await definition.loadServerTime(this.rest(definition, rest))
          theirs = serverTime - (before + clock.elapsed()) / 2
          return clock.now() - timeForLogin()
        },
      },
      onEmpty,
    )
  }

  #dialer(url: string, dialsPerSecond: number): Dialer {
    const { host } = new URL(url)
    const dialer = this.#dialers.get(host) ?? new Dialer(this.#ports.clock, this.#ports.random, dialsPerSecond)
    this.#dialers.set(host, dialer)
    return dialer
  }
}

const runtimes = new WeakMap<object, Runtime>()

/** The runtime of a set of ports; the same object always gives the same one. */
export function runtimeOf(ports: Partial<Ports> | undefined): Runtime {
  const key = ports ?? systemPorts
  const runtime = runtimes.get(key) ?? new Runtime(completePorts(ports))
  runtimes.set(key, runtime)
  return runtime
}

/** Whatever its names are: other exchanges have others. */
const secretsIn = (credentials: Credentials | undefined): readonly string[] =>
  Object.values<unknown>({ ...credentials }).filter((value) => typeof value === 'string')

const asNumber = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

/** Definitions are told apart by themselves and not by their ids: one that was registered anew is another. */
const numbers = new WeakMap<ExchangeDefinition, number>()
let lastNumber = 0

function numberOf(definition: ExchangeDefinition): number {
  const number = numbers.get(definition) ?? ++lastNumber
  numbers.set(definition, number)
  return number
}
