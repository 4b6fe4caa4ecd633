import type { Gauge } from 'prom-client'
import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import type { ManagerGaugeKey } from './catalog.ts'
import { MANAGER, type ObservedManager } from './observed-manager.ts'
import type { Scrape } from './scrape.ts'
import { sinkFacts, type SinkFacts } from './sink-facts.ts'

/** Follows the collectors that a manager has, and reads the manager itself. */
export class ManagerWatch {
  readonly #manager: ObservedManager
  readonly #scrape: Scrape
  readonly #gauges: Readonly<Record<ManagerGaugeKey, Gauge>>
  /** Those that were observed on its account. */
  readonly #followed = new Set<BaseDataCollector>()
  readonly #ignored = new WeakSet<BaseDataCollector>()

  constructor(manager: ObservedManager, scrape: Scrape, gauges: Readonly<Record<ManagerGaugeKey, Gauge>>) {
    this.#manager = manager
    this.#scrape = scrape
    this.#gauges = gauges
    manager.on('collectorAdded', this.#onAdded)
    manager.on('collectorRemoved', this.#onRemoved)
    this.follow()
  }

  /** Observes those that came. */
  follow(): void {
    for (const collector of this.#members())
      if (!this.#ignored.has(collector) && this.#scrape.add(collector)) this.#followed.add(collector)
  }

  ignore(collector: BaseDataCollector): void {
    this.#ignored.add(collector)
    this.#followed.delete(collector)
  }

  /** Writes what the manager says of itself into the gauges that are its own. @returns what its sinks say. */
  read(): SinkFacts | undefined {
    try {
      const { resources, statistics, sinks } = this.#manager.getStatus()
      this.#gauges.failed.set(statistics.failedCollectors)
      // A browser does not tell.
      if (resources.heapUsedBytes !== null) this.#gauges.heapUsed.set(resources.heapUsedBytes)
      if (resources.eventLoopDelayMs !== null) this.#gauges.eventLoopDelay.set(resources.eventLoopDelayMs / 1_000)
      return sinkFacts(sinks)
    } catch {
      this.#scrape.failed(MANAGER)
      return undefined
    }
  }

  close(): void {
    this.#manager.off('collectorAdded', this.#onAdded)
    this.#manager.off('collectorRemoved', this.#onRemoved)
  }

  #members(): readonly BaseDataCollector[] {
    try {
      return this.#manager.listCollectors().flatMap((name) => this.#manager.getCollector(name) ?? [])
    } catch {
      this.#scrape.failed(MANAGER)
      return [...this.#followed]
    }
  }

  readonly #onAdded = (): void => this.follow()

  /**
   * Leaves those that went: told, and not seen from the list, because a collector that leaves the list has its last words still
   * to say. Collectors observed by hand are none of its business.
   */
  readonly #onRemoved = (): void => {
    const members = new Set(this.#members())
    for (const collector of this.#followed)
      if (!members.has(collector) && this.#followed.delete(collector)) this.#scrape.remove(collector)
  }
}
