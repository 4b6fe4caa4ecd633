export { createPrometheusMetrics, type PrometheusMetrics } from './metrics/create-prometheus-metrics.ts'
export type { MetricsRegistry, PrometheusOptions } from './metrics/options.ts'
export type { ObservedManager } from './metrics/observed-manager.ts'
