import type { CollectorSummary } from '../core/collector/status-report.ts'
import { isFinal } from '../errors/consequence.ts'
import type { Cancel } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { Ports } from '../ports/ports.ts'
import type { ManagedCollector } from './managed-collector.ts'
import type { PacedQueue } from './paced-queue.ts'
import { nextRevival } from './revival-policy.ts'

export interface ReviverOptions {
  readonly ports: Ports
  readonly logger: Logger
  readonly restartDelayMs: number
  readonly queue: PacedQueue<ManagedCollector>
  readonly restart: (managed: ManagedCollector, reason: string) => Promise<boolean>
}

/** Restarts collectors that have given up, each after a back-off of its own and all of them through the paced queue. Without end. */
export class Reviver {
  readonly #options: ReviverOptions
  readonly #waiting = new Map<ManagedCollector, Cancel>()

  constructor(options: ReviverOptions) {
    this.#options = options
  }

  /** Sees to one that has failed; leaves alone who is being seen to, still runs, may not be restarted, or cannot be helped. */
  consider(managed: ManagedCollector, { shouldBeRunning, autoRestart, status }: CollectorSummary): void {
    if (!managed.enabled || !shouldBeRunning || !autoRestart || !managed.isDown()) return
    if (this.#waiting.has(managed) || this.#options.queue.has(managed) || this.#isBeyondHelp(managed)) return
    this.#waitFor(managed, managed.collector.lastError?.message ?? `is ${status}`)
  }

  /** It was disabled, removed, or started by hand. */
  forget(managed: ManagedCollector): void {
    this.#waiting.get(managed)?.()
    this.#waiting.delete(managed)
    this.#options.queue.drop(managed)
  }

  end(): void {
    for (const cancel of this.#waiting.values()) cancel()
    this.#waiting.clear()
    this.#options.queue.clear()
  }

  #waitFor(managed: ManagedCollector, reason: string): void {
    const { ports, logger, queue, restart, restartDelayMs } = this.#options
    const { history, delayMs } = nextRevival(managed.history, restartDelayMs, ports.random)
    managed.history = history
    logger.warn('reviving a collector', { collector: managed.name, attempt: history.attempt, delayMs, reason })
    const revive = (): Promise<boolean> => {
      // By the time it has its turn it may have come up by itself, or have been stopped by hand.
      const isNeeded = managed.enabled && managed.isDown() && managed.summary().shouldBeRunning
      return isNeeded ? restart(managed, reason) : Promise.resolve(false)
    }
    const cancel = ports.clock.after(delayMs, () => {
      this.#waiting.delete(managed)
      void queue.add(managed, revive)
    })
    this.#waiting.set(managed, cancel)
  }

  #isBeyondHelp(managed: ManagedCollector): boolean {
    const { lastError } = managed.collector
    if (lastError === undefined || !isFinal(lastError.consequence)) return false
    if (managed.hopelessError !== lastError) {
      const { code, consequence, message } = lastError
      this.#options.logger.error(`not restarted, because that cannot help: ${message}`, {
        collector: managed.name,
        code,
        consequence,
      })
      managed.hopelessError = lastError
    }
    return true
  }
}
