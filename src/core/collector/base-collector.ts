import type { DataType } from '../../domain/data-type.ts'
import type { MarketDataPoint, OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { ErrorCode } from '../../errors/consequence.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { sleep, type Cancel } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import { systemPorts, type Ports } from '../../ports/ports.ts'
import { parseBaseOptions, type BaseCollectorOptions, type ResolvedBaseOptions } from './base-options.ts'
import { Emitter } from '../emitter.ts'
import { validateOhlcvData, type OhlcvInput } from '../validate-ohlcv.ts'
import { canFollow, isActive, type CollectorStatus } from './collector-state.ts'
import { Counters } from './counters.ts'
import type { DataStream, StreamOptions } from './data-stream.ts'
import { Delivery, type DataCallback } from './delivery.ts'
import type { CollectorEvents, RestartTrigger } from './events.ts'
import { assessHealth, type HealthIssue, type HealthStatus } from './health.ts'
import { NO_RESTARTS, nextRestart, type RestartHistory } from './restart-policy.ts'
import { isoTime, secondsSince, type CollectorStatusReport, type SubscriptionReport } from './status-report.ts'

/** How far a start got: everything, a part that keeps trying, or nothing. */
export type StartOutcome = 'up' | 'partly' | 'failed'

const STABLE_AFTER_MS = 600_000
/** A message loop that is cut off politely gets this long to end. */
const LOOP_GRACE_MS = 5_000
/** A `handleMessages` that returns at once must not keep timers and sockets from their turn. */
const TURNS_BEFORE_YIELD = 64

/**
 * The base of every collector, and the door for sources of your own: implement the six abstract methods and get lifecycle, health,
 * restarts, statistics, callbacks and streams.
 *
 * The message loop calls `handleMessages` again and again; each call waits for the next message or messages and passes each to
 * `receive`, which calls `processMessage` and delivers what that returns. A message that cannot be processed costs that message;
 * a `handleMessages` that rejects is a lost connection, and restarts the collector when `autoRestart` is on.
 *
 * @example
 * ```ts
 * import { BaseDataCollector, DataType, decimalString, type MarketDataPoint } from 'tapekeeper'
 *
 * class Ticks extends BaseDataCollector {
 *   constructor() {
 *     super({ exchangeName: 'my-feed', symbols: ['BTC-USDT'], dataTypes: [DataType.Trade] })
 *   }
 *   protected async connect() { return true }
 *   protected async disconnect() {}
 *   protected async subscribeToData() { return true }
 *   protected async unsubscribeFromData() { return true }
 *   protected async handleMessages(signal: AbortSignal) {
 *     await this.pause(1_000, signal)
 *     await this.receive({ id: String(this.now()), price: '100.5' })
 *   }
 *   protected processMessage(message: { id: string; price: string }): MarketDataPoint {
 *     return {
 *       exchange: this.exchangeName, symbol: 'BTC-USDT', dataType: 'trade', timestamp: this.now(), receivedAt: this.now(),
 *       data: { id: message.id, price: decimalString(message.price), size: decimalString('1'), side: 'buy', backfilled: false },
 *     }
 *   }
 * }
 * ```
 */
export abstract class BaseDataCollector implements AsyncDisposable {
  readonly exchangeName: string
  readonly componentName: string
  protected readonly logger: Logger
  protected readonly ports: Ports
  protected readonly counters = new Counters()

  readonly #options: ResolvedBaseOptions
  readonly #symbols: Set<string>
  readonly #events: Emitter<CollectorEvents>
  readonly #delivery: Delivery
  #status: CollectorStatus = 'stopped'
  #shouldBeRunning = false
  #lastError: TapekeeperError | undefined
  #callbackFaultReported = false
  /** Lifecycle operations run one after the other. */
  #queue: Promise<unknown> = Promise.resolve()
  #starting: Promise<boolean> | undefined
  #stopping: Promise<void> | undefined
  #restarting: Promise<boolean> | undefined
  #run: AbortController | undefined
  #loop: Promise<void> = Promise.resolve()
  #startedAt: number | undefined
  #heartbeatAt: number | undefined
  #dataAt: number | undefined
  #restartHistory: RestartHistory = NO_RESTARTS
  #cancelHealth: Cancel | undefined
  #cancelRestart: Cancel | undefined

  /** @throws TapekeeperError `CONFIG_INVALID` naming each wrong option and what is allowed. */
  constructor(options: BaseCollectorOptions) {
    this.#options = parseBaseOptions(options)
    const { exchangeName, componentName, symbols, logger, ports, signal } = this.#options
    this.exchangeName = exchangeName
    this.componentName = componentName ?? `${exchangeName}_collector`
    this.logger = logger
    this.ports = { ...systemPorts, ...ports }
    this.#symbols = new Set(symbols)
    this.#events = new Emitter((error, event) => this.#callbackFailed(error, `listener of '${event}'`))
    this.#delivery = new Delivery({
      onFault: (error, dataType) => this.#callbackFailed(error, `callback for ${dataType}`),
      onDropped: (count) => (this.counters.streamDropped += count),
      onOverflow: (dataType) => this.reportError(this.#overflow(dataType)),
      overflowError: (dataType) => this.#overflow(dataType),
    })
    signal?.addEventListener('abort', () => void this.stop(), { once: true })
  }

  // To implement.

  /** Opens whatever the source needs. False, or a rejection, fails the start. */
  protected abstract connect(signal: AbortSignal): Promise<boolean>
  /** Lets go of everything `connect` opened. Also called after a failed start. */
  protected abstract disconnect(): Promise<void>
  protected abstract subscribeToData(symbols: readonly string[], dataTypes: readonly DataType[]): Promise<boolean>
  protected abstract unsubscribeFromData(symbols: readonly string[], dataTypes: readonly DataType[]): Promise<boolean>
  /** One turn of the message loop. Must end soon after the signal aborts. */
  protected abstract handleMessages(signal: AbortSignal): Promise<void>
  /** One message to market data: none, one or several points. A throw costs this message only. */
  protected abstract processMessage(
    message: unknown,
  ): MarketDataPoint | readonly MarketDataPoint[] | undefined | Promise<MarketDataPoint | readonly MarketDataPoint[] | undefined>

  // Lifecycle.

  /**
   * Starts collecting. Safe to call at any time; calls while starting share one result.
   *
   * @returns true when everything asked for is confirmed; false otherwise, with `lastError` saying why.
   */
  start(): Promise<boolean> {
    if (this.#starting !== undefined) return this.#starting
    this.#shouldBeRunning = true
    this.#stopping = undefined
    const starting = this.#enqueue(() => this.#bringUp('starting'))
    this.#starting = starting
    void starting.finally(() => {
      if (this.#starting === starting) this.#starting = undefined
    })
    return starting
  }

  /**
   * Stops: unsubscribes, disconnects, ends streams once they are read. With `force` nothing is waited for. Never rejects.
   */
  stop(force = false): Promise<void> {
    this.#shouldBeRunning = false
    this.#starting = undefined
    this.#restarting = undefined
    this.#cancelRestart?.()
    this.#cancelRestart = undefined
    this.#run?.abort(new TapekeeperError('ABORTED', 'the collector was stopped'))
    this.#stopping ??= this.#enqueue(async () => {
      await this.#bringDown(force)
      this.#delivery.endStreams()
    })
    return this.#stopping
  }

  /** Stops and starts again; callbacks, listeners and streams stay. */
  restart(): Promise<boolean> {
    this.#shouldBeRunning = true
    this.#stopping = undefined
    return this.#restart('manual', 'requested', 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  // Delivery.

  /**
   * Calls `callback` with every point of one type, typed by it, in order. A throw or rejection stops nobody; it is counted, and
   * reported once per collector.
   *
   * @example
   * ```ts
   * import { createOkxCollector, DataType } from 'tapekeeper'
   * const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: [DataType.Trade] })
   * collector.addDataCallback(DataType.Trade, ({ data }) => console.log(data.side, data.price, data.size))
   * ```
   */
  addDataCallback<T extends DataType>(dataType: T, callback: DataCallback<T>): void {
    this.#delivery.add(dataType, callback)
  }

  removeDataCallback<T extends DataType>(dataType: T, callback: DataCallback<T>): void {
    this.#delivery.remove(dataType, callback)
  }

  /**
   * The points of one type as an async iterator over a bounded queue. What does not fit is dropped by `onOverflow` and counted in
   * `stream.dropped`. The loop ends when the signal aborts or the collector stops.
   *
   * @example
   * ```ts
   * import { createOkxCollector, DataType } from 'tapekeeper'
   * async function watch(signal: AbortSignal) {
   *   const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: [DataType.Trade] })
   *   const trades = collector.stream(DataType.Trade, { signal })
   *   await collector.start()
   *   for await (const trade of trades) console.log(trade.data.price)
   *   await collector.stop()
   * }
   * ```
   */
  stream<T extends DataType>(dataType: T, options: StreamOptions = {}): DataStream<PointOf<T>> {
    return this.#delivery.stream(dataType, options)
  }

  on<K extends keyof CollectorEvents>(event: K, listener: CollectorEvents[K]): this {
    this.#events.on(event, listener)
    return this
  }

  once<K extends keyof CollectorEvents>(event: K, listener: CollectorEvents[K]): this {
    this.#events.once(event, listener)
    return this
  }

  off<K extends keyof CollectorEvents>(event: K, listener: CollectorEvents[K]): this {
    this.#events.off(event, listener)
    return this
  }

  // Symbols.

  /** Collects one more symbol; on a running collector it is subscribed to at once. */
  addSymbol(symbol: string): void {
    if (this.#symbols.has(symbol)) return
    this.#symbols.add(symbol)
    this.#inBackground(`subscribing to ${symbol}`, () => this.subscribeToData([symbol], this.dataTypes))
  }

  /** Collects one symbol less; on a running collector it is unsubscribed from at once. */
  removeSymbol(symbol: string): void {
    if (!this.#symbols.delete(symbol)) return
    this.#inBackground(`unsubscribing from ${symbol}`, () => this.unsubscribeFromData([symbol], this.dataTypes))
  }

  get symbols(): readonly string[] {
    return [...this.#symbols]
  }

  get dataTypes(): readonly DataType[] {
    return this.#options.dataTypes
  }

  // Status.

  get status(): CollectorStatus {
    return this.#status
  }

  /** The most recent error, whatever its consequence. */
  get lastError(): TapekeeperError | undefined {
    return this.#lastError
  }

  /** A plain snapshot of everything there is to know; safe to serialise. */
  getStatus(): CollectorStatusReport {
    const now = this.now()
    return {
      exchange: this.exchangeName,
      status: this.#status,
      shouldBeRunning: this.#shouldBeRunning,
      symbols: this.symbols,
      dataTypes: this.dataTypes,
      autoRestart: this.#options.autoRestart,
      health: {
        timeSinceHeartbeat: secondsSince(this.lastHeartbeatAt(), now),
        timeSinceData: secondsSince(this.#dataAt, now),
        maxSilenceDuration: this.#options.maxSilenceDurationMs / 1_000,
      },
      statistics: {
        messagesReceived: this.counters.messagesReceived,
        messagesProcessed: this.counters.messagesProcessed,
        errors: this.counters.errors,
        callbackErrors: this.counters.callbackErrors,
        streamDropped: this.counters.streamDropped,
        restarts: this.counters.restarts,
        uptimeSeconds: secondsSince(this.#startedAt, now) ?? 0,
        reconnectAttempts: this.reconnectAttempts(),
        lastMessageTime: isoTime(this.counters.lastMessageAt),
        connectionUptime: isoTime(this.connectedAt()),
        lastError: this.#lastError?.message ?? null,
        lastRestartTime: isoTime(this.counters.lastRestartAt),
      },
      subscriptions: this.subscriptionReports(),
    }
  }

  getHealthStatus(): HealthStatus {
    const issues = this.#assess().map(([, text]) => text)
    return {
      isHealthy: issues.length === 0,
      issues,
      status: this.#status,
      lastHeartbeat: isoTime(this.lastHeartbeatAt()),
      lastDataReceived: isoTime(this.#dataAt),
      shouldBeRunning: this.#shouldBeRunning,
      isRunning: this.#startedAt !== undefined,
    }
  }

  /**
   * Checks a candle and makes it an `OhlcvData`.
   *
   * @throws TapekeeperError `OHLCV_INVALID` naming every broken rule.
   */
  validateOhlcvData(data: OhlcvInput, symbol: string, timeframe: string): OhlcvData {
    return validateOhlcvData({ exchange: this.exchangeName, ...data }, symbol, timeframe)
  }

  // For subclasses.

  protected now(): number {
    return this.ports.clock.now()
  }

  /** Waits; rejects with the signal's reason when it aborts. */
  protected pause(ms: number, signal?: AbortSignal): Promise<void> {
    return sleep(this.ports.clock, ms, signal)
  }

  /** The message loop lives. Called by the loop on every turn. */
  protected heartbeat(): void {
    this.#heartbeatAt = this.now()
  }

  /** Takes one message in: counts it, processes it, delivers the result. Never rejects. */
  protected async receive(message: unknown): Promise<void> {
    this.counters.messageReceived(this.now())
    try {
      const result = await this.processMessage(message)
      if (result === undefined) return
      if (Array.isArray(result)) for (const point of result as readonly MarketDataPoint[]) this.deliver(point)
      else this.deliver(result as MarketDataPoint)
    } catch (error) {
      this.reportError(TapekeeperError.from(error, 'FRAME_INVALID', { component: this.componentName }))
    }
  }

  /** Hands one point to callbacks and streams. */
  protected deliver(point: MarketDataPoint): void {
    this.#dataAt = this.now()
    this.counters.messagesProcessed++
    this.#delivery.deliver(point)
  }

  /** Counts an error, keeps it as `lastError`, emits it; unheard errors go to the logger. */
  protected reportError(error: TapekeeperError): void {
    this.counters.errors++
    this.#lastError = error
    if (this.#events.listenerCount('error') > 0) this.#events.emit('error', error)
    else this.logger.error(error.message, { component: this.componentName, code: error.code, consequence: error.consequence })
  }

  protected emit<K extends keyof CollectorEvents>(event: K, ...args: Parameters<CollectorEvents[K]>): void {
    this.#events.emit(event, ...args)
  }

  protected setStatus(to: CollectorStatus, reason?: string): void {
    const from = this.#status
    if (from === to || !canFollow(from, to)) return
    this.#status = to
    this.logger.debug(`${from} -> ${to}`, { component: this.componentName, reason })
    this.#events.emit('status', { from, to, at: this.now(), reason })
  }

  /** Connects and subscribes. A subclass whose subscriptions can recover by themselves may answer `partly`. */
  protected async bringUp(signal: AbortSignal): Promise<StartOutcome> {
    if (!(await this.connect(signal))) return this.#failed('connect() returned false')
    if (!(await this.subscribeToData(this.symbols, this.dataTypes))) return this.#failed('subscribeToData() returned false')
    return 'up'
  }

  /** Ends what runs and leaves the collector in the error state, from which `start` and `restart` lead out. */
  protected giveUp(reason: string): void {
    void this.#enqueue(async () => {
      if (!this.#isWanted()) return
      await this.#bringDown(false, 'restarting')
      this.setStatus('error', reason)
    })
  }

  protected lastHeartbeatAt(): number | undefined {
    return this.#heartbeatAt
  }

  protected reconnectAttempts(): number {
    return this.#restartHistory.count
  }

  protected connectedAt(): number | undefined {
    return this.#startedAt
  }

  protected subscriptionReports(): readonly SubscriptionReport[] {
    return []
  }

  /** Problems only the subclass knows. */
  protected healthIssues(): readonly string[] {
    return []
  }

  /** Findings that the subclass repairs without a restart of the collector. */
  protected repairs(_issue: HealthIssue): boolean {
    return false
  }

  // Inside.

  #enqueue<R>(task: () => Promise<R>): Promise<R> {
    const result = this.#queue.then(task)
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #bringUp(status: 'starting' | 'restarting'): Promise<boolean> {
    if (this.#startedAt !== undefined) return this.#status === 'running'
    if (!this.#isWanted()) return false
    const { signal } = this.#options
    if (signal?.aborted === true) {
      this.#shouldBeRunning = false
      this.reportError(new TapekeeperError('ABORTED', 'the signal of this collector has aborted already'))
      return false
    }
    const run = new AbortController()
    this.#run = run
    this.setStatus(status)
    const outcome = await this.#tryBringUp(run.signal)
    if (outcome === 'failed' || run.signal.aborted) {
      run.abort()
      await this.#quietly('disconnect', () => this.disconnect())
      if (this.#isWanted()) this.setStatus('error', this.#lastError?.message)
      return false
    }
    this.#startedAt = this.now()
    this.heartbeat()
    this.setStatus(outcome === 'up' ? 'running' : 'degraded')
    this.#loop = this.#runLoop(run.signal)
    this.#scheduleHealthCheck()
    return outcome === 'up'
  }

  async #tryBringUp(signal: AbortSignal): Promise<StartOutcome> {
    try {
      return await this.bringUp(signal)
    } catch (error) {
      if (!signal.aborted) this.reportError(TapekeeperError.from(error, 'COLLECTOR_FAILED', { component: this.componentName }))
      return 'failed'
    }
  }

  #failed(message: string): StartOutcome {
    this.reportError(new TapekeeperError('COLLECTOR_FAILED', message, { component: this.componentName }))
    return 'failed'
  }

  async #bringDown(force: boolean, status: 'stopping' | 'restarting' = 'stopping'): Promise<void> {
    if (this.#status === 'stopped') return
    this.#run?.abort()
    this.#cancelHealth?.()
    this.#cancelHealth = undefined
    this.setStatus(status)
    if (this.#startedAt !== undefined) {
      if (!force) {
        await this.#quietly('unsubscribe', () => this.unsubscribeFromData(this.symbols, this.dataTypes))
        await this.#withGrace(this.#loop)
      }
      await this.#quietly('disconnect', () => this.disconnect())
    }
    this.#startedAt = undefined
    this.#heartbeatAt = undefined
    if (status === 'stopping') this.setStatus('stopped')
  }

  async #withGrace(loop: Promise<void>): Promise<void> {
    let cancel: Cancel | undefined
    await Promise.race([loop, new Promise<void>((resolve) => (cancel = this.ports.clock.after(LOOP_GRACE_MS, resolve)))])
    cancel?.()
  }

  #restart(trigger: RestartTrigger, reason: string, attempt: number, delayMs = 0): Promise<boolean> {
    this.#restarting ??= this.#enqueue(async () => {
      this.#restarting = undefined
      if (!this.#isWanted()) return false
      this.emit('restart', { trigger, reason, attempt, delayMs, at: this.now() })
      this.counters.restarted(this.now())
      await this.#bringDown(false, 'restarting')
      return this.#bringUp(this.#status === 'restarting' ? 'restarting' : 'starting')
    })
    return this.#restarting
  }

  #autoRestart(trigger: RestartTrigger, reason: string): void {
    if (!this.#options.autoRestart || !this.#shouldBeRunning || this.#cancelRestart !== undefined) return
    const { maxRestarts, restartDelayMs } = this.#options
    const policy = { delayMs: restartDelayMs, maxRestarts, stableAfterMs: STABLE_AFTER_MS }
    const next = nextRestart(this.#restartHistory, this.now(), policy, this.ports.random)
    if (next === 'give-up') {
      this.reportError(new TapekeeperError('COLLECTOR_FAILED', `gave up after ${maxRestarts} restarts: ${reason}`, { trigger }))
      this.giveUp(reason)
      return
    }
    this.#restartHistory = next.history
    this.logger.warn('restarting', { component: this.componentName, trigger, reason, delayMs: next.delayMs })
    this.#cancelRestart = this.ports.clock.after(next.delayMs, () => {
      this.#cancelRestart = undefined
      void this.#restart(trigger, reason, next.history.count, next.delayMs).then((ok) => {
        if (!ok && this.#status === 'error') this.#autoRestart('error-state', this.#lastError?.message ?? reason)
      })
    })
  }

  /** Asked as a question, because `stop` may change the answer during any wait. */
  #isWanted(): boolean {
    return this.#shouldBeRunning
  }

  async #runLoop(signal: AbortSignal): Promise<void> {
    const ended = (): boolean => signal.aborted
    for (let turn = 1; !ended(); turn++) {
      this.heartbeat()
      try {
        await this.handleMessages(signal)
        if (turn % TURNS_BEFORE_YIELD === 0) await this.pause(0, signal)
      } catch (error) {
        if (ended()) return
        this.reportError(TapekeeperError.from(error, 'COLLECTOR_FAILED', { component: this.componentName }))
        this.setStatus('unhealthy', 'the message loop failed')
        this.#autoRestart('connection-failure', this.#lastError?.message ?? 'the message loop failed')
        return
      }
    }
  }

  #scheduleHealthCheck(): void {
    this.#cancelHealth = this.ports.clock.after(this.#options.healthCheckIntervalMs, () => {
      this.#scheduleHealthCheck()
      this.#checkHealth()
    })
  }

  #checkHealth(): void {
    const serious = this.#assess().find(([issue]) => issue === 'no-heartbeat' || issue === 'stale-data')
    if (serious === undefined) {
      if (this.#status === 'unhealthy' && this.#cancelRestart === undefined) this.setStatus('running', 'healthy again')
      return
    }
    const [issue, text] = serious
    if (this.repairs(issue)) return
    this.setStatus('unhealthy', text)
    this.#autoRestart(issue === 'no-heartbeat' ? 'no-heartbeat' : 'stale-data', text)
  }

  #assess(): ReturnType<typeof assessHealth> {
    const { healthCheckIntervalMs, maxSilenceDurationMs } = this.#options
    return assessHealth({
      status: this.#status,
      shouldBeRunning: this.#shouldBeRunning,
      now: this.now(),
      startedAt: this.#startedAt,
      lastHeartbeatAt: this.lastHeartbeatAt(),
      lastDataAt: this.#dataAt,
      maxHeartbeatGapMs: Math.max(2 * healthCheckIntervalMs, 60_000),
      maxSilenceDurationMs,
      ownIssues: isActive(this.#status) ? this.healthIssues() : [],
    })
  }

  #callbackFailed(error: unknown, where: string): void {
    this.counters.callbackErrors++
    if (this.#callbackFaultReported) return
    this.#callbackFaultReported = true
    this.reportError(
      new TapekeeperError('CALLBACK_FAILED', `a ${where} failed (reported once): ${String(error)}`, { where }, { cause: error }),
    )
  }

  #overflow(dataType: DataType): TapekeeperError {
    const code: ErrorCode = 'STREAM_OVERFLOW'
    return new TapekeeperError(code, `a stream of ${dataType} points is full: its consumer is too slow`, { dataType })
  }

  #inBackground(what: string, task: () => Promise<unknown>): void {
    if (this.#startedAt === undefined) return
    void this.#enqueue(() => this.#quietly(what, task))
  }

  async #quietly(what: string, task: () => Promise<unknown>): Promise<void> {
    try {
      await task()
    } catch (error) {
      this.reportError(TapekeeperError.from(error, 'COLLECTOR_FAILED', { component: this.componentName, what }))
    }
  }
}
