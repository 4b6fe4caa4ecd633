import type { DataType } from '../../domain/data-type.ts'
import type { Instrument } from '../../domain/instrument.ts'
import type { MarketDataPoint, PointOf } from '../../domain/market-data.ts'
import { requireObject } from '../../errors/require.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { BookKeeper } from '../book/book-keeper.ts'
import { createKeeper } from '../book/create-keeper.ts'
import type { LocalBook } from '../book/local-book.ts'
import type { ExchangeDefinition, Topic } from '../exchange-definition.ts'
import type { DataFrame } from '../frame.ts'
import type { InstrumentCatalog } from '../instrument-catalog.ts'
import { momentOf, type Moment } from '../../ports/clock.ts'
import { liveIdsOf, type ConnectionReport } from '../link/connection-report.ts'
import type { LinkPool, TopicListener } from '../link/link-pool.ts'
import type { RestClient } from '../rest-client.ts'
import { runtimeOf, type Runtime } from '../runtime.ts'
import { sumCompleteness, type Completeness } from '../tape/completeness.ts'
import { BaseDataCollector } from './base-collector.ts'
import type { RestartTrigger, SubscriptionStatus } from './events.ts'
import type { HealthIssue } from './health.ts'
import {
  baseOptionsOf,
  resolveExchangeConfig,
  subscribedTypes,
  type ExchangeCollectorConfig,
  type ResolvedExchangeConfig,
} from './exchange-config.ts'
import { FrameFaults } from './frame-faults.ts'
import type { StartOutcome } from './lifecycle.ts'
import { LatestTrade } from './latest-trade.ts'
import { RepairLadder } from './repair-ladder.ts'
import { Settling } from './settling.ts'
import { StaleRepair } from './stale-repair.ts'
import type { SubscriptionReport } from './status-report.ts'
import { TradeLine } from './trade-line.ts'
import { StreamWatch } from './stream-watch.ts'
import { issueOf, reportOf, type Subscription } from './subscription.ts'

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
  readonly #settling: Settling
  #lastLinkError: TapekeeperError | undefined
  #line: TradeLine | undefined
  /** By the subscription's name; they outlive restarts. */
  readonly #ladders = new Map<string, RepairLadder>()
  readonly #staleRepair: StaleRepair
  readonly #frameFaults: FrameFaults
  #latestTrade: LatestTrade | undefined

  /** @throws TapekeeperError `CONFIG_INVALID` naming every problem, what is allowed, and the nearest right spelling. */
  constructor(definition: ExchangeDefinition, input: ExchangeCollectorConfig) {
    requireObject(definition, 'ExchangeCollector', 'definition of the exchange', 'an object made by defineExchange')
    const config = resolveExchangeConfig(input, definition)
    super(baseOptionsOf(definition, config))
    this.#definition = definition
    this.#config = config
    this.#runtime = runtimeOf(config.ports)
    this.#settling = new Settling(this.ports.clock, () =>
      [...this.#subscriptions.values()].some(({ status }) => status === 'pending'),
    )
    this.#frameFaults = new FrameFaults({
      clock: this.ports.clock,
      report: (error) => this.reportError(error),
      count: (code, times) => this.counters.failed(code, times),
    })
    this.#staleRepair = new StaleRepair({
      clock: this.ports.clock,
      logger: this.logger,
      restart: (reason) => {
        this.setStatus('unhealthy', reason)
        this.restartSoon('stale-data', reason)
      },
    })
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
    return sumCompleteness(this.#line === undefined ? [] : [this.#line.ledger.report()])
  }

  /**
   * Moves this collector's connections, and whoever shares them, to new ones without a break. Asked for again before the new ones have
   * carried data for five seconds, it waits, longer each time, up to half a minute.
   */
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
    this.#line ??= this.#newLine()
    await this.#line?.open(this.#tradeStream, { symbol: this.symbol, nativeSymbol }, () => this.#askLatestTrade())
    return true
  }

  protected async disconnect(): Promise<void> {
    // A restart goes on where it was; a stop ends the tape, and what follows is a new one.
    await Promise.all([this.#leaveAll(), this.isWanted ? this.#line?.close(false) : this.release()])
  }

  protected override async release(): Promise<void> {
    await this.#line?.close(true)
  }

  protected async subscribeToData(
    _symbols: readonly string[],
    _dataTypes: readonly DataType[],
    signal?: AbortSignal,
  ): Promise<boolean> {
    for (const topic of subscribedTypes(this.#config).flatMap((dataType) => this.#topicsOf(dataType))) {
      const sockets = topic.dataType === 'trade' ? this.#config.redundancy : 1
      for (let replica = 0; replica < sockets; replica++) this.#subscribe(topic, replica)
    }
    await this.#settling.wait(this.#config.startTimeoutMs, signal)
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

  protected override connectionIds(): readonly string[] {
    return liveIdsOf(this.#links())
  }

  protected override lastHeartbeat(): Moment | undefined {
    const heard = this.#links().flatMap(({ lastHeard }) => lastHeard ?? [])
    return heard.length === 0 ? super.lastHeartbeat() : heard.reduce((a, b) => (b.elapsed > a.elapsed ? b : a))
  }

  protected override reconnectAttempts(): number {
    return Math.max(0, ...this.#links().map(({ attempt }) => attempt))
  }

  protected override connectedAt(): number | undefined {
    const opened = this.#links().flatMap((link) => link.opened ?? [])
    return opened.length === 0 ? undefined : opened.reduce((a, b) => (b.elapsed < a.elapsed ? b : a)).at
  }

  protected override subscriptionReports(): readonly SubscriptionReport[] {
    return [...this.#subscriptions.values()].map(reportOf)
  }

  protected override healthIssues(): readonly string[] {
    return [...this.#subscriptions.values()].flatMap((subscription) => issueOf(subscription) ?? [])
  }

  /** A market may be quiet for hours: each subscription tells silence from quiet by itself. */
  protected override maxSilenceMs(): undefined {
    return undefined
  }

  /** A restart did not help a stream that stays silent; what else is collected goes on, and so do the smaller repairs. */
  protected override restartsExhausted(trigger: RestartTrigger, reason: string): void {
    if (trigger !== 'stale-data') super.restartsExhausted(trigger, reason)
  }

  protected override recovered(): void {
    if ([...this.#subscriptions.values()].some(({ watch }) => watch?.isStale === true)) return
    // A restart that is on its way is not needed any more.
    super.recovered()
    this.#reflect(undefined)
  }

  /** Links watch themselves and reconnect, and a bad frame costs that frame: neither is a reason to start over. */
  protected override repairs(issue: HealthIssue): boolean {
    return issue === 'no-heartbeat' || issue === 'error-rate'
  }

  get #catalog(): InstrumentCatalog {
    return this.#runtime.catalog(this.#definition, this.#config.endpoints['rest'] ?? '')
  }

  get #rest(): RestClient {
    return this.#runtime.rest(this.#definition, this.#config.endpoints['rest'] ?? '', this.logger)
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
    const repairs = this.#ladders.get(name) ?? new RepairLadder(this.ports.random)
    this.#ladders.set(name, repairs)
    const subscription: Subscription = {
      name,
      topic,
      pool,
      keeper,
      watch: topic.dataType === 'balance' ? undefined : this.#newWatch(topic, () => subscription),
      repairs,
      status: 'pending',
      leave: () => Promise.resolve(),
    }
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
        this.#frameFaults.add(error)
      },
    }
  }

  #onData({ topic, keeper, watch }: Subscription, frame: DataFrame, text: string, receivedAt: number): void {
    this.counters.messageReceived(receivedAt, text.length)
    const { points } = frame
    const last = points[points.length - 1]
    watch?.data({ at: receivedAt, elapsed: this.elapsed() }, last?.dataType === 'trade' ? last : undefined)
    this.#raw(topic, text, receivedAt)
    for (const error of frame.errors) this.#frameFaults.add(error)
    for (const point of points) {
      if (point.dataType === 'trade' && this.#line !== undefined) this.#line.accept(point)
      else if (point.dataType === 'candle' && this.#config.candles.source === 'trades') this.#line?.theirs(point.data)
      else if (point.dataType === 'orderbook' && keeper !== undefined) keeper.onFrame(point)
      else this.deliver(point)
    }
  }

  #newWatch({ dataType }: Topic, subscription: () => Subscription): StreamWatch {
    const isAskable = this.#definition.trades?.latest !== undefined
    return new StreamWatch({
      isTrades: dataType === 'trade',
      clock: this.ports.clock,
      random: this.ports.random,
      latestTrade: isAskable ? () => this.#askLatestTrade() : undefined,
      maxSilenceMs: () => super.maxSilenceMs() ?? Infinity,
      onStale: (finding) => {
        this.#staleRepair.found(subscription(), finding)
        this.#reflect(undefined)
      },
      onRecovered: () => this.recovered(),
    })
  }

  #askLatestTrade(): Promise<PointOf<'trade'> | undefined> {
    const target = { symbol: this.symbol, nativeSymbol: this.#nativeSymbol ?? '' }
    this.#latestTrade ??= new LatestTrade(
      (signal) => this.#definition.trades?.latest?.(this.#rest, target, this.now(), signal) ?? Promise.resolve(undefined),
      this.ports.clock,
    )
    return this.#latestTrade.get()
  }

  #newKeeper(topic: Topic, pool: LinkPool): BookKeeper {
    return createKeeper({
      definition: this.#definition,
      target: { symbol: this.symbol, nativeSymbol: this.#nativeSymbol ?? '' },
      settings: this.#config.orderBook,
      rest: this.#rest,
      topicKey: topic.key,
      pool,
      clock: this.ports.clock,
      random: this.ports.random,
      deliver: (point) => this.deliver(point),
      onState: (change) => this.emit('book', change),
    })
  }

  #newLine(): TradeLine | undefined {
    if (!subscribedTypes(this.#config).includes('trade')) return undefined
    return new TradeLine(this.#tradeStream, {
      exchange: this.exchangeName,
      config: this.#config,
      instrument: () => this.#instrument,
      cursorStore: () => this.cursorStore(this.#config.tape.cursorStore),
      history: this.#definition.trades,
      rest: this.#rest,
      serverTime: () => this.#definition.loadServerTime(this.#rest),
      ports: this.ports,
      deliver: (point) => this.deliver(point),
      onGap: (gap) => this.reportGap(gap),
      onMismatch: (mismatch) => this.emit('candleMismatch', mismatch),
      onError: (error) => this.reportError(error),
    })
  }

  /** Of two sockets one is enough. */
  get #hearsTrades(): boolean {
    return [...this.#subscriptions.values()].some(({ topic, status }) => topic.dataType === 'trade' && status === 'confirmed')
  }

  get #tradeStream(): string {
    return `${this.exchangeName} ${this.#topicsOf('trade')[0]?.key ?? 'trades'}`
  }

  #raw(topic: Topic, text: string, receivedAt: number): void {
    if (!this.#config.storeRawData) return
    const { key, dataType } = topic
    this.deliverRaw({ exchange: this.exchangeName, symbol: this.symbol, dataType, topic: key, receivedAt, text })
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
    if (status === 'confirmed' && changed) subscription.watch?.confirmed(momentOf(this.ports.clock))
    if (status !== 'confirmed') subscription.watch?.interrupted()
    if (status === 'confirmed') subscription.keeper?.onConfirmed()
    if (status === 'pending' && error?.consequence === 'reconnect') subscription.keeper?.onLost()
    if (status === 'rejected') subscription.keeper?.stop()
    if (subscription.topic.dataType === 'trade' && changed) {
      if (status === 'confirmed') this.#line?.confirmed()
      else if (!this.#hearsTrades) this.#line?.interrupted()
    }
    if (status === 'pending') this.#lastLinkError = error ?? this.#lastLinkError
    if (changed) this.#announce(subscription, error)
    this.#settling.changed()
    this.#reflect(error)
  }

  /** The exchange's refusal, with our name of what was refused. */
  #rejection({ dataType }: Topic, cause: TapekeeperError): TapekeeperError {
    const context = { ...cause.context, exchange: this.exchangeName, symbol: this.symbol, dataType }
    return new TapekeeperError(cause.code, `${this.symbol} ${dataType}: ${cause.message}`, context, { cause })
  }

  /** The status follows from the subscriptions. */
  #reflect(error: TapekeeperError | undefined): void {
    if (this.status !== 'running' && this.status !== 'degraded' && this.status !== 'unhealthy') return
    const subscriptions = [...this.#subscriptions.values()]
    const issue = subscriptions.map(issueOf).find((text) => text !== undefined)
    const isStale = subscriptions.some(({ watch }) => watch?.isStale === true)
    if (subscriptions.every(({ status }) => status === 'rejected')) {
      this.giveUp(error?.message ?? 'every subscription was rejected')
    } else if (issue === undefined) this.setStatus('running', 'every subscription is confirmed')
    else if (this.status !== 'unhealthy' || !isStale) this.setStatus('degraded', error?.message ?? issue)
  }

  #announce({ name, topic, status }: Subscription, error: TapekeeperError | undefined): void {
    this.emit('subscription', { symbol: this.symbol, dataType: topic.dataType, topic: name, status, at: this.now(), error })
  }

  async #leaveAll(): Promise<void> {
    const subscriptions = [...this.#subscriptions.values()]
    this.#subscriptions.clear()
    this.#lastLinkError = undefined
    this.#staleRepair.stop()
    this.#latestTrade?.stop()
    this.#latestTrade = undefined
    const gone = subscriptions.map(({ leave }) => leave())
    for (const subscription of subscriptions) {
      subscription.keeper?.stop()
      subscription.watch?.interrupted()
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
