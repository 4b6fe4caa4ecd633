import type { DataType } from '../../domain/data-type.ts'
import type { CollectorStatus } from './collector-state.ts'
import type { SubscriptionStatus } from './events.ts'

/** Counters since the collector was made. Timestamps are ISO 8601, null before the first. */
export interface CollectorStatistics {
  /** Frames or messages that arrived. */
  readonly messagesReceived: number
  /** Data points delivered from them. */
  readonly messagesProcessed: number
  /** Everything that went wrong, bad frames included. */
  readonly errors: number
  /** Calls of user callbacks and listeners that threw or rejected. */
  readonly callbackErrors: number
  /** Points that streams dropped because their consumers were too slow. */
  readonly streamDropped: number
  readonly restarts: number
  /** Connections that were lost under this collector and had to be made again. */
  readonly reconnects: number
  /** Seconds since the present run started; 0 when nothing runs. */
  readonly uptimeSeconds: number
  /** Dials since the link last proved stable; 0 while it holds. */
  readonly reconnectAttempts: number
  readonly lastMessageTime: string | null
  /** When the present connection was made. */
  readonly connectionUptime: string | null
  readonly lastError: string | null
  readonly lastRestartTime: string | null
}

export interface SubscriptionReport {
  readonly topic: string
  readonly dataType: DataType
  readonly status: SubscriptionStatus
}

/** `getStatus()`: a plain snapshot, safe to serialise; no key, no secret. */
export interface CollectorStatusReport {
  readonly exchange: string
  readonly status: CollectorStatus
  readonly shouldBeRunning: boolean
  readonly symbols: readonly string[]
  readonly dataTypes: readonly DataType[]
  readonly autoRestart: boolean
  readonly health: {
    /** Seconds; null before the first heartbeat. */
    readonly timeSinceHeartbeat: number | null
    /** Seconds; null before the first data. */
    readonly timeSinceData: number | null
    /** Seconds of silence after which the collector counts as stale. */
    readonly maxSilenceDuration: number
  }
  readonly statistics: CollectorStatistics
  readonly subscriptions: readonly SubscriptionReport[]
}

export const isoTime = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
export const secondsSince = (at: number | undefined, now: number): number | null => (at === undefined ? null : (now - at) / 1_000)
