import type { ErrorCode } from '../../errors/consequence.ts'
import type { DataType } from '../../domain/data-type.ts'
import type { Moment } from '../../ports/clock.ts'
import type { SinkStatus } from '../../ports/sink.ts'
import type { CollectorStatus } from './collector-state.ts'
import type { Counters } from './counters.ts'
import type { RestartTrigger, SubscriptionStatus } from './events.ts'

/** Counters since the collector was made. Timestamps are ISO 8601, null before the first. */
export interface CollectorStatistics {
  /** Frames or messages that arrived. */
  readonly messagesReceived: number
  /** Data points delivered from them. */
  readonly messagesProcessed: number
  /** The same by data type, for the types that are collected. */
  readonly messagesByType: Readonly<Partial<Record<DataType, number>>>
  /** Length of what arrived, in characters; for an exchange's frames these are bytes. 0 where a source does not count them. */
  readonly bytesReceived: number
  /** Everything that went wrong, bad frames included. */
  readonly errors: number
  /** The same by code. */
  readonly errorsByCode: Readonly<Partial<Record<ErrorCode, number>>>
  /** Calls of user callbacks and listeners that threw or rejected. */
  readonly callbackErrors: number
  /** Points that streams dropped because their consumers were too slow. */
  readonly streamDropped: number
  /** `gap` events: what the tape could not fill, and what consumers were too slow for. */
  readonly gaps: number
  /** Fills missing by these gaps, less those found later; where ids do not tell how many, a gap counts none. */
  readonly missingTrades: number
  readonly restarts: number
  /** The same by what made it restart. */
  readonly restartsByTrigger: Readonly<Partial<Record<RestartTrigger, number>>>
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

/** One subscription and the health of its stream. Timestamps are ISO 8601, null before the first. */
export interface SubscriptionReport {
  readonly topic: string
  readonly dataType: DataType
  readonly status: SubscriptionStatus
  /** When the exchange confirmed it; null while it has not. */
  readonly acknowledgedTime: string | null
  /** First and latest data since then. */
  readonly firstDataTime: string | null
  readonly lastDataTime: string | null
  /** Seconds since the latest data, or since the acknowledgement; null while not acknowledged. */
  readonly silence: number | null
  /** The stream's own rhythm: seconds between its messages, on average; null before there is one. */
  readonly typicalInterval: number | null
  /** Silent while its market moves: being repaired. */
  readonly isStale: boolean
  /** How often silence made it necessary to subscribe again, or to take a new connection. */
  readonly repairs: number
}

/** `getSummary()`: what a row of a dashboard needs, at a fraction of what a full report costs. */
export interface CollectorSummary {
  readonly exchange: string
  readonly status: CollectorStatus
  readonly shouldBeRunning: boolean
  readonly symbols: readonly string[]
  readonly autoRestart: boolean
  readonly isHealthy: boolean
  readonly issues: readonly string[]
  /** Seconds; null before the first data. */
  readonly timeSinceData: number | null
  readonly messagesReceived: number
  readonly messagesProcessed: number
  readonly bytesReceived: number
  readonly errors: number
  readonly restarts: number
  readonly reconnects: number
  readonly gaps: number
  readonly missingTrades: number
  readonly streamDropped: number
  /** Ids of its open connections; shared ones appear with each collector that uses them. */
  readonly connectionIds: readonly string[]
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
  /** Its own repositories and outputs. */
  readonly sinks: readonly SinkStatus[]
}

export const isoTime = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString())
/** @param elapsed now, by elapsed time. */
export const secondsSince = (moment: Moment | undefined, elapsed: number): number | null =>
  moment === undefined ? null : (elapsed - moment.elapsed) / 1_000

export interface StatisticsFacts {
  readonly dataTypes: readonly DataType[]
  readonly uptimeSeconds: number
  readonly reconnectAttempts: number
  readonly connectedAt: number | undefined
  readonly lastError: string | undefined
}

export function statisticsOf(counters: Counters, facts: StatisticsFacts): CollectorStatistics {
  const { messagesByType, errorsByCode } = counters
  return {
    messagesReceived: counters.messagesReceived,
    messagesProcessed: counters.messagesProcessed,
    messagesByType: Object.fromEntries(facts.dataTypes.map((dataType) => [dataType, messagesByType[dataType]])),
    bytesReceived: counters.bytesReceived,
    errors: counters.errors,
    errorsByCode: { ...errorsByCode },
    callbackErrors: counters.callbackErrors,
    streamDropped: counters.streamDropped,
    gaps: counters.gaps,
    missingTrades: counters.missingTrades,
    restarts: counters.restarts,
    restartsByTrigger: { ...counters.restartsByTrigger },
    reconnects: counters.reconnects,
    uptimeSeconds: facts.uptimeSeconds,
    reconnectAttempts: facts.reconnectAttempts,
    lastMessageTime: isoTime(counters.lastMessageAt),
    connectionUptime: isoTime(facts.connectedAt),
    lastError: facts.lastError ?? null,
    lastRestartTime: isoTime(counters.lastRestartAt),
  }
}

type SummaryFacts = Pick<
  CollectorSummary,
  'exchange' | 'status' | 'shouldBeRunning' | 'symbols' | 'autoRestart' | 'issues' | 'timeSinceData' | 'connectionIds'
>

export function summaryOf(counters: Counters, facts: SummaryFacts): CollectorSummary {
  // Spelt out, because a spread makes each of these a slow object: half a sweep over a thousand collectors went into it.
  return {
    exchange: facts.exchange,
    status: facts.status,
    shouldBeRunning: facts.shouldBeRunning,
    symbols: facts.symbols,
    autoRestart: facts.autoRestart,
    isHealthy: facts.issues.length === 0,
    issues: facts.issues,
    timeSinceData: facts.timeSinceData,
    messagesReceived: counters.messagesReceived,
    messagesProcessed: counters.messagesProcessed,
    bytesReceived: counters.bytesReceived,
    errors: counters.errors,
    restarts: counters.restarts,
    reconnects: counters.reconnects,
    gaps: counters.gaps,
    missingTrades: counters.missingTrades,
    streamDropped: counters.streamDropped,
    connectionIds: facts.connectionIds,
  }
}
