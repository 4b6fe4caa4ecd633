import type { CollectorStatus } from '../core/collector/collector-state.ts'
import type { RestartNotice, StatusChange } from '../core/collector/events.ts'
import type { Gap } from '../domain/gap.ts'
import type { TapekeeperError } from '../errors/tapekeeper-error.ts'

export const MANAGER_STATUSES = ['stopped', 'starting', 'running', 'stopping'] as const
export type ManagerStatus = (typeof MANAGER_STATUSES)[number]

/** The manager's own status changed. Times are epoch milliseconds. */
export interface ManagerStatusChange {
  readonly from: ManagerStatus
  readonly to: ManagerStatus
  readonly at: number
}

/** One collector with which something is wrong. */
export interface UnhealthyCollector {
  readonly name: string
  readonly status: CollectorStatus
  /** What is wrong, in words. */
  readonly issues: readonly string[]
}

/** What a look at all enabled collectors found. Plain JSON. */
export interface ManagerHealth {
  /** Epoch milliseconds. */
  readonly at: number
  /** Nothing is wrong with any enabled collector, nor with the manager's own repositories and outputs. */
  readonly isHealthy: boolean
  /** Enabled collectors that are up and with which nothing is wrong. */
  readonly healthy: number
  readonly unhealthy: readonly UnhealthyCollector[]
  /** What is wrong with the manager's own repositories and outputs, in words. */
  readonly issues: readonly string[]
}

const EVENTS: Readonly<Record<keyof ManagerEvents, true>> = {
  ...{ status: true, health: true, collectorStatus: true, collectorRestart: true, collectorError: true, error: true, gap: true },
  ...{ collectorAdded: true, collectorRemoved: true },
}
export const MANAGER_EVENTS = Object.keys(EVENTS) as readonly (keyof ManagerEvents)[]

/** What `manager.on` offers. `collector` is always the name by which the manager knows it. Listeners are fenced. */
export interface ManagerEvents {
  status: (change: ManagerStatusChange) => void
  /** After each global health check. */
  health: (health: ManagerHealth) => void
  collectorStatus: (change: StatusChange & { readonly collector: string }) => void
  collectorRestart: (notice: RestartNotice & { readonly collector: string }) => void
  /** An error nobody listens to, here or at the collector, goes to the logger. */
  collectorError: (fault: { readonly collector: string; readonly error: TapekeeperError }) => void
  /** Of the manager's own repositories and outputs. One that nobody listens to goes to the logger. */
  error: (error: TapekeeperError) => void
  gap: (found: { readonly collector: string; readonly gap: Gap }) => void
  collectorAdded: (change: { readonly collector: string }) => void
  /** It has stopped and is not listened to any more. */
  collectorRemoved: (change: { readonly collector: string }) => void
}
