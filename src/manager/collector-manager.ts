import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import type { CollectorStatusReport } from '../core/collector/status-report.ts'
import { requireMethods } from '../errors/require.ts'
import { TapekeeperError } from '../errors/tapekeeper-error.ts'
import { momentOf, type Cancel, type Moment } from '../ports/clock.ts'
import { AbortListener } from '../ports/on-abort.ts'
import { fenceLogger, type Logger } from '../ports/logger.ts'
import { completePorts, type Ports } from '../ports/ports.ts'
import { storageGaps } from '../core/collector/consumer-faults.ts'
import { SinkSet } from '../core/sinks/sink-set.ts'
import type { PointOf } from '../domain/market-data.ts'
import { PatientStop } from './patient-stop.ts'
import { contradictions, parseCollectorConfig, supervisionOf, type CollectorConfig } from './collector-config.ts'
import { HealthSweep } from './health-sweep.ts'
import { LoopMonitor } from './loop-monitor.ts'
import { ManagedCollector } from './managed-collector.ts'
import type { ManagerEvents, ManagerStatus } from './manager-events.ts'
import {
  parseManagerOptions,
  parseStopOptions,
  type CollectorManagerOptions,
  type ResolvedManagerOptions,
  type StopOptions,
} from './manager-options.ts'
import { managerStatus, type ManagerStatusReport } from './manager-status.ts'
import { ManagerVoice } from './manager-voice.ts'
import { PacedQueue } from './paced-queue.ts'
import { Reviver } from './reviver.ts'
import { isUp, NEVER_REVIVED } from './revival-policy.ts'

/** What is asked of a collector here; one of another copy of the package has it, too. */
const COLLECTOR_METHODS = [
  'start',
  'stop',
  'restart',
  'supervise',
  'getStatus',
  'getSummary',
  'on',
  'off',
  'addSink',
  'removeSink',
]

/**
 * Many collectors as one: started and stopped together, watched together, and restarted without end when they have given up
 * themselves. One that fails, throws or hangs never disturbs another.
 *
 * @example
 * ```ts
 * import { CollectorManager, createOkxCollector, DataType } from 'tapekeeper'
 *
 * const manager = new CollectorManager({ managerName: 'production', restartDelayMs: 30_000 })
 * for (const symbol of ['BTC-USDT', 'ETH-USDT'])
 *   manager.addCollector(createOkxCollector({ symbol, dataTypes: [DataType.Trade] }))
 * manager.on('health', ({ unhealthy }) => {
 *   for (const { name, issues } of unhealthy) console.warn(name, issues.join(', '))
 * })
 * if (!(await manager.start())) console.warn('not up yet:', manager.getFailedCollectors())
 * // … and at the end
 * await manager.stop({ deadlineMs: 5_000 })
 * ```
 */
export class CollectorManager implements AsyncDisposable {
  readonly managerName: string
  readonly #options: ResolvedManagerOptions
  readonly #ports: Ports
  readonly #logger: Logger
  readonly #voice: ManagerVoice
  readonly #managed = new Map<string, ManagedCollector>()
  /** Removed, and still stopping. */
  readonly #leaving = new Set<ManagedCollector>()
  readonly #queue: PacedQueue<ManagedCollector>
  readonly #reviver: Reviver
  readonly #sweep = new HealthSweep()
  readonly #monitor: LoopMonitor
  readonly #abort: AbortListener
  readonly #sinks: SinkSet
  /** Repositories and outputs are being made; collectors are started when they are there. False: they cannot be made. */
  #opening: Promise<boolean> | undefined
  #settling: PatientStop | undefined
  /** Until when a stop is polite, by elapsed time. */
  #politeUntil = Infinity
  #status: ManagerStatus = 'stopped'
  /** Counts stops: what was begun before the latest one is out of date. */
  #epoch = 0
  #starting: Promise<boolean> | undefined
  #stopping: Promise<void> | undefined
  #started: Moment | undefined
  #lastCheckAt: number | undefined
  #cancelCheck: Cancel | undefined
  #restartsPerformed = 0

  /**
   * @param options a string is the `managerName`.
   * @throws TapekeeperError `CONFIG_INVALID` naming each wrong option and what is allowed.
   */
  constructor(options: string | CollectorManagerOptions = {}) {
    this.#options = parseManagerOptions(options)
    const { managerName, restartDelayMs, logger, signal, ports } = this.#options
    this.managerName = managerName
    this.#abort = new AbortListener(signal, () => void this.stop())
    this.#logger = fenceLogger(logger)
    this.#ports = completePorts(ports)
    this.#voice = new ManagerVoice(managerName, this.#logger)
    this.#sinks = new SinkSet(this.#options, {
      name: managerName,
      clock: this.#ports.clock,
      random: this.#ports.random,
      onError: (error) => this.#voice.error(error),
      onLostTrades: (trades) => this.#notStored(trades),
      onFault: (error) => this.#voice.error(TapekeeperError.from(error, 'CALLBACK_FAILED')),
    })
    this.#monitor = new LoopMonitor(this.#ports.clock)
    this.#queue = new PacedQueue({ clock: this.#ports.clock, random: this.#ports.random, delayMs: restartDelayMs })
    this.#reviver = new Reviver({
      ports: this.#ports,
      logger: this.#logger,
      restartDelayMs,
      queue: this.#queue,
      restart: (managed, reason) => {
        this.#restartsPerformed++
        return managed.restart({ trigger: 'error-state', reason })
      },
    })
  }

  // Members.

  /**
   * Takes a collector into care; where the manager runs, it is started in the background. Listeners and callbacks of your own
   * stay as they are.
   *
   * @throws TapekeeperError `CONFIG_INVALID` when the config is wrong, the name is taken, or the collector is here already.
   */
  addCollector(collector: BaseDataCollector, config: CollectorConfig = {}): void {
    requireMethods(collector, COLLECTOR_METHODS, 'addCollector', 'collector')
    const resolved = parseCollectorConfig(config)
    const name = resolved.name ?? collector.componentName
    this.#refuseDoubles(collector, name)
    const supervision = supervisionOf(resolved)
    if (supervision !== undefined) collector.supervise(supervision)
    for (const contradiction of contradictions(resolved, collector))
      this.#logger.warn(contradiction, { component: this.managerName, collector: name })
    for (const gone of this.#leaving) if (gone.collector === collector) gone.release()
    const { startDeadlineMs } = this.#options
    const settings = { name, enabled: resolved.enabled, startDeadlineMs }
    const managed = new ManagedCollector(collector, settings, this.#ports.clock, this.#voice.hooksFor(collector, name))
    this.#managed.set(name, managed)
    managed.attach()
    collector.addSink(this.#sinks.fan)
    this.#voice.events.emit('collectorAdded', { collector: name })
    if (managed.enabled && this.#isActive && this.#opening === undefined && this.#isMember(managed)) void managed.start()
  }

  /** Stops one and lets it go. Its name is free at once. @returns false for an unknown name. */
  async removeCollector(name: string): Promise<boolean> {
    const managed = this.#managed.get(name)
    if (managed === undefined) return false
    this.#managed.delete(name)
    this.#leaving.add(managed)
    this.#reviver.forget(managed)
    await managed.stop(this.#options.stopDeadlineMs)
    this.#leaving.delete(managed)
    // It may have come back meanwhile, under whatever name.
    const isBack = [...this.#managed.values()].some(({ collector }) => collector === managed.collector)
    if (!isBack) managed.collector.removeSink(this.#sinks.fan)
    managed.detach()
    this.#voice.events.emit('collectorRemoved', { collector: name })
    return true
  }

  /** Resolves when it is up, or has failed to come up: its status tells. @returns false for an unknown name. */
  async enableCollector(name: string): Promise<boolean> {
    const managed = this.#managed.get(name)
    if (managed === undefined) return false
    managed.enabled = true
    await this.#startWhenOpen(managed)
    return true
  }

  /** Resolves when it has stopped. It stays a member, and is not started again until enabled. @returns false for an unknown name. */
  async disableCollector(name: string): Promise<boolean> {
    const managed = this.#managed.get(name)
    if (managed === undefined) return false
    managed.enabled = false
    this.#reviver.forget(managed)
    await managed.stop(this.#options.stopDeadlineMs)
    return true
  }

  // Lifecycle.

  /**
   * Starts all enabled collectors at once. Safe to call at any time: calls while starting share one result, and while running it
   * starts what does not run.
   *
   * @returns true when every enabled collector came up within `startDeadlineMs`. Those that did not are tried again.
   */
  start(): Promise<boolean> {
    if (this.#starting !== undefined) return this.#starting
    if (this.#options.signal?.aborted === true) {
      this.#logger.error('not started: the signal of this manager has aborted already', { component: this.managerName })
      return Promise.resolve(false)
    }
    const epoch = this.#epoch
    // While it waited for the stop to end, it may have been stopped again, or the signal may have aborted with nobody listening.
    const isCurrent = (): boolean => epoch === this.#epoch && this.#options.signal?.aborted !== true
    const begin = (): Promise<boolean> => (isCurrent() ? this.#bringUp(epoch) : Promise.resolve(false))
    const starting = (this.#stopping === undefined ? begin() : this.#stopping.then(begin)).finally(() => {
      if (this.#starting === starting) this.#starting = undefined
    })
    if (epoch === this.#epoch) this.#starting = starting
    return starting
  }

  /**
   * Stops all collectors at once, politely until the deadline and with force from then on; one that hangs even so is left behind.
   * Safe to call at any time; a later call can bring the deadline nearer. Never rejects.
   *
   * @throws TapekeeperError `CONFIG_INVALID`.
   */
  stop(options: StopOptions = {}): Promise<void> {
    const { deadlineMs = this.#options.stopDeadlineMs, force = false } = parseStopOptions(options)
    this.#epoch++
    this.#starting = undefined
    this.#endSupervision()
    this.#politeUntil = Math.min(this.#politeUntil, this.#ports.clock.elapsed() + (force ? 0 : deadlineMs))
    this.#settling?.ask(this.#politeMs)
    const all = [...this.#managed.values(), ...this.#leaving]
    const stopped = Promise.all(all.map((managed) => managed.stop(force ? 0 : deadlineMs)))
    if (this.#stopping !== undefined) return this.#stopping
    const stopping = stopped.then(async () => {
      if (!this.#sinks.isEmpty) await this.#settle()
      this.#politeUntil = Infinity
      this.#stopping = undefined
      this.#started = undefined
      this.#setStatus('stopped')
    })
    this.#stopping = stopping
    if (this.#status !== 'stopped') this.#setStatus('stopping')
    return stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /**
   * Restarts one at once.
   *
   * @returns whether it is up again; false for a name that is unknown or disabled, and while the manager does not run.
   */
  restartCollector(name: string): Promise<boolean> {
    const managed = this.#managed.get(name)
    if (managed?.enabled !== true || !this.#isActive) return Promise.resolve(false)
    this.#reviver.forget(managed)
    return this.#restartOne(managed, `requested of ${this.managerName}`)
  }

  /**
   * Restarts all enabled collectors, spread out: a few at a time, the first at once.
   *
   * @returns by name, whether it is up again; false for those that were disabled or stopped before they had their turn.
   */
  async restartAllCollectors(): Promise<Record<string, boolean>> {
    if (!this.#isActive) return {}
    const enabled = [...this.#managed.values()].filter((managed) => managed.enabled)
    for (const managed of enabled) this.#reviver.forget(managed)
    const reason = `requested of ${this.managerName} for all`
    const restarts = enabled.map((managed) => this.#queue.add(managed, () => this.#restartOne(managed, reason)))
    const results = await Promise.all(restarts)
    return Object.fromEntries(enabled.map(({ name }, i) => [name, results[i] === true]))
  }

  // Status.

  get status(): ManagerStatus {
    return this.#status
  }

  /** A plain snapshot of everything there is to know; safe to serialise. */
  getStatus(): ManagerStatusReport {
    const { globalHealthCheckIntervalMs, restartDelayMs } = this.#options
    const facts = {
      managerName: this.managerName,
      status: this.#status,
      elapsed: this.#ports.clock.elapsed(),
      started: this.#started,
      lastCheckAt: this.#lastCheckAt,
      globalHealthCheckIntervalMs,
      restartDelayMs,
      restartsPerformed: this.#restartsPerformed,
      loopDelay: this.#monitor.delay,
    }
    return { ...managerStatus(facts, [...this.#managed.values()]), sinks: this.#sinks.status() }
  }

  /** What `collector.getStatus()` says; undefined for an unknown name, and for a collector that cannot say. */
  getCollectorStatus(name: string): CollectorStatusReport | undefined {
    return this.#managed.get(name)?.report()
  }

  getCollector(name: string): BaseDataCollector | undefined {
    return this.#managed.get(name)?.collector
  }

  /** Names, in the order in which they were added. */
  listCollectors(): string[] {
    return [...this.#managed.keys()]
  }

  /** Names of those that run, be it degraded. */
  getRunningCollectors(): string[] {
    return this.#namesOf((managed) => isUp(managed.status))
  }

  /** Names of those that should run and do not, or not well. Empty while the manager is stopped. */
  getFailedCollectors(): string[] {
    return this.#status === 'stopped' ? [] : this.#namesOf((managed) => managed.hasFailed(managed.summary()))
  }

  // Events.

  on<K extends keyof ManagerEvents>(event: K, listener: ManagerEvents[K]): this {
    this.#voice.events.on(event, listener)
    return this
  }

  once<K extends keyof ManagerEvents>(event: K, listener: ManagerEvents[K]): this {
    this.#voice.events.once(event, listener)
    return this
  }

  off<K extends keyof ManagerEvents>(event: K, listener: ManagerEvents[K]): this {
    this.#voice.events.off(event, listener)
    return this
  }

  // Inside.

  /** Collectors that are enabled are meant to run. */
  get #isActive(): boolean {
    return this.#status === 'starting' || this.#status === 'running'
  }

  async #bringUp(epoch: number): Promise<boolean> {
    if (!this.#isActive) {
      this.#started = momentOf(this.#ports.clock)
      this.#supervise()
      this.#setStatus('starting')
    }
    // A listener may have changed its mind.
    const isStopped = (): boolean => epoch !== this.#epoch
    if (isStopped()) return false
    if (!this.#sinks.isEmpty && !(await this.#openSinks(isStopped))) {
      if (!isStopped()) void this.stop()
      return false
    }
    if (isStopped()) return false
    const enabled = [...this.#managed.values()].filter((managed) => managed.enabled)
    const results = await Promise.all(enabled.map((managed) => this.#startOne(managed)))
    if (isStopped()) return false
    const late = enabled.filter((managed, i) => results[i] !== true && managed.enabled && this.#isMember(managed))
    const fields = { component: this.managerName, started: enabled.length - late.length }
    if (late.length === 0) this.#logger.info('all collectors are up', fields)
    else this.#logger.warn(`${late.length} collectors are not up`, { ...fields, late: late.slice(0, 10).map(({ name }) => name) })
    this.#setStatus('running')
    return late.length === 0
  }

  /** False when a repository or output cannot be made. */
  async #openSinks(isStopped: () => boolean): Promise<boolean> {
    const failed = (error: unknown): boolean => {
      if (!isStopped()) this.#voice.error(TapekeeperError.from(error, 'DATABASE_FAILED'))
      return false
    }
    const opening = (this.#opening = this.#sinks.open().then(() => true, failed))
    const isOpen = await opening
    if (this.#opening === opening) this.#opening = undefined
    return isOpen
  }

  /** What the collectors left is brought where it belongs; then what was made here is closed. */
  async #settle(): Promise<void> {
    const giveUp = new AbortController()
    const closed = this.#sinks.close(giveUp.signal)
    const close = (force: boolean): Promise<void> => {
      if (force) giveUp.abort()
      return closed
    }
    const settling = (this.#settling = new PatientStop(close, this.#ports.clock, () => (this.#settling = undefined)))
    settling.ask(this.#politeMs)
    await settling.done
  }

  get #politeMs(): number {
    return Math.max(0, this.#politeUntil - this.#ports.clock.elapsed())
  }

  /** Told under the name of the collector they came from. */
  #notStored(trades: readonly PointOf<'trade'>[]): void {
    for (const { name, collector } of this.#managed.values()) {
      const { exchangeName, symbols } = collector
      const its = trades.filter(({ exchange, symbol }) => exchange === exchangeName && symbols.includes(symbol))
      for (const gap of storageGaps(exchangeName, its, this.#ports.clock.now()))
        this.#voice.events.emit('gap', { collector: name, gap })
    }
  }

  #startOne(managed: ManagedCollector): Promise<boolean> {
    this.#reviver.forget(managed)
    managed.history = { ...managed.history, attempt: NEVER_REVIVED.attempt }
    return managed.start()
  }

  /** False when there is nothing to start any more. */
  async #startWhenOpen(managed: ManagedCollector): Promise<boolean> {
    if (this.#opening !== undefined) await this.#opening
    return this.#isActive && managed.enabled && this.#isMember(managed) && this.#startOne(managed)
  }

  async #restartOne(managed: ManagedCollector, reason: string): Promise<boolean> {
    if (this.#opening !== undefined) return this.#startWhenOpen(managed)
    this.#restartsPerformed++
    managed.history = { ...managed.history, attempt: NEVER_REVIVED.attempt }
    return managed.restart({ trigger: 'manual', reason })
  }

  #supervise(): void {
    this.#endSupervision()
    this.#sweep.forget()
    this.#monitor.start()
    this.#scheduleCheck()
    this.#abort.listen()
  }

  #endSupervision(): void {
    this.#cancelCheck?.()
    this.#cancelCheck = undefined
    this.#monitor.stop()
    this.#reviver.end()
    this.#abort.leave()
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#ports.clock.after(this.#options.globalHealthCheckIntervalMs, () => {
      this.#scheduleCheck()
      this.#check()
    })
  }

  #check(): void {
    const at = this.#ports.clock.now()
    this.#lastCheckAt = at
    const health = this.#sweep.look(this.#managed.values(), at, this.#logger, this.#sinks.issues(), (managed, found) =>
      this.#reviver.consider(managed, found),
    )
    this.#monitor.beginWindow()
    this.#voice.events.emit('health', health)
  }

  #setStatus(to: ManagerStatus): void {
    const from = this.#status
    if (from === to) return
    this.#status = to
    this.#voice.events.emit('status', { from, to, at: this.#ports.clock.now() })
  }

  #refuseDoubles(collector: BaseDataCollector, name: string): void {
    const other = [...this.#managed.values()].find((managed) => managed.collector === collector)
    if (other !== undefined)
      throw new TapekeeperError('CONFIG_INVALID', `this collector is here already, as '${other.name}'`, { name })
    if (!this.#managed.has(name)) return
    const help = `give this one another name: addCollector(collector, { name: '…' })`
    throw new TapekeeperError('CONFIG_INVALID', `there is a collector named '${name}' already; ${help}`, { name })
  }

  #isMember(managed: ManagedCollector): boolean {
    return this.#managed.get(managed.name) === managed
  }

  #namesOf(which: (managed: ManagedCollector) => boolean): string[] {
    return [...this.#managed.values()].filter(which).map(({ name }) => name)
  }
}
