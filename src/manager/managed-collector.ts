import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import type { CollectorStatus } from '../core/collector/collector-state.ts'
import type { CollectorEvents, RestartRequest } from '../core/collector/events.ts'
import type { CollectorStatusReport, CollectorSummary } from '../core/collector/status-report.ts'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Clock } from '../ports/clock.ts'
import { PatientStop } from './patient-stop.ts'
import { afterStatus, isComing, NEVER_REVIVED, type RevivalHistory } from './revival-policy.ts'

/** Events a managed collector passes on. */
export type PassedOn = Pick<CollectorEvents, 'status' | 'restart' | 'error' | 'gap'>

export interface ManagedHooks extends PassedOn {
  /** The collector's own methods threw. */
  fault(error: TapekeeperError): void
  /** A start or restart is not waited for any more. */
  overdue(): void
}

interface Settings {
  readonly name: string
  readonly enabled: boolean
  readonly startDeadlineMs: number
}

/** Of a collector that cannot say how it is; nor may it be restarted for that. */
const UNREADABLE: Omit<CollectorSummary, 'exchange' | 'issues'> = {
  status: 'error',
  shouldBeRunning: true,
  symbols: [],
  autoRestart: false,
  isHealthy: false,
  timeSinceData: null,
  messagesReceived: 0,
  messagesProcessed: 0,
  bytesReceived: 0,
  errors: 0,
  restarts: 0,
  reconnects: 0,
  gaps: 0,
  missingTrades: 0,
  streamDropped: 0,
  connectionIds: [],
}

/**
 * One collector in the care of a manager. Behind a fence: whatever a subclass of the host's throws, or never answers, ends here.
 */
export class ManagedCollector {
  readonly name: string
  readonly collector: BaseDataCollector
  enabled: boolean
  history: RevivalHistory = NEVER_REVIVED
  /** The error about which it was said that trying again cannot help. */
  hopelessError: TapekeeperError | undefined
  readonly #clock: Clock
  readonly #startDeadlineMs: number
  readonly #hooks: ManagedHooks
  readonly #listeners: PassedOn
  /** Starts and restarts under way; each entry ends the wait for one. */
  readonly #attempts = new Set<() => void>()
  #stopping: PatientStop | undefined
  /** When its status changed, by elapsed time. */
  #changedAt: number
  /** The last start or restart threw, so that the collector does not know it was wanted. */
  #isBroken = false

  constructor(collector: BaseDataCollector, { name, enabled, startDeadlineMs }: Settings, clock: Clock, hooks: ManagedHooks) {
    this.collector = collector
    this.name = name
    this.enabled = enabled
    this.#startDeadlineMs = startDeadlineMs
    this.#clock = clock
    this.#hooks = hooks
    this.#changedAt = clock.elapsed()
    this.#listeners = {
      status: (change) => {
        this.#changedAt = clock.elapsed()
        this.history = afterStatus(this.history, change.to, this.#changedAt)
        hooks.status(change)
      },
      restart: (notice) => hooks.restart(notice),
      error: (error) => hooks.error(error),
      gap: (gap) => hooks.gap(gap),
    }
  }

  attach(): void {
    const { status, restart, error, gap } = this.#listeners
    this.collector.on('status', status).on('restart', restart).on('error', error).on('gap', gap)
  }

  detach(): void {
    const { status, restart, error, gap } = this.#listeners
    this.collector.off('status', status).off('restart', restart).off('error', error).off('gap', gap)
  }

  // What it is told.

  /** Resolves with whether it came up, at the latest when the start's deadline has passed or a stop was asked for. */
  start(): Promise<boolean> {
    this.#stopping?.finish()
    return this.#attempt(() => this.collector.start())
  }

  restart(request: RestartRequest): Promise<boolean> {
    // A collector whose start threw was never wanted, so that it would decline any restart but a manual one.
    if (this.#isBroken) return this.start()
    this.#stopping?.finish()
    return this.#attempt(() => this.collector.restart(request))
  }

  /** Never rejects; resolves at the deadline, and the moment it takes to stop with force, at the latest. */
  stop(deadlineMs: number): Promise<void> {
    for (const abandon of [...this.#attempts]) abandon()
    this.#isBroken = false
    const end = (force: boolean): Promise<void> => this.#fenced(() => this.collector.stop(force), undefined)
    const stopping = (this.#stopping ??= new PatientStop(end, this.#clock, () => (this.#stopping = undefined)))
    stopping.ask(deadlineMs)
    return stopping.done
  }

  /** Left to itself, and to whoever has it now. */
  release(): void {
    this.#stopping?.finish()
    this.detach()
  }

  // What it is asked.

  get status(): CollectorStatus {
    try {
      return this.collector.status
    } catch {
      return 'error'
    }
  }

  /** How it is, in short: all that is asked of it at each look. */
  summary(): CollectorSummary {
    try {
      const summary = this.collector.getSummary()
      if (!this.#isBroken) return summary
      return { ...summary, isHealthy: false, issues: ['it could not be started', ...summary.issues], shouldBeRunning: true }
    } catch (error) {
      const { exchangeName: exchange } = this.collector
      return { ...UNREADABLE, exchange, issues: [`getSummary() failed: ${messageOf(error)}`] }
    }
  }

  /** Its full report; undefined when it cannot say. */
  report(): CollectorStatusReport | undefined {
    try {
      return this.collector.getStatus()
    } catch {
      return undefined
    }
  }

  /** Nothing runs, and nothing will without help; `unhealthy` ones still run. */
  isDown(status: CollectorStatus = this.status): boolean {
    if (status === 'error' || status === 'stopped') return true
    return isComing(status) && this.#clock.elapsed() - this.#changedAt >= this.#startDeadlineMs
  }

  /** Should run and does not, or not well. */
  hasFailed({ status, shouldBeRunning }: CollectorSummary): boolean {
    return this.enabled && shouldBeRunning && (status === 'unhealthy' || this.isDown(status))
  }

  async #fenced<R>(call: () => Promise<R>, otherwise: R): Promise<R> {
    try {
      return await call()
    } catch (error) {
      this.#hooks.fault(TapekeeperError.from(error, 'COLLECTOR_FAILED', { component: this.name }))
      return otherwise
    }
  }

  #attempt(call: () => Promise<boolean>): Promise<boolean> {
    this.#isBroken = false
    return new Promise((resolve) => {
      const finish = (ok: boolean): void => {
        cancel()
        this.#attempts.delete(abandon)
        resolve(ok)
      }
      const abandon = (): void => finish(false)
      const cancel = this.#clock.after(this.#startDeadlineMs, () => {
        this.#hooks.overdue()
        abandon()
      })
      this.#attempts.add(abandon)
      const failed = (): boolean => {
        // One that was stopped meanwhile is not wanted any more.
        if (this.#attempts.has(abandon)) this.#isBroken = true
        return false
      }
      void this.#fenced(call, undefined).then((ok) => finish(ok ?? failed()))
    })
  }
}
