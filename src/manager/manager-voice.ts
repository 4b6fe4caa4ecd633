import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import { Emitter } from '../ports/emitter.ts'
import { messageOf, type TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Logger } from '../ports/logger.ts'
import type { ManagedHooks } from './managed-collector.ts'
import { MANAGER_EVENTS, type ManagerEvents } from './manager-events.ts'

/** What a manager says to its listeners and, where nobody listens, to the log. */
export class ManagerVoice {
  readonly events: Emitter<ManagerEvents>
  readonly #managerName: string
  readonly #logger: Logger

  constructor(managerName: string, logger: Logger) {
    this.#managerName = managerName
    this.#logger = logger
    const faulty = new Set<string>()
    this.events = new Emitter((error, event) => {
      if (faulty.has(event)) return
      faulty.add(event)
      logger.error(`a listener of '${event}' failed (logged once): ${messageOf(error)}`, { component: managerName })
    }, MANAGER_EVENTS)
  }

  /** Passes on what one collector says, under the name by which the manager knows it. */
  hooksFor(collector: BaseDataCollector, name: string): ManagedHooks {
    return {
      status: (change) => this.events.emit('collectorStatus', { collector: name, ...change }),
      restart: (notice) => this.events.emit('collectorRestart', { collector: name, ...notice }),
      gap: (gap) => this.events.emit('gap', { collector: name, gap }),
      // A collector logs what nobody hears, and takes the manager for somebody.
      error: (error) => this.#report(collector, name, error, collector.listenerCount('error') === 1),
      fault: (error) => this.#report(collector, name, error, true),
      overdue: () =>
        this.#logger.warn('not up in time; not waited for any more', { component: this.#managerName, collector: name }),
    }
  }

  /** Something of the manager's own went wrong. */
  error(error: TapekeeperError): void {
    const { code, consequence, message } = error
    if (this.events.listenerCount('error') > 0) this.events.emit('error', error)
    else this.#logger.error(message, { component: this.#managerName, code, consequence })
  }

  #report({ componentName }: BaseDataCollector, name: string, error: TapekeeperError, isOursToLog: boolean): void {
    const { code, consequence, message } = error
    if (this.events.listenerCount('collectorError') > 0) this.events.emit('collectorError', { collector: name, error })
    else if (isOursToLog) this.#logger.error(message, { component: componentName, code, consequence })
  }
}
