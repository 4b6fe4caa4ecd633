import type { DataType } from '../../domain/data-type.ts'
import type { Instrument } from '../../domain/instrument.ts'
import type { MarketDataPoint } from '../../domain/market-data.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { BookKeeper } from '../book/book-keeper.ts'
import { MAX_BOOK_LEVELS, type LocalBook } from '../book/local-book.ts'
import type { ExchangeDefinition, Topic } from '../exchange-definition.ts'
import type { DataFrame } from '../frame.ts'
import type { InstrumentCatalog } from '../instrument-catalog.ts'
import type { ConnectionReport } from '../link/connection-report.ts'
import type { LinkPool, TopicListener } from '../link/link-pool.ts'
import type { RestClient } from '../rest-client.ts'
import { runtimeOf, type Runtime } from '../runtime.ts'
import { CompletenessLedger, sumCompleteness, type Completeness } from '../tape/completeness.ts'
import { createTape, type Tape } from '../tape/create-tape.ts'
import { BaseDataCollector } from './base-collector.ts'
import type { SubscriptionStatus } from './events.ts'
import type { HealthIssue } from './health.ts'
import { resolveExchangeConfig, type ExchangeCollectorConfig, type ResolvedExchangeConfig } from './exchange-config.ts'
import type { StartOutcome } from './lifecycle.ts'
import type { SubscriptionReport } from './status-report.ts'

/** Without updates a kept book is delivered this often. */
const SNAPSHOT_INTERVAL_MS = 1_000

interface Subscription {
  /** The topic's name, with the number of the socket where there are two. */
  readonly name: string
  readonly topic: Topic
  readonly pool: LinkPool
  /** Keeps the book of a topic that brings changes only. */
  readonly keeper: BookKeeper | undefined
  status: SubscriptionStatus
  leave: () => Promise<void>
}

/**
 * Collects one pair of one exchange over links it shares with other collectors. Reconnecting and subscribing again is the links'
 * work and never ends the collector: `status` goes to `degraded` and back to `running`.
 */
export class ExchangeCollector extends BaseDataCollector {
  readonly #definition: ExchangeDefinition
  readonly #config: ResolvedExchangeConfig
  readonly #runtime: Runtime
  readonly #subscriptions = new Map<string, Subscription>()
  #nativeSymbol: string | undefined
  #instrument: Instrument | undefined
  /** Wakes `bringUp` when a subscription was confirmed or rejected. */
  #onSettled: () => void = () => undefined
  #lastLinkError: TapekeeperError | undefined
  #tape: Tape | undefined
  readonly #ledgers = new Map<string, CompletenessLedger>()

  /** @throws TapekeeperError `CONFIG_INVALID` naming every problem, what is allowed, and the nearest right spelling. */
  constructor(definition: ExchangeDefinition, input: ExchangeCollectorConfig) {
    const config = resolveExchangeConfig(input, definition)
    const { dataTypes, symbol, logger, signal, ports } = config
    const { autoRestart, maxRestarts, restartDelayMs, healthCheckIntervalMs, maxSilenceDurationMs } = config
    super({
      exchangeName: definition.id,
      symbols: [symbol],
      dataTypes,
      componentName: `${definition.id}_${symbol}`,
      autoRestart,
      maxRestarts,
      restartDelayMs,
      healthCheckIntervalMs,
      maxSilenceDurationMs,
      logger,
      signal,
      ports,
    })
    this.#definition = definition
    this.#config = config
    this.#runtime = runtimeOf(ports)
  }

  /** Ours, as configured. */
  get symbol(): string {
    return this.#config.symbol
  }

  /** The instrument's record; undefined before the start, and when the exchange's list could not be had. */
  get instrument(): Instrument | undefined {
    return this.#instrument
  }

  /** The local order book, kept up to date; undefined unless a book of more than a few levels is collected. */
  get book(): LocalBook | undefined {
    for (const { keeper } of this.#subscriptions.values()) if (keeper !== undefined) return keeper.book
    return undefined
  }

  /** What was delivered of each trade stream and what is known to be missing, in all and by hour. */
  getCompleteness(): Completeness {
    return sumCompleteness([...this.#ledgers.values()].map((ledger) => ledger.report()))
  }

  /** Moves this collector's connections, and whoever shares them, to new ones without a break. */
  rollover(): void {
    for (const { pool, topic } of this.#subscriptions.values()) pool.rollover(topic.key)
  }

  /** @throws TapekeeperError `CONFIG_INVALID`: one collector, one pair; make another collector. */
  override addSymbol(symbol: string): void {
    if (symbol === this.symbol) return
    throw new TapekeeperError('CONFIG_INVALID', `this collector is for ${this.symbol} alone; create another one for ${symbol}`, {
      symbol,
    })
  }

  /** @throws TapekeeperError `CONFIG_INVALID`: one collector, one pair; stop the collector instead. */
  override removeSymbol(symbol: string): void {
    throw new TapekeeperError(
      'CONFIG_INVALID',
      `this collector is for ${this.symbol} alone; stop it instead of removing ${symbol}`,
      { symbol },
    )
  }

  override stop(force = false): Promise<void> {
    // After a failed restart nothing runs that a stop would end, but the tape may still hold trades behind a hole.
    const closing = this.status === 'error' ? this.#tape?.close(true) : undefined
    if (this.status === 'error') this.#tape = undefined
    const stopped = super.stop(force)
    return closing === undefined ? stopped : closing.then(() => stopped)
  }

  protected override async bringUp(signal: AbortSignal): Promise<StartOutcome> {
    const stopped = (): boolean => signal.aborted
    await this.connect(signal)
    if (stopped()) return 'failed'
    if (await this.subscribeToData(this.symbols, this.dataTypes, signal)) return 'up'
    if (stopped()) return 'failed'
    const open = [...this.#subscriptions.values()].filter(({ status }) => status === 'pending' || status === 'confirmed')
    if (open.some(({ status }) => status === 'pending')) {
      const topics = open.filter(({ status }) => status === 'pending').map(({ topic }) => topic.key)
      const cause = this.#lastLinkError
      const why = cause === undefined ? '' : ` (${cause.message})`
      const message = `not confirmed within ${this.#config.startTimeoutMs} ms: ${topics.join(', ')}${why}`
      this.reportError(new TapekeeperError('START_TIMEOUT', message, { topics }, { cause }))
    }
    const goesOn = open.length > 0 && (this.#config.autoRestart || open.some(({ status }) => status === 'confirmed'))
    return goesOn ? 'partly' : 'failed'
  }

  protected async connect(_signal: AbortSignal): Promise<boolean> {
    const { nativeSymbol, instrument } = await this.#catalog.resolve(this.symbol, this.logger)
    this.#nativeSymbol = nativeSymbol
    this.#instrument = instrument
    this.#tape ??= this.#newTape()
    await this.#tape?.open()
    return true
  }

  protected async disconnect(): Promise<void> {
    const left = this.#leaveAll()
    const tape = this.#tape
    // A restart goes on where it was; a stop ends the tape, and what follows is a new one.
    if (!this.isWanted) this.#tape = undefined
    await Promise.all([left, tape?.close(!this.isWanted)])
  }

  protected async subscribeToData(
    _symbols: readonly string[],
    dataTypes: readonly DataType[],
    signal?: AbortSignal,
  ): Promise<boolean> {
    for (const topic of dataTypes.flatMap((dataType) => this.#topicsOf(dataType))) {
      const sockets = topic.dataType === 'trade' ? this.#config.redundancy : 1
      for (let replica = 0; replica < sockets; replica++) this.#subscribe(topic, replica)
    }
    await this.#allSettled(signal)
    return [...this.#subscriptions.values()].every(({ status }) => status === 'confirmed')
  }

  protected async unsubscribeFromData(): Promise<boolean> {
    await this.#leaveAll()
    return true
  }

  /** Frames come from the links by themselves; the loop has nothing to do but to live. */
  protected handleMessages(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  /** One frame's text to market data; used for frames from elsewhere. */
  protected processMessage(message: unknown): readonly MarketDataPoint[] {
    const frame = this.#definition.createDecoder(this.#catalog)(String(message), this.now())
    if (frame.kind === 'invalid') throw frame.error
    return frame.kind === 'data' ? frame.points : []
  }

  override getConnections(): readonly ConnectionReport[] {
    const reports = [...this.#subscriptions.values()].flatMap(({ pool, topic }) => pool.connectionOf(topic.key) ?? [])
    return [...new Map(reports.map((report) => [report.id, report])).values()]
  }

  protected override lastHeartbeatAt(): number | undefined {
    const heard = this.#links().flatMap(({ lastHeardAt }) => (lastHeardAt === undefined ? [] : [lastHeardAt]))
    return heard.length === 0 ? super.lastHeartbeatAt() : Math.max(...heard)
  }

  protected override reconnectAttempts(): number {
    return Math.max(0, ...this.#links().map(({ attempt }) => attempt))
  }

  protected override connectedAt(): number | undefined {
    const opened = this.#links().flatMap(({ openedAt }) => (openedAt === undefined ? [] : [openedAt]))
    return opened.length === 0 ? undefined : Math.min(...opened)
  }

  protected override subscriptionReports(): readonly SubscriptionReport[] {
    return [...this.#subscriptions.values()].map(({ name, topic, status }) => ({
      topic: name,
      dataType: topic.dataType,
      status,
      acknowledgedTime: null,
      firstDataTime: null,
      lastDataTime: null,
      silence: null,
      typicalInterval: null,
      isStale: false,
      repairs: 0,
    }))
  }

  protected override healthIssues(): readonly string[] {
    return this.subscriptionReports().flatMap(({ topic, status }) => (status === 'confirmed' ? [] : [`${topic} is ${status}`]))
  }

  /** Links watch themselves and reconnect; a market may be quiet for hours. Neither is a reason to start over. */
  protected override repairs(issue: HealthIssue): boolean {
    return issue === 'no-heartbeat' || issue === 'stale-data'
  }

  get #catalog(): InstrumentCatalog {
    return this.#runtime.catalog(this.#definition, this.#config.endpoints['rest'] ?? '')
  }

  get #rest(): RestClient {
    return this.#runtime.rest(this.#definition, this.#config.endpoints['rest'] ?? '')
  }

  #topicsOf(dataType: DataType): readonly Topic[] {
    return this.#definition.topics({
      dataType,
      nativeSymbol: this.#nativeSymbol ?? '',
      orderBookDepth: this.#config.orderBook.depth,
      timeframes: this.#config.candles.timeframes,
      customParams: this.#config.customParams,
    })
  }

  #subscribe(topic: Topic, replica: number): void {
    const name = replica === 0 ? topic.key : `${topic.key} (socket ${replica + 1})`
    if (this.#subscriptions.has(name)) return
    const pool = this.#runtime.pool({
      definition: this.#definition,
      endpoint: topic.endpoint,
      endpoints: this.#config.endpoints,
      customParams: this.#config.customParams,
      credentials: this.#config.credentials,
      maxConnectionAgeMs: this.#config.maxConnectionAgeMs,
      replica,
      logger: this.logger,
    })
    const keeper = topic.isIncremental === true ? this.#newKeeper(topic, pool) : undefined
    const subscription: Subscription = { name, topic, pool, keeper, status: 'pending', leave: () => Promise.resolve() }
    this.#subscriptions.set(name, subscription)
    this.#announce(subscription, undefined)
    subscription.leave = pool.subscribe(topic, this.#listenerFor(subscription))
  }

  #listenerFor(subscription: Subscription): TopicListener {
    return {
      onData: (frame, text, receivedAt) => this.#onData(subscription, frame, text, receivedAt),
      onStatus: (status, error) => this.#onStatus(subscription, status, error),
      onBadFrame: (error, text, receivedAt, isSurelyMine) => {
        if (isSurelyMine) subscription.keeper?.onBadFrame(receivedAt)
        this.counters.messageReceived(receivedAt, text.length)
        this.#raw(subscription.topic, text, receivedAt)
        this.reportError(error)
      },
    }
  }

  #onData({ topic, keeper }: Subscription, frame: DataFrame, text: string, receivedAt: number): void {
    this.counters.messageReceived(receivedAt, text.length)
    this.#raw(topic, text, receivedAt)
    for (const error of frame.errors) this.reportError(error)
    for (const point of frame.points) {
      if (point.dataType === 'trade' && this.#tape !== undefined) this.#tape.accept(point)
      else if (point.dataType === 'orderbook' && keeper !== undefined) keeper.onFrame(point)
      else this.deliver(point)
    }
  }

  #newKeeper(topic: Topic, pool: LinkPool): BookKeeper {
    const { depth } = this.#config.orderBook
    const { updates = depth === 'full' || depth >= MAX_BOOK_LEVELS } = this.#config.orderBook
    const { clock, random } = this.ports
    const target = { symbol: this.symbol, nativeSymbol: this.#nativeSymbol ?? '' }
    const rest = this.#rest
    const options = {
      symbol: this.symbol,
      clock,
      random,
      updates,
      snapshotIntervalMs: this.#config.orderBook.snapshotIntervalMs ?? (updates ? undefined : SNAPSHOT_INTERVAL_MS),
      depth: depth === 'full' ? undefined : depth,
    }
    return new BookKeeper(options, {
      emit: (point) => this.deliver(point),
      onState: (change) => this.emit('book', change),
      resubscribe: () => pool.resubscribe(topic.key),
      reconnect: () => pool.rollover(topic.key),
      fetchSnapshot: (signal) =>
        this.#definition.loadBook?.(rest, target, () => this.now(), signal) ??
        Promise.reject(new TapekeeperError('REST_FAILED', `${this.#definition.name} has no order books over REST`)),
    })
  }

  #newTape(): Tape | undefined {
    if (!this.dataTypes.includes('trade')) return undefined
    const [topic] = this.#topicsOf('trade')
    const stream = `${this.exchangeName} ${topic?.key ?? 'trades'}`
    const ledger = this.#ledgers.get(stream) ?? new CompletenessLedger(stream)
    this.#ledgers.set(stream, ledger)
    return createTape({
      exchange: this.exchangeName,
      symbol: this.symbol,
      nativeSymbol: this.#nativeSymbol ?? '',
      stream,
      ledger,
      history: this.#definition.trades,
      rest: this.#rest,
      clock: this.ports.clock,
      random: this.ports.random,
      settings: this.#config.tape,
      deliver: (point) => this.deliver(point),
      onGap: (gap) => this.reportGap(gap),
      onError: (error) => this.reportError(error),
    })
  }

  #raw(topic: Topic, text: string, receivedAt: number): void {
    if (!this.#config.storeRawData) return
    const { key, dataType } = topic
    this.emit('raw', { exchange: this.exchangeName, symbol: this.symbol, dataType, topic: key, receivedAt, text })
  }

  #onStatus(subscription: Subscription, status: SubscriptionStatus, cause: TapekeeperError | undefined): void {
    const error = status === 'rejected' && cause !== undefined ? this.#rejection(subscription.topic, cause) : cause
    const changed = subscription.status !== status
    subscription.status = status
    // One lost link tells each of its topics; the collector reports it once.
    if (error !== undefined && error !== this.#lastLinkError) {
      if (error.consequence === 'reconnect') this.counters.reconnects++
      this.reportError(error)
    }
    if (status === 'confirmed') subscription.keeper?.onConfirmed()
    if (status === 'pending' && error?.consequence === 'reconnect') subscription.keeper?.onLost()
    if (status === 'rejected') subscription.keeper?.stop()
    if (status === 'pending' && subscription.topic.dataType === 'trade') this.#tape?.interrupted()
    if (status === 'pending') this.#lastLinkError = error ?? this.#lastLinkError
    if (changed) this.#announce(subscription, error)
    this.#onSettled()
    this.#reflect(error)
  }

  /** The exchange's refusal, with our name of what was refused. */
  #rejection({ dataType }: Topic, cause: TapekeeperError): TapekeeperError {
    const context = { ...cause.context, exchange: this.exchangeName, symbol: this.symbol, dataType }
    return new TapekeeperError(cause.code, `${this.symbol} ${dataType}: ${cause.message}`, context, { cause })
  }

  /** The status follows from the subscriptions. */
  #reflect(error: TapekeeperError | undefined): void {
    if (this.status !== 'running' && this.status !== 'degraded') return
    const statuses = [...this.#subscriptions.values()].map(({ status }) => status)
    if (statuses.every((status) => status === 'rejected')) this.giveUp(error?.message ?? 'every subscription was rejected')
    else if (statuses.every((status) => status === 'confirmed')) this.setStatus('running', 'every subscription is confirmed')
    else this.setStatus('degraded', error?.message)
  }

  #announce({ name, topic, status }: Subscription, error: TapekeeperError | undefined): void {
    this.emit('subscription', { symbol: this.symbol, dataType: topic.dataType, topic: name, status, at: this.now(), error })
  }

  /** Waits until nothing is pending any more, or the start's time is up. */
  async #allSettled(signal: AbortSignal | undefined): Promise<void> {
    const pending = (): boolean => [...this.#subscriptions.values()].some(({ status }) => status === 'pending')
    if (!pending() || signal?.aborted === true) return
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel()
        signal?.removeEventListener('abort', finish)
        this.#onSettled = () => undefined
        resolve()
      }
      const cancel = this.ports.clock.after(this.#config.startTimeoutMs, finish)
      signal?.addEventListener('abort', finish, { once: true })
      this.#onSettled = () => {
        if (!pending()) finish()
      }
    })
  }

  async #leaveAll(): Promise<void> {
    const subscriptions = [...this.#subscriptions.values()]
    this.#subscriptions.clear()
    this.#lastLinkError = undefined
    const gone = subscriptions.map(({ leave }) => leave())
    for (const subscription of subscriptions) {
      subscription.keeper?.stop()
      if (subscription.status === 'rejected') continue
      subscription.status = 'ended'
      this.#announce(subscription, undefined)
    }
    await Promise.all(gone)
  }

  #links() {
    return [...new Set([...this.#subscriptions.values()].flatMap(({ pool, topic }) => pool.linkOf(topic.key) ?? []))]
  }
}
