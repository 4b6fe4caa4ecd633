import type { DataType } from '../../domain/data-type.ts'
import type { MarketDataPoint, OhlcvData } from '../../domain/market-data.ts'
import { requireObject, requireOneOf, requireText } from '../../errors/require.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { momentOf, sleep, type Moment } from '../../ports/clock.ts'
import { AbortListener } from '../../ports/on-abort.ts'
import { fenceLogger } from '../../ports/logger.ts'
import { completePorts } from '../../ports/ports.ts'
import {
  parseBaseOptions,
  withSupervision,
  type BaseCollectorOptions,
  type ResolvedBaseOptions,
  type SupervisionOptions,
} from './base-options.ts'
import { WantedSymbols } from './wanted-symbols.ts'
import { validateOhlcvData, type OhlcvInput } from '../validate-ohlcv.ts'
import { isActive, type CollectorStatus } from './collector-state.ts'
import { DataSource } from './data-source.ts'
import { liveIdsOf, type ConnectionReport } from '../link/connection-report.ts'
import { RESTART_TRIGGERS, type RestartRequest, type RestartTrigger } from './events.ts'
import { assessHealth, type Finding, type HealthIssue, type HealthStatus } from './health.ts'
import { Lifecycle, type LifecycleHooks, type StartOutcome } from './lifecycle.ts'
import {
  isoTime,
  secondsSince,
  statisticsOf,
  summaryOf,
  type CollectorStatusReport,
  type CollectorSummary,
  type SubscriptionReport,
} from './status-report.ts'
import { Supervision, type Supervised } from './supervision.ts'

/** A loop that waits for its next message is not stuck. */
const MIN_HEARTBEAT_GAP_MS = 60_000

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
export abstract class BaseDataCollector extends DataSource implements AsyncDisposable {
  #options: ResolvedBaseOptions
  readonly #symbols: WantedSymbols
  readonly #lifecycle: Lifecycle
  readonly #abort: AbortListener
  #heartbeat: Moment | undefined
  readonly #supervision: Supervision

  /** @throws TapekeeperError `CONFIG_INVALID` naming each wrong option and what is allowed. */
  constructor(options: BaseCollectorOptions) {
    const resolved = parseBaseOptions(options)
    const { exchangeName, componentName = `${exchangeName}_collector`, symbols, logger, signal, ports } = resolved
    super({ exchangeName, componentName, logger: fenceLogger(logger), ports: completePorts(ports) }, resolved)
    this.#options = resolved
    this.#symbols = new WantedSymbols(symbols)
    this.#abort = new AbortListener(signal, () => void this.stop())
    this.#lifecycle = new Lifecycle(this.#lifecycleHooks(), this.ports.clock)
    this.#supervision = new Supervision(this.#supervised())
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
    if (this.#options.signal?.aborted !== true) {
      // Started by hand, it has all its restarts before it.
      if (!isActive(this.status)) {
        this.#supervision.reset()
        this.#supervision.cancelRestart()
      }
      return this.#lifecycle.start()
    }
    this.reportError(new TapekeeperError('ABORTED', 'the signal of this collector has aborted already'))
    return Promise.resolve(false)
  }

  /**
   * Stops: unsubscribes, disconnects, ends streams once they are read. With `force` nothing is waited for. Never rejects.
   */
  stop(force = false): Promise<void> {
    this.#supervision.cancelRestart()
    return this.#lifecycle.stop(force)
  }

  /**
   * Stops and starts again; callbacks, listeners and streams stay. A supervisor names its `trigger`; all but `manual` restart a
   * collector only while it should be running.
   *
   * @returns true when everything asked for is confirmed again.
   */
  restart(request: RestartRequest = {}): Promise<boolean> {
    requireObject(request, 'restart', 'request', "an object such as { reason: 'by hand' }")
    const { trigger = 'manual', reason = 'requested' } = request
    requireOneOf(trigger, RESTART_TRIGGERS, 'restart', 'trigger')
    if (trigger === 'manual' && !isActive(this.status)) this.#supervision.reset()
    return this.#lifecycle.restart(trigger, reason)
  }

  /**
   * Changes how it is supervised, also while it runs.
   *
   * @throws TapekeeperError `CONFIG_INVALID`.
   */
  supervise(options: SupervisionOptions): void {
    this.#options = withSupervision(this.#options, options)
    this.#supervision.renew()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  // Symbols.

  /** Collects one more symbol; on a running collector it is subscribed to at once. @throws TapekeeperError `CONFIG_INVALID` for no text. */
  addSymbol(symbol: string): void {
    requireText(symbol, 'addSymbol', 'symbol')
    this.#followSymbols(this.#symbols.add(symbol))
  }

  /** Collects one symbol less; on a running collector it is unsubscribed from at once. */
  removeSymbol(symbol: string): void {
    requireText(symbol, 'removeSymbol', 'symbol')
    this.#followSymbols(this.#symbols.remove(symbol))
  }

  get symbols(): readonly string[] {
    return this.#symbols.wanted
  }

  get dataTypes(): readonly DataType[] {
    return this.#options.dataTypes
  }

  // Status.

  get status(): CollectorStatus {
    return this.#lifecycle.status
  }

  /** A plain snapshot of everything there is to know; safe to serialise. */
  getStatus(): CollectorStatusReport {
    const elapsed = this.elapsed()
    return {
      exchange: this.exchangeName,
      status: this.status,
      shouldBeRunning: this.#lifecycle.wanted,
      symbols: this.symbols,
      dataTypes: this.dataTypes,
      autoRestart: this.#options.autoRestart,
      health: {
        timeSinceHeartbeat: secondsSince(this.lastHeartbeat(), elapsed),
        timeSinceData: secondsSince(this.lastData, elapsed),
        maxSilenceDuration: this.#options.maxSilenceDurationMs / 1_000,
      },
      statistics: statisticsOf(this.counters, {
        dataTypes: this.dataTypes,
        uptimeSeconds: secondsSince(this.#lifecycle.started, elapsed) ?? 0,
        reconnectAttempts: this.reconnectAttempts(),
        connectedAt: this.connectedAt(),
        lastError: this.lastError?.message,
      }),
      subscriptions: this.subscriptionReports(),
      sinks: this.sinkStatus(),
    }
  }

  /** The short form of `getStatus` and `getHealthStatus` together, for those who watch very many collectors. */
  getSummary(): CollectorSummary {
    return summaryOf(this.counters, {
      exchange: this.exchangeName,
      status: this.status,
      shouldBeRunning: this.#lifecycle.wanted,
      symbols: this.symbols,
      autoRestart: this.#options.autoRestart,
      issues: this.#assess().map(({ text }) => text),
      timeSinceData: secondsSince(this.lastData, this.elapsed()),
      connectionIds: this.connectionIds(),
    })
  }

  /** The connections it uses just now; none for a source without any. */
  getConnections(): readonly ConnectionReport[] {
    return []
  }

  getHealthStatus(): HealthStatus {
    const issues = this.#assess().map(({ text }) => text)
    return {
      isHealthy: issues.length === 0,
      issues,
      status: this.status,
      lastHeartbeat: isoTime(this.lastHeartbeat()?.at),
      lastDataReceived: isoTime(this.lastData?.at),
      shouldBeRunning: this.#lifecycle.wanted,
      isRunning: this.#lifecycle.started !== undefined,
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

  /** Waits; rejects with the signal's reason when it aborts. */
  protected pause(ms: number, signal?: AbortSignal): Promise<void> {
    return sleep(this.ports.clock, ms, signal)
  }

  /** The message loop lives. Called by the loop on every turn. */
  protected heartbeat(): void {
    this.#heartbeat = momentOf(this.ports.clock)
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

  protected setStatus(to: CollectorStatus, reason?: string): void {
    this.#lifecycle.setStatus(to, reason)
  }

  /** Connects and subscribes. A subclass whose subscriptions can recover by themselves may answer `partly`. */
  protected async bringUp(signal: AbortSignal): Promise<StartOutcome> {
    if (!(await this.connect(signal))) return this.#failed('connect() returned false')
    if (signal.aborted) return 'failed'
    this.#symbols.subscribing()
    return (await this.subscribeToData(this.symbols, this.dataTypes)) ? 'up' : this.#failed('subscribeToData() returned false')
  }

  /** The source has nothing more to give: stops in order. To be called by `handleMessages` of a source that ends, such as a file. */
  protected finish(reason = 'the source has ended'): void {
    void this.#lifecycle.stop(false, reason)
  }

  /** Ends what runs and leaves the collector in the error state, from which `start` and `restart` lead out. */
  protected giveUp(reason: string): void {
    this.#lifecycle.giveUp(reason)
  }

  /** False from the moment `stop` is called: what is going on is an end, and not a restart. */
  protected get isWanted(): boolean {
    return this.#lifecycle.wanted
  }

  protected lastHeartbeat(): Moment | undefined {
    return this.#heartbeat
  }

  protected reconnectAttempts(): number {
    return this.#supervision.restarts
  }

  /** Epoch milliseconds. */
  protected connectedAt(): number | undefined {
    return this.#lifecycle.started?.at
  }

  /** Of the connections that are open, or being opened. */
  protected connectionIds(): readonly string[] {
    return liveIdsOf(this.getConnections())
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

  /** Silence of all data that makes the collector stale, milliseconds; undefined where silence alone is no fault. */
  protected maxSilenceMs(): number | undefined {
    return this.#options.maxSilenceDurationMs
  }

  /** Restarts after a back-off, if it may: not without `autoRestart`, and not more than `maxRestarts` times in a row. */
  protected restartSoon(trigger: RestartTrigger, reason: string): void {
    this.#supervision.restartSoon(trigger, reason)
  }

  /** There were `maxRestarts` without a stable period between them. By default the collector ends in the error state. */
  protected restartsExhausted(_trigger: RestartTrigger, reason: string): void {
    this.giveUp(reason)
  }

  /** What made it `unhealthy` is gone. */
  protected recovered(): void {
    if (this.#lifecycle.loopFailed) return
    this.#supervision.cancelRestart()
    this.setStatus('running', 'healthy again')
  }

  /** It was stopped, from whatever state: lets go of what a restart keeps. */
  protected release(): Promise<void> {
    return Promise.resolve()
  }

  // Inside.

  #lifecycleHooks(): LifecycleHooks {
    let errorBefore: TapekeeperError | undefined
    return {
      bringUp: (signal) => {
        // It may have aborted while nobody listened: before the first turn of a start, or during a restart.
        if (!this.#abort.listen()) return Promise.resolve('failed')
        errorBefore = this.lastError
        this.#symbols.begin()
        this.hurrySinks(false)
        return this.hasSinks ? this.openSinks().then(() => this.bringUp(signal)) : this.bringUp(signal)
      },
      reason: () => (this.lastError === errorBefore ? undefined : this.lastError?.message),
      unsubscribe: () => this.unsubscribeFromData(this.#symbols.collected, this.dataTypes),
      disconnect: () => this.disconnect(),
      release: () => this.release(),
      onStopping: () => this.hurrySinks(true),
      settle: this.hasSinks ? (signal) => this.closeSinks(signal) : undefined,
      onStopped: () => {
        this.#abort.leave()
        this.endStreams()
      },
      handleMessages: (signal) => this.handleMessages(signal),
      onTurn: () => this.heartbeat(),
      onLoopFailed: (error) => {
        this.counters.reconnects++
        this.reportError(error)
        this.setStatus('unhealthy', 'the message loop failed')
        this.restartSoon('connection-failure', error.message)
      },
      onError: (error) => this.reportError(error),
      onStatus: (change) => {
        this.logger.debug(`${change.from} -> ${change.to}`, { component: this.componentName, reason: change.reason })
        // Dead, and nothing on its way: a signal that lives on must not hold on to it.
        if (change.to === 'error') this.#abort.leave()
        this.emit('status', change)
      },
      onRestart: (notice) => {
        this.counters.restarted(notice.at, notice.trigger)
        this.emit('restart', notice)
      },
      onRestartFailed: () => this.#supervision.restartFailed(),
      onUp: () => this.#supervision.begin(),
      onDown: () => {
        this.#supervision.end()
        this.#heartbeat = undefined
      },
    }
  }

  #failed(message: string): StartOutcome {
    this.reportError(new TapekeeperError('COLLECTOR_FAILED', message, { component: this.componentName }))
    return 'failed'
  }

  #supervised(): Supervised {
    return {
      clock: this.ports.clock,
      random: this.ports.random,
      logger: this.logger,
      name: this.componentName,
      counters: this.counters,
      settings: () => this.#options,
      status: () => this.status,
      isWanted: () => this.isWanted,
      restartPlanned: () => void this.#abort.listen(),
      findings: () => this.#assess(),
      repairs: (issue) => this.repairs(issue),
      unhealthy: (reason) => this.setStatus('unhealthy', reason),
      recovered: () => this.recovered(),
      restart: (...how) => void this.#lifecycle.restart(...how),
      exhausted: (trigger, reason, error) => {
        this.reportError(error)
        this.restartsExhausted(trigger, reason)
      },
      lastError: () => this.lastError,
    }
  }

  #assess(): ReturnType<typeof assessHealth> {
    return assessHealth({
      status: this.status,
      shouldBeRunning: this.#lifecycle.wanted,
      elapsed: this.elapsed(),
      startedAt: this.#lifecycle.started?.elapsed,
      lastHeartbeatAt: this.lastHeartbeat()?.elapsed,
      lastDataAt: this.lastData?.elapsed,
      maxHeartbeatGapMs: Math.max(2 * this.#options.healthCheckIntervalMs, MIN_HEARTBEAT_GAP_MS),
      maxSilenceDurationMs: this.maxSilenceMs(),
      ownFindings: isActive(this.status) ? this.#ownFindings() : [],
    })
  }

  #ownFindings(): readonly Finding[] {
    const issues = [...this.healthIssues(), ...this.sinkIssues()].map((text) => ({ issue: 'own', text }) as const)
    return this.#supervision.errorFinding === undefined ? issues : [this.#supervision.errorFinding, ...issues]
  }

  #followSymbols(isNews: boolean): void {
    if (!isNews || !this.#lifecycle.wanted) return
    this.#lifecycle.follow((isCurrent) =>
      this.#symbols.follow({
        subscribe: (symbols) => this.subscribeToData(symbols, this.dataTypes),
        unsubscribe: (symbols) => this.unsubscribeFromData(symbols, this.dataTypes),
        onError: (error) => this.reportError(error),
        isCurrent,
      }),
    )
  }
}
