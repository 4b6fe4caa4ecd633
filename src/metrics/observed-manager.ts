import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import type { SinkStatus } from '../ports/sink.ts'

/** In the place of an exchange's name, where the manager itself is meant. */
export const MANAGER = '(manager)'

/** What metrics need of a `CollectorManager`. */
export interface ObservedManager {
  listCollectors(): readonly string[]
  getCollector(name: string): BaseDataCollector | undefined
  getStatus(): {
    readonly statistics: { readonly failedCollectors: number }
    readonly resources: { readonly heapUsedBytes: number | null; readonly eventLoopDelayMs: number | null }
    readonly sinks: readonly SinkStatus[]
  }
  on(event: 'collectorAdded' | 'collectorRemoved', listener: () => void): unknown
  off(event: 'collectorAdded' | 'collectorRemoved', listener: () => void): unknown
}
