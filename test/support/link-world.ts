import type { ExchangeLimits } from '../../src/core/exchange-definition.ts'
import { Dialer } from '../../src/core/link/dialer.ts'
import { LinkPool, type TopicListener } from '../../src/core/link/link-pool.ts'
import type { LinkSettings } from '../../src/core/link/link-settings.ts'
import { silentLogger, type Logger } from '../../src/ports/logger.ts'
import type { Random } from '../../src/ports/random.ts'
import { acme, ACME_URL, AcmeServer, acmeTopic, decodeAcme } from './acme.ts'
import { createTestWorld, type TestWorld } from './test-ports.ts'

export interface LinkWorldOptions {
  readonly limits?: Partial<ExchangeLimits>
  readonly login?: () => Promise<string>
  readonly syncClock?: () => Promise<number>
  readonly random?: Random
  readonly logger?: Logger
  /** The test opens sockets by hand. */
  readonly manual?: boolean
}

export interface LinkWorld extends TestWorld {
  readonly server: AcmeServer
  readonly settings: LinkSettings
  readonly pool: LinkPool
  /** How often the pool became empty. */
  emptied: number
  /** Opens, or refuses, whatever was dialled and has no answer yet. */
  acceptAll(): void
}

export const LOGIN = JSON.stringify({ op: 'login', id: '', topics: [] })

export function createLinkWorld({
  limits,
  login,
  syncClock,
  random = () => 0.5,
  logger = silentLogger,
  manual = false,
}: LinkWorldOptions = {}): LinkWorld {
  const base = createTestWorld(random)
  const { clock, sockets, ports } = base
  const server = new AcmeServer(() => clock.now())
  if (!manual) sockets.onDial = server.accept
  const settings: LinkSettings = {
    url: ACME_URL,
    ports,
    dialer: new Dialer(clock, ports.random, 3),
    logger,
    hide: (text) => text,
    limits: { ...acme.limits, ...limits },
    maxAgeMs: 24 * 3_600_000,
    keepalive: acme.keepalive,
    wire: acme,
    decode: (text, receivedAt) => decodeAcme(text, receivedAt, acme.symbolOf),
    login,
    syncClock: syncClock ?? (() => Promise.reject(new Error('no clock'))),
  }
  const world: LinkWorld = Object.assign(base, {
    server,
    settings,
    emptied: 0,
    pool: new LinkPool(settings, () => world.emptied++),
    acceptAll() {
      for (const socket of sockets.alive) {
        if (socket.state !== 'connecting') continue
        server.attach(socket)
        socket.open()
      }
    },
  })
  return world
}

/** One subscriber, with everything it ever heard. */
export interface Subscriber extends TopicListener {
  readonly key: string
  /** `pending`, `confirmed`, `rejected`, with the error's code where there was one. */
  readonly heard: string[]
  readonly data: number[]
  readonly bad: string[]
  /** Of those, the ones that were surely of this topic. */
  surelyMine: number
  leave: () => void
}

export function subscribe(pool: LinkPool, symbol: string, more: Partial<TopicListener> = {}): Subscriber {
  const topic = acmeTopic(symbol)
  const subscriber: Subscriber = {
    key: topic.key,
    heard: [],
    data: [],
    bad: [],
    surelyMine: 0,
    leave: () => undefined,
    onData(frame, text, receivedAt) {
      for (const point of frame.points) if (point.dataType === 'trade') this.data.push(Number(point.data.id))
      more.onData?.(frame, text, receivedAt)
    },
    onStatus(status, error) {
      this.heard.push(error === undefined ? status : `${status} ${error.code}`)
      more.onStatus?.(status, error)
    },
    onBadFrame(error, text, receivedAt, isSurelyMine) {
      this.bad.push(text)
      if (isSurelyMine) this.surelyMine++
      more.onBadFrame?.(error, text, receivedAt, isSurelyMine)
    },
  }
  const leave = pool.subscribe(topic, subscriber)
  subscriber.leave = () => void leave()
  return subscriber
}
