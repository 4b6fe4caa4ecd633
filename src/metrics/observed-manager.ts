import type { BaseDataCollector } from '../core/collector/base-collector.ts'

/** What metrics need of a `CollectorManager`. */
export interface ObservedManager {
  listCollectors(): readonly string[]
  getCollector(name: string): BaseDataCollector | undefined
  getStatus(): {
    readonly statistics: { readonly failedCollectors: number }
    readonly resources: { readonly heapUsedBytes: number | null; readonly eventLoopDelayMs: number | null }
  }
  on(event: 'collectorAdded' | 'collectorRemoved', listener: () => void): unknown
  off(event: 'collectorAdded' | 'collectorRemoved', listener: () => void): unknown
}
