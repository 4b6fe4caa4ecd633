import type { Counter, Gauge } from 'prom-client'
import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import type { Clock } from '../ports/clock.ts'
import type { CounterKey, GaugeKey } from './catalog.ts'
import { CollectorTap } from './collector-tap.ts'
import { Deltas } from './deltas.ts'
import type { CounterFact, GaugeFact } from './fact.ts'
import { readFacts, type CollectorFacts } from './facts.ts'
import { GaugeFold } from './gauge-fold.ts'
import type { LatencyHistogram } from './latency-histogram.ts'
import { MANAGER } from './observed-manager.ts'
import type { SinkFacts } from './sink-facts.ts'

/** What is remembered of a collector, also while it is not observed: nothing of it is counted twice. */
interface Observed {
  readonly tap: CollectorTap
  readonly deltas: Deltas
}

interface Targets {
  readonly counters: Readonly<Record<CounterKey, Counter>>
  readonly gauges: Readonly<Record<GaugeKey, Gauge>>
  readonly latency: LatencyHistogram
}

/** Takes the statistics of the observed collectors over into the metrics. */
export class Scrape {
  readonly #targets: Targets
  readonly #clock: Clock
  readonly #symbolLabel: boolean
  readonly #observed = new Map<BaseDataCollector, Observed>()
  readonly #known = new WeakMap<BaseDataCollector, Observed>()
  /** Exchanges that were observed at some time: that the last collector of one is gone should be seen as a 0. */
  readonly #exchanges = new Set<string>()
  readonly #ofManager = new Deltas()

  constructor(targets: Targets, clock: Clock, symbolLabel: boolean) {
    this.#targets = targets
    this.#clock = clock
    this.#symbolLabel = symbolLabel
  }

  get collectors(): readonly BaseDataCollector[] {
    return [...this.#observed.keys()]
  }

  /** False when it is observed already. */
  add(collector: BaseDataCollector): boolean {
    if (this.#observed.has(collector)) return false
    const { latency } = this.#targets
    const observed = this.#known.get(collector) ?? {
      tap: new CollectorTap(collector, this.#clock, latency),
      deltas: new Deltas(),
    }
    this.#known.set(collector, observed)
    this.#observed.set(collector, observed)
    this.#exchanges.add(collector.exchangeName)
    observed.tap.open()
    return true
  }

  /** What it has counted so far stays. */
  remove(collector: BaseDataCollector): void {
    const observed = this.#observed.get(collector)
    if (observed === undefined) return
    this.#count(collector, observed)
    observed.tap.close()
    this.#observed.delete(collector)
  }

  /** `ofManager` is what the manager's own sinks say. */
  run(ofManager?: SinkFacts): void {
    const fold = new GaugeFold()
    const connections = new Map([...this.#exchanges].map((exchange) => [exchange, new Set<string>()]))
    for (const exchange of this.#exchanges)
      fold.add({ gauge: 'collectors', labels: { exchange, status: 'running' }, value: 0, fold: 'sum' })
    for (const [collector, observed] of this.#observed) {
      const exchange = collector.exchangeName
      const facts = this.#count(collector, observed)
      if (facts === undefined) continue
      this.#gather(fold, exchange, facts.gauges)
      for (const id of facts.connections) connections.get(exchange)?.add(id)
    }
    for (const [exchange, { size }] of connections)
      fold.add({ gauge: 'connections', labels: { exchange }, value: size, fold: 'sum' })
    if (ofManager !== undefined) {
      this.#increase(MANAGER, this.#ofManager, ofManager.counters)
      this.#gather(fold, MANAGER, ofManager.gauges)
    }
    fold.write(this.#targets.gauges)
  }

  /** A collector whose status cannot be had costs itself only. */
  failed(exchange: string): void {
    this.#targets.counters.scrapeErrors.inc({ exchange }, 1)
  }

  #count(collector: BaseDataCollector, { tap, deltas }: Observed): CollectorFacts | undefined {
    const exchange = collector.exchangeName
    try {
      const facts = readFacts(collector, tap, this.#clock.elapsed())
      this.#increase(exchange, deltas, facts.counters)
      return facts
    } catch {
      this.failed(exchange)
      return undefined
    }
  }

  #increase(exchange: string, deltas: Deltas, facts: readonly CounterFact[]): void {
    for (const { counter, key, labels, total, startsAgain } of facts)
      this.#targets.counters[counter].inc(this.#labels(exchange, labels), deltas.take(key, total, startsAgain))
  }

  #gather(fold: GaugeFold, exchange: string, facts: readonly GaugeFact[]): void {
    for (const fact of facts) fold.add({ ...fact, labels: this.#labels(exchange, fact.labels) })
  }

  #labels(exchange: string, { symbol, ...labels }: Readonly<Record<string, string>>): Record<string, string> {
    return symbol === undefined || !this.#symbolLabel ? { exchange, ...labels } : { exchange, symbol, ...labels }
  }
}
