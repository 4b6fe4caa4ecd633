import type { Cancel, Clock } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RepairStep } from './repair-ladder.ts'
import type { StaleFinding } from './stream-watch.ts'
import type { Subscription } from './subscription.ts'

export interface StaleRepairHooks {
  readonly clock: Clock
  readonly logger: Logger
  /** The repair that only the collector itself can do. */
  readonly restart: (reason: string) => void
}

/** Does what the ladder says about streams that fell silent; only for the stream concerned, as far as that helps. */
export class StaleRepair {
  readonly #hooks: StaleRepairHooks
  readonly #waiting = new Map<Subscription, Cancel>()

  constructor(hooks: StaleRepairHooks) {
    this.#hooks = hooks
  }

  found(subscription: Subscription, finding: StaleFinding): void {
    // What waits for its turn has been decided: to decide anew at each finding would put it off for ever.
    if (this.#waiting.has(subscription)) return
    // Another connection is on its way, and not there yet: more than that would not be faster.
    if (subscription.pool.linkOf(subscription.topic.key)?.retiring === true) return
    const { clock, logger } = this.#hooks
    const foundAt = clock.elapsed()
    const { step, delayMs } = subscription.repairs.next(foundAt, finding.flowedMs, finding.most)
    logger.warn('a stream fell silent', { topic: subscription.name, reason: finding.reason, repair: step, delayMs })
    const act = (): void => {
      this.#waiting.delete(subscription)
      if (subscription.watch?.isStale === true && subscription.status === 'confirmed') {
        this.#perform(step, subscription, finding.reason, foundAt)
      }
    }
    if (delayMs === 0) act()
    else this.#waiting.set(subscription, clock.after(delayMs, act))
  }

  stop(): void {
    for (const cancel of this.#waiting.values()) cancel()
    this.#waiting.clear()
  }

  #perform(step: RepairStep, { pool, topic, keeper, watch, name }: Subscription, reason: string, foundAt: number): void {
    const openedAt = pool.linkOf(topic.key)?.opened?.elapsed
    // Another stream of the same connection had it replaced meanwhile.
    const isReplaced = step === 'reconnect' && openedAt !== undefined && openedAt >= foundAt
    watch?.repaired()
    if (step === 'restart') {
      this.#hooks.restart(`${name}: ${reason}`)
    } else if (step === 'reconnect' && !isReplaced) {
      pool.rollover(topic.key)
    } else {
      keeper?.onLost()
      pool.resubscribe(topic.key)
    }
  }
}
