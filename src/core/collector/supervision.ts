import type { Cancel, Clock } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Random } from '../../ports/random.ts'
import { isFinal } from '../../errors/consequence.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { CollectorStatus } from './collector-state.ts'
import type { Counters } from './counters.ts'
import { ErrorRate } from './error-rate.ts'
import type { RestartTrigger } from './events.ts'
import type { Finding, HealthIssue } from './health.ts'
import { NO_RESTARTS, nextRestart, type RestartHistory } from './restart-policy.ts'

/** Without a restart for this long, the count of restarts begins afresh. */
const STABLE_AFTER_MS = 600_000

/** Findings that a restart may mend, and the trigger each of them is. */
const TRIGGERS: Readonly<Partial<Record<HealthIssue, RestartTrigger>>> = {
  'no-heartbeat': 'no-heartbeat',
  'stale-data': 'stale-data',
  'error-rate': 'error-state',
}

interface SupervisionSettings {
  readonly autoRestart: boolean
  readonly maxRestarts: number
  readonly restartDelayMs: number
  readonly healthCheckIntervalMs: number
}

/** What supervision sees of a collector, and what it may do to it. */
export interface Supervised {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly name: string
  readonly counters: Counters
  settings(): SupervisionSettings
  status(): CollectorStatus
  isWanted(): boolean
  /** A restart is on its way. */
  restartPlanned(): void
  /** What is wrong just now; called once per check. */
  findings(): readonly Finding[]
  /** The collector mends this by itself. */
  repairs(issue: HealthIssue): boolean
  unhealthy(reason: string): void
  /** What made it unhealthy is gone. */
  recovered(): void
  restart(trigger: RestartTrigger, reason: string, attempt: number, delayMs: number): void
  /** There were too many restarts. */
  exhausted(trigger: RestartTrigger, reason: string, error: TapekeeperError): void
  lastError(): TapekeeperError | undefined
}

/** Looks at one collector's health again and again, and restarts it when that may help: after a back-off, and not without end. */
export class Supervision {
  readonly #target: Supervised
  readonly #errorRate: ErrorRate
  #history: RestartHistory = NO_RESTARTS
  #cancelCheck: Cancel | undefined
  #checkAt = 0
  #cancelRestart: Cancel | undefined
  #isExhausted = false

  constructor(target: Supervised) {
    this.#target = target
    this.#errorRate = new ErrorRate(target.counters)
  }

  /** Restarts since the collector was last stable. */
  get restarts(): number {
    return this.#target.clock.elapsed() - this.#history.lastAt > STABLE_AFTER_MS ? 0 : this.#history.count
  }

  /** Started by hand, a collector has all its restarts before it. */
  reset(): void {
    this.#history = NO_RESTARTS
    this.#isExhausted = false
  }

  /** What the latest check found of errors. */
  get errorFinding(): Finding | undefined {
    return this.#errorRate.finding
  }

  begin(): void {
    this.#errorRate.reset()
    this.#checkIn(this.#target.settings().healthCheckIntervalMs)
  }

  end(): void {
    this.#cancelCheck?.()
    this.#cancelCheck = undefined
    this.cancelRestart()
  }

  /** The settings have changed. */
  renew(): void {
    const { autoRestart, healthCheckIntervalMs } = this.#target.settings()
    if (!autoRestart) this.cancelRestart()
    // What is left of the present interval stays, so that frequent changes do not put the check off for ever.
    if (this.#cancelCheck !== undefined)
      this.#checkIn(Math.min(healthCheckIntervalMs, this.#checkAt - this.#target.clock.elapsed()))
  }

  cancelRestart(): void {
    this.#cancelRestart?.()
    this.#cancelRestart = undefined
  }

  /** Restarts after a back-off, unless that is on its way already, not wanted, or was done too often. */
  restartSoon(trigger: RestartTrigger, reason: string): void {
    const { clock, random, logger, name } = this.#target
    const { autoRestart, maxRestarts, restartDelayMs } = this.#target.settings()
    if (!autoRestart || !this.#target.isWanted() || this.#cancelRestart !== undefined) return
    const error = this.#target.lastError()
    if (trigger === 'error-state' && error !== undefined && isFinal(error.consequence)) return
    const policy = { delayMs: restartDelayMs, maxRestarts, stableAfterMs: STABLE_AFTER_MS }
    const next = nextRestart(this.#history, clock.elapsed(), policy, random)
    if (next === 'give-up') {
      if (this.#isExhausted) return
      this.#isExhausted = true
      const message = `gave up after ${maxRestarts} restarts: ${reason}`
      this.#target.exhausted(trigger, reason, new TapekeeperError('COLLECTOR_FAILED', message, { trigger, reason }))
      return
    }
    this.#isExhausted = false
    this.#history = next.history
    logger.warn('restarting', { component: name, trigger, reason, delayMs: next.delayMs })
    this.#target.restartPlanned()
    this.#cancelRestart = clock.after(next.delayMs, () => {
      this.#cancelRestart = undefined
      this.#target.restart(trigger, reason, next.history.count, next.delayMs)
    })
  }

  /** A collector that was up before, and now is in the error state, is tried again. */
  restartFailed(): void {
    if (this.#target.status() !== 'error') return
    const error = this.#target.lastError()
    const first = error?.context['reason']
    this.restartSoon('error-state', typeof first === 'string' ? first : (error?.message ?? 'the restart failed'))
  }

  #checkIn(delayMs: number): void {
    const { clock } = this.#target
    this.#cancelCheck?.()
    this.#checkAt = clock.elapsed() + delayMs
    this.#cancelCheck = clock.after(delayMs, () => {
      this.#checkIn(this.#target.settings().healthCheckIntervalMs)
      this.#errorRate.check()
      this.#check()
    })
  }

  #check(): void {
    const serious = this.#target.findings().find(({ issue }) => TRIGGERS[issue] !== undefined)
    const trigger = serious && TRIGGERS[serious.issue]
    if (serious === undefined || trigger === undefined) {
      if (this.#target.status() === 'unhealthy') this.#target.recovered()
    } else if (!this.#target.repairs(serious.issue)) {
      this.#target.unhealthy(serious.text)
      this.restartSoon(trigger, serious.text)
    }
  }
}
