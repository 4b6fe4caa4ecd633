import { Registry, validateMetricName, type OpenMetricsContentType } from 'prom-client'
import { z } from 'zod'
import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import { parseConfig } from '../errors/config-problems.ts'
import { systemClock, type Clock } from '../ports/clock.ts'
import { DEFAULT_LATENCY_BUCKETS } from './latency-histogram.ts'
import type { ObservedManager } from './observed-manager.ts'

/** A prom-client registry of either text format. */
export type MetricsRegistry = Registry | Registry<OpenMetricsContentType>

export const COLLECTOR_METHODS = ['getStatus', 'getConnections', 'addDataCallback']

const has = (...names: readonly string[]) => {
  return (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

const isAscending = (buckets: readonly number[]): boolean =>
  buckets.every((bound, index) => index === 0 || bound > (buckets[index - 1] as number))

const prometheusOptions = z.strictObject({
  /** Collectors to observe from the start. */
  collectors: z
    .array(z.custom<BaseDataCollector>(has(...COLLECTOR_METHODS), 'must be a collector'))
    .readonly()
    .default([]),
  /** Observe all its collectors, also those added later, and itself. */
  manager: z.custom<ObservedManager>(has('listCollectors', 'getCollector', 'getStatus'), 'must be a CollectorManager').optional(),
  /** Where the metrics are registered. Default: a registry of their own, not prom-client's global one. */
  registry: z
    .custom<MetricsRegistry>(has('registerMetric', 'getSingleMetric', 'metrics'), 'must be a Registry of prom-client')
    .default(() => new Registry()),
  /** Put before every metric's name, for example `tape_`. */
  prefix: z
    .string()
    .refine(
      (prefix) => prefix === '' || validateMetricName(prefix),
      'may hold letters, digits, _ and :, and starts with no digit',
    )
    .default(''),
  /** False: no metric has a series per symbol. For hundreds of pairs. */
  symbolLabel: z.boolean().default(true),
  /** Add prom-client's own metrics of the process: CPU, memory, event loop, garbage collection. */
  defaultMetrics: z.boolean().default(false),
  /** Upper bounds of the latency histogram, ascending. Seconds. */
  latencyBuckets: z
    .array(z.number().positive())
    .min(1)
    .readonly()
    .refine(isAscending, 'must be in ascending order')
    .default(DEFAULT_LATENCY_BUCKETS),
  /** The time to measure latency by. Default: the system's; in virtual time, the collectors' own. */
  clock: z.custom<Clock>(has('now', 'elapsed', 'after'), 'must be a Clock').default(systemClock),
})

/** What users write. Seconds throughout, as is the custom in Prometheus. */
export type PrometheusOptions = z.input<typeof prometheusOptions>
export type ResolvedPrometheusOptions = z.output<typeof prometheusOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parsePrometheusOptions(options: PrometheusOptions): ResolvedPrometheusOptions {
  return parseConfig(prometheusOptions, options, 'prometheus options')
}
