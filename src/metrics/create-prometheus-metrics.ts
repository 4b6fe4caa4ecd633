import { collectDefaultMetrics, Counter, Gauge, type Histogram } from 'prom-client'
import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import { requireMethods } from '../errors/require.ts'
import { TapekeeperError } from '../errors/tapekeeper-error.ts'
import { COUNTERS, GAUGES, MANAGER_GAUGES, METRICS, type MetricRow } from './catalog.ts'
import { LatencyHistogram } from './latency-histogram.ts'
import { ManagerWatch } from './manager-watch.ts'
import { COLLECTOR_METHODS, parsePrometheusOptions, type MetricsRegistry, type PrometheusOptions } from './options.ts'
import { Scrape } from './scrape.ts'

/** Stands for all of prom-client's default metrics: they come together. */
const A_DEFAULT_METRIC = 'process_cpu_user_seconds_total'

/** Metrics of collectors, ready to be served. */
export interface PrometheusMetrics {
  /** Where they are registered; add your own here. */
  readonly registry: MetricsRegistry
  /** For the response's header of that name. */
  readonly contentType: string
  /** The registry as text. Never rejects because of a collector. */
  metrics(): Promise<string>
  /** Observes one more collector; what it has counted so far is taken over. Harmless when it is observed already. */
  observe(collector: BaseDataCollector): void
  /** Leaves a collector alone, also one of the manager's; what it has counted so far stays. */
  unobserve(collector: BaseDataCollector): void
  /** Leaves all collectors and the manager alone, and takes the metrics out of the registry. */
  close(): void
}

/**
 * Prometheus metrics of collectors, or of everything a `CollectorManager` has. Needs the package `prom-client`. Counters are read
 * from the collectors' own statistics when they are scraped; while data flows, only latency is measured.
 *
 * Shape: the metrics that `docs/monitoring.md` lists. Units: seconds and bytes.
 *
 * @throws TapekeeperError `CONFIG_INVALID` for wrong options, and when the registry has metrics of these names already.
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createOkxCollector, DataType } from 'tapekeeper'
 * import { createPrometheusMetrics } from 'tapekeeper/prometheus'
 *
 * const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: [DataType.Trade] })
 * const metrics = createPrometheusMetrics({ collectors: [collector] })
 * createServer((_request, response) => {
 *   void metrics.metrics().then((text) => response.setHeader('content-type', metrics.contentType).end(text))
 * }).listen(9_464)
 * await collector.start()
 * ```
 */
export function createPrometheusMetrics(options: PrometheusOptions = {}): PrometheusMetrics {
  const { collectors, manager, registry, prefix, symbolLabel, defaultMetrics, latencyBuckets, clock } =
    parsePrometheusOptions(options)
  requireFree(registry, prefix, defaultMetrics)
  const before = new Set(namesIn(registry))

  let isFresh = false
  /** Whichever metric is read first reads for all: a scrape sees each collector once, and all metrics at the same moment. */
  const refresh = (): void => {
    if (isFresh) return
    isFresh = true
    queueMicrotask(() => (isFresh = false))
    watch?.follow()
    scrape.run(watch?.read())
  }
  const shared = ({ name, help, labels }: MetricRow) => ({
    name: `${prefix}${name}`,
    help,
    labelNames: labels.filter((label) => symbolLabel || label !== 'symbol'),
    registers: [registry],
    collect: refresh,
  })
  const counters = mapRows(COUNTERS, (row) => new Counter(shared(row)))
  const gauges = mapRows(GAUGES, (row) => new Gauge(shared(row)))
  const latency = new LatencyHistogram(prefix, latencyBuckets)
  // It has what a registry asks of a metric; prom-client's type wants its own classes.
  registry.registerMetric(latency as unknown as Histogram)

  const scrape = new Scrape({ counters, gauges, latency }, clock, symbolLabel)
  for (const collector of collectors) scrape.add(collector)
  const watch =
    manager &&
    new ManagerWatch(
      manager,
      scrape,
      mapRows(MANAGER_GAUGES, (row) => new Gauge(shared(row))),
    )
  if (defaultMetrics) collectDefaultMetrics({ register: registry, prefix })
  const ours = namesIn(registry).filter((name) => !before.has(name))

  return {
    registry,
    get contentType() {
      return registry.contentType
    },
    metrics: () => registry.metrics(),
    observe(collector) {
      requireMethods(collector, COLLECTOR_METHODS, 'observe', 'collector')
      scrape.add(collector)
    },
    unobserve(collector) {
      requireMethods(collector, COLLECTOR_METHODS, 'unobserve', 'collector')
      watch?.ignore(collector)
      scrape.remove(collector)
    },
    close() {
      watch?.close()
      for (const collector of scrape.collectors) scrape.remove(collector)
      for (const name of ours.splice(0)) registry.removeSingleMetric(name)
    },
  }
}

function mapRows<K extends string, M>(rows: Readonly<Record<K, MetricRow>>, make: (row: MetricRow) => M): Record<K, M> {
  return Object.fromEntries(Object.entries<MetricRow>(rows).map(([key, row]) => [key, make(row)])) as Record<K, M>
}

const namesIn = (registry: MetricsRegistry): string[] => registry.getMetricsAsArray().map(({ name }) => name)

/** prom-client would name the first clash only, and not what to do about it. */
function requireFree(registry: MetricsRegistry, prefix: string, defaultMetrics: boolean): void {
  const names = [...METRICS.map(({ name }) => name), ...(defaultMetrics ? [A_DEFAULT_METRIC] : [])]
  const taken = names.map((name) => `${prefix}${name}`).filter((name) => registry.getSingleMetric(name) !== undefined)
  if (taken.length === 0) return
  const what = taken[0] === `${prefix}${A_DEFAULT_METRIC}` ? 'the default metrics of prom-client' : 'metrics of these names'
  throw new TapekeeperError(
    'CONFIG_INVALID',
    `this registry has ${what} already: close() what made them, or give a registry of its own or another prefix`,
    { taken },
  )
}
