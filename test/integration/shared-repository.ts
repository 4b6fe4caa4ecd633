import {
  createOkxCollector,
  silentLogger,
  type Gap,
  type HttpPort,
  type OkxCollector,
  type OkxCollectorConfig,
  type PointOf,
  type RawTradeRepository,
} from 'tapekeeper'
import type { VirtualExchange } from 'tapekeeper/testing'

/** What a process writes through: until it is killed, at a write of one's choice or by hand. */
class ProcessLife {
  isOver = false
  writes = 0
  /** Dies with its n-th write, before or after that has arrived. */
  diesAt: { readonly write: number; readonly arrives: boolean } | undefined

  // A function, because a process may die while something is awaited.
  #isDead(): boolean {
    return this.isOver
  }

  /** A dead process never hears of anything. */
  async #call<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isDead()) return new Promise(() => undefined)
    const result = await run()
    return this.#isDead() ? new Promise(() => undefined) : result
  }

  async #write<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isDead()) return new Promise(() => undefined)
    const isLast = ++this.writes === this.diesAt?.write
    if (isLast && this.diesAt?.arrives === true) await run()
    if (isLast) this.isOver = true
    return this.#call(run)
  }

  /** @param withGaps whether it keeps gaps, too. */
  repository(inner: Required<RawTradeRepository>, withGaps: boolean): RawTradeRepository {
    const life = {
      call: <T>(run: () => Promise<T>): Promise<T> => this.#call(run),
      write: <T>(run: () => Promise<T>): Promise<T> => this.#write(run),
    }
    const { capabilities } = inner
    return {
      name: inner.name,
      capabilities: withGaps ? capabilities : { ...capabilities, stores: ['trades', 'cursors'] },
      saveTrades: (trades) => life.write(() => inner.saveTrades(trades)),
      trades: (query) => inner.trades(query),
      latestTrade: (market) => life.call(() => inner.latestTrade(market)),
      cursor: (stream) => {
        const cursor = inner.cursor(stream)
        return { load: () => life.call(() => cursor.load()), save: (next) => life.write(() => cursor.save(next)) }
      },
      ...(withGaps && {
        saveGaps: (gaps) => life.write(() => inner.saveGaps(gaps)),
        openGaps: (stream) => life.call(() => inner.openGaps(stream)),
      }),
      healthCheck: () => life.call(() => inner.healthCheck()),
      statistics: () => life.call(() => inner.statistics()),
      close: () => Promise.resolve(),
    }
  }
}

export type RestMood = 'fine' | 'dead' | 'slow'

/** One process that collects a pair into a repository that others share, with a REST line of its own. */
export class CollectingProcess {
  readonly life = new ProcessLife()
  readonly gaps: Gap[] = []
  readonly collector: OkxCollector
  rest: RestMood = 'fine'
  readonly #fake: VirtualExchange

  constructor(
    fake: VirtualExchange,
    symbol: string,
    inner: Required<RawTradeRepository>,
    { withGaps = true, ...config }: Partial<OkxCollectorConfig> & { readonly withGaps?: boolean } = {},
  ) {
    this.#fake = fake
    const http: HttpPort = (request) => this.#http(request)
    this.collector = createOkxCollector({
      symbol,
      dataTypes: ['trade'],
      repositories: { rawTrades: this.life.repository(inner, withGaps) },
      endpoints: fake.endpoints,
      // Of its own: processes share no links and no limits.
      ports: { ...fake.ports, http },
      logger: silentLogger,
      ...config,
    })
    this.collector.on('gap', (gap) => this.gaps.push(gap)).on('error', () => undefined)
  }

  #http(request: Parameters<HttpPort>[0]): ReturnType<HttpPort> {
    const isHistory = request.url.includes('trades')
    if (isHistory && this.rest === 'dead') return Promise.reject(new Error('no route'))
    if (!isHistory || this.rest === 'fine') return this.#fake.ports.http(request)
    return new Promise((resolve, reject) => {
      this.#fake.clock.after(4_000, () => void this.#fake.ports.http(request).then(resolve, reject))
    })
  }
}

/** The fills that trades stand for, one by one, each id once. */
export const fillsOf = (trades: readonly PointOf<'trade'>[]): number[] =>
  trades
    .flatMap(({ data: { id, count = 1 } }) => Array.from({ length: count }, (_, i) => Number(id) - count + 1 + i))
    .sort((a, b) => a - b)
