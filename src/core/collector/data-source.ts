import { DATA_TYPES, type DataType } from '../../domain/data-type.ts'
import { isOfTape, type Gap } from '../../domain/gap.ts'
import type { MarketDataPoint, PointOf } from '../../domain/market-data.ts'
import type { RawFrame } from '../../domain/raw-frame.ts'
import { mistake, refuse, requireFunction, requireMethods, requireOneOf } from '../../errors/require.ts'
import { occurrencesOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { momentOf, type Moment } from '../../ports/clock.ts'
import type { CursorStore } from '../../ports/cursor-store.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Ports } from '../../ports/ports.ts'
import type { Sink, SinkStatus } from '../../ports/sink.ts'
import { SinkSet } from '../sinks/sink-set.ts'
import type { ResolvedSinkOptions } from '../sinks/sink-options.ts'
import { parseStreamOptions } from './base-options.ts'
import { storageGaps } from './consumer-faults.ts'
import { Counters } from './counters.ts'
import type { DataStream, StreamOptions } from './data-stream.ts'
import type { DataCallback } from './delivery.ts'
import type { CollectorEvents } from './events.ts'
import { Outlet } from './outlet.ts'

interface Identity {
  readonly exchangeName: string
  readonly componentName: string
  readonly logger: Logger
  readonly ports: Ports
}

const SINK_METHODS = ['point', 'gap', 'frame', 'flush', 'issues', 'status']

/** What consumers see of a collector: its callbacks, streams, listeners and sinks, and what is counted about them. */
export abstract class DataSource {
  readonly exchangeName: string
  readonly componentName: string
  protected readonly logger: Logger
  protected readonly ports: Ports
  protected readonly counters = new Counters()
  readonly #outlet: Outlet
  readonly #sinks: SinkSet
  #lastError: TapekeeperError | undefined
  #lastData: Moment | undefined

  constructor({ exchangeName, componentName, logger, ports }: Identity, sinks: ResolvedSinkOptions) {
    this.exchangeName = exchangeName
    this.componentName = componentName
    this.logger = logger
    this.ports = ports
    this.#outlet = new Outlet({
      exchange: exchangeName,
      counters: this.counters,
      now: () => this.now(),
      onError: (error) => this.reportError(error),
      onGap: (gap) => this.reportGap(gap),
    })
    this.#sinks = new SinkSet(sinks, {
      name: componentName,
      clock: ports.clock,
      random: ports.random,
      onError: (error) => this.reportError(error),
      onLostTrades: (trades) => {
        for (const gap of storageGaps(exchangeName, trades, this.now())) this.reportGap(gap)
      },
      onFault: (error) => this.#outlet.failed(error, 'sink'),
    })
  }

  /**
   * Calls `callback` with every point of one type, typed by it, in order. A throw or rejection stops nobody; it is counted, and
   * reported once per collector.
   *
   * A type that this collector does not collect is told at once, as an `error` event (`CONFIG_INVALID`): nothing of it will come.
   *
   * @throws TapekeeperError `CONFIG_INVALID` for what is no data type, and for a callback that is none.
   * @example
   * ```ts
   * import { createOkxCollector, DataType } from 'tapekeeper'
   * const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: [DataType.Trade] })
   * collector.addDataCallback(DataType.Trade, ({ data }) => console.log(data.side, data.price, data.size))
   * ```
   */
  addDataCallback<T extends DataType>(dataType: T, callback: DataCallback<T>): void {
    requireOneOf(dataType, DATA_TYPES, 'addDataCallback', 'data type')
    requireFunction(callback, 'addDataCallback', 'callback')
    // One piece of code may serve collectors of every kind, so it is told and not refused.
    if (!this.dataTypes.includes(dataType)) this.reportError(mistake('addDataCallback', this.#hasNone(dataType), this.dataTypes))
    this.#outlet.delivery.add(dataType, callback)
  }

  /**
   * Calls it no more.
   *
   * @returns whether it was called before.
   * @throws TapekeeperError `CONFIG_INVALID` for what is no data type, or no callback.
   */
  removeDataCallback<T extends DataType>(dataType: T, callback: DataCallback<T>): boolean {
    requireOneOf(dataType, DATA_TYPES, 'removeDataCallback', 'data type')
    requireFunction(callback, 'removeDataCallback', 'callback')
    return this.#outlet.delivery.remove(dataType, callback)
  }

  /**
   * The points of one type as an async iterator over a bounded queue. What does not fit is dropped by `onOverflow` and counted in
   * `stream.dropped`. The loop ends when the signal aborts or the collector stops.
   *
   * @throws TapekeeperError `CONFIG_INVALID` when an option is wrong, and for a type that this collector does not collect.
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
    this.#requireCollected(dataType, 'stream')
    return this.#outlet.delivery.stream(dataType, parseStreamOptions(options))
  }

  on<K extends keyof CollectorEvents>(event: K, listener: CollectorEvents[K]): this {
    this.#outlet.events.on(event, listener)
    return this
  }

  once<K extends keyof CollectorEvents>(event: K, listener: CollectorEvents[K]): this {
    this.#outlet.events.once(event, listener)
    return this
  }

  off<K extends keyof CollectorEvents>(event: K, listener: CollectorEvents[K]): this {
    this.#outlet.events.off(event, listener)
    return this
  }

  listenerCount(event: keyof CollectorEvents): number {
    return this.#outlet.events.listenerCount(event)
  }

  /** Gives everything that is delivered to a sink of your own as well, until it is removed. It is not flushed at the stop. */
  addSink(sink: Sink): void {
    requireMethods(sink, SINK_METHODS, 'addSink', 'sink')
    this.#sinks.fan.add(sink)
  }

  removeSink(sink: Sink): void {
    this.#sinks.fan.remove(sink)
  }

  /** The most recent error, whatever its consequence. */
  get lastError(): TapekeeperError | undefined {
    return this.#lastError
  }

  abstract get dataTypes(): readonly DataType[]

  /** What would never come must not be waited for. */
  #requireCollected(dataType: DataType, where: string): void {
    requireOneOf(dataType, DATA_TYPES, where, 'data type')
    if (!this.dataTypes.includes(dataType)) refuse(where, this.#hasNone(dataType), this.dataTypes)
  }

  #hasNone(dataType: DataType): string {
    return `${this.componentName} has no ${dataType} data: its dataTypes are ${this.dataTypes.join(', ')}`
  }

  /** A type that is not declared is told once: callbacks and streams cannot have it, although sinks do. */
  #expectType(dataType: DataType): void {
    requireOneOf(dataType, DATA_TYPES, 'deliver', 'data type of the point')
    if (this.dataTypes.includes(dataType)) return
    const candles = this.dataTypes.includes('candle') && dataType === 'trade'
    const help = candles ? '; candles are not made of them here: `new CandleAggregator(…)` makes them' : ''
    const message = `${this.componentName} delivers ${dataType} data, but its dataTypes are ${this.dataTypes.join(', ')}${help}`
    this.reportError(new TapekeeperError('CONFIG_INVALID', message, { dataType, dataTypes: this.dataTypes }))
  }

  // For subclasses.

  /** The wall clock, epoch milliseconds: for timestamps alone, because it may be set back or forward at any moment. */
  protected now(): number {
    return this.ports.clock.now()
  }

  /** Milliseconds since some fixed moment, whatever happens to the wall clock: for everything that is due, late or stale. */
  protected elapsed(): number {
    return this.ports.clock.elapsed()
  }

  /** Hands one point to sinks, callbacks and streams. */
  protected deliver(point: MarketDataPoint): void {
    const { dataType } = point
    // Zero before the first of its type, and nothing where there is no such type.
    if (!(this.counters.messagesByType[dataType] > 0)) this.#expectType(dataType)
    this.#lastData = momentOf(this.ports.clock)
    this.counters.messagesProcessed++
    this.counters.messagesByType[dataType]++
    this.#sinks.fan.point(point)
    this.#outlet.delivery.deliver(point)
  }

  /** Hands on one frame as it came, as a `raw` event and to the repository. */
  protected deliverRaw(frame: RawFrame): void {
    this.#sinks.fan.frame(frame)
    this.emit('raw', frame)
  }

  /** Counts an error, keeps it as `lastError`, emits it; unheard errors go to the logger. */
  protected reportError(error: TapekeeperError): void {
    this.counters.failed(error.code, occurrencesOf(error))
    this.#lastError = error
    if (this.#outlet.events.listenerCount('error') > 0) this.#outlet.events.emit('error', error)
    else this.logger.error(error.message, { component: this.componentName, code: error.code, consequence: error.consequence })
  }

  /** Counts a gap and emits it; one that was filled later takes back what was counted. */
  protected reportGap(gap: Gap): void {
    if (gap.filled) this.counters.missingTrades -= gap.missing ?? 0
    else {
      this.counters.gaps++
      this.counters.missingTrades += gap.missing ?? 0
    }
    // Of trades that nobody asked for there is no record in which a gap would be.
    if (isOfTape(gap) && this.dataTypes.includes('trade')) this.#sinks.fan.gap(gap)
    this.#outlet.events.emit('gap', gap)
  }

  protected emit<K extends keyof CollectorEvents>(event: K, ...args: Parameters<CollectorEvents[K]>): void {
    this.#outlet.events.emit(event, ...args)
  }

  /** When the latest point was delivered. */
  protected get lastData(): Moment | undefined {
    return this.#lastData
  }

  /** Where the tape's cursors are to be kept; undefined when nowhere. */
  protected cursorStore(given: CursorStore | undefined): CursorStore | undefined {
    return this.#sinks.cursorStore(given)
  }

  /** How the repositories and outputs of this collector are doing. */
  protected sinkStatus(): readonly SinkStatus[] {
    return this.#sinks.status()
  }

  protected sinkIssues(): readonly string[] {
    return this.#sinks.issues()
  }

  protected get hasSinks(): boolean {
    return !this.#sinks.isEmpty
  }

  /** @throws TapekeeperError when a repository or output cannot be made. */
  protected openSinks(): Promise<void> {
    return this.#sinks.open()
  }

  /** While it is stopping, a cursor is brought where it belongs without delay. */
  protected hurrySinks(isStopping: boolean): void {
    this.#sinks.hurry(isStopping)
  }

  /** Until the signal aborts; what is left then is spooled, or given up and reported. Never rejects. */
  protected closeSinks(signal: AbortSignal): Promise<void> {
    return this.#sinks.close(signal)
  }

  protected endStreams(): void {
    this.#outlet.delivery.endStreams()
  }
}
