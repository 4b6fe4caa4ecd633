import type { CollectorStatus } from '../core/collector/collector-state.ts'
import { isoTime, secondsSince, type CollectorSummary } from '../core/collector/status-report.ts'
import type { Moment } from '../ports/clock.ts'
import type { SinkStatus } from '../ports/sink.ts'
import { isFine } from './health-sweep.ts'
import type { LoopDelay } from './loop-monitor.ts'
import type { ManagedCollector } from './managed-collector.ts'
import type { ManagerStatus } from './manager-events.ts'
import { isUp } from './revival-policy.ts'

/** Counts of the collectors, and the sums of what they count since each was made. */
export interface ManagerStatistics {
  readonly totalCollectors: number
  readonly enabledCollectors: number
  /** Running or degraded. */
  readonly runningCollectors: number
  /** Should run, and do not; while the manager runs. */
  readonly failedCollectors: number
  /** Enabled, up, and nothing is wrong with them. */
  readonly healthyCollectors: number
  /** By the manager. */
  readonly restartsPerformed: number
  /** By whomever. */
  readonly collectorRestarts: number
  /** ISO 8601; null before the first. */
  readonly lastGlobalCheck: string | null
  readonly messagesReceived: number
  readonly messagesProcessed: number
  readonly bytesReceived: number
  readonly errors: number
  readonly reconnects: number
  readonly gaps: number
  readonly missingTrades: number
  readonly streamDropped: number
}

/** What the process has to give. */
export interface ManagerResources {
  /** Null where the platform does not tell, as in a browser. */
  readonly heapUsedBytes: number | null
  /** By how much a timer came late on average since the last global check; null when there is no measurement yet. */
  readonly eventLoopDelayMs: number | null
  readonly maxEventLoopDelayMs: number | null
  /** Different connections that are open or being opened, of all collectors. */
  readonly openSockets: number
}

/** One collector in a line. */
export interface ManagedCollectorSummary {
  readonly exchange: string
  /** `error` also for a collector that cannot say how it is. */
  readonly status: CollectorStatus
  readonly enabled: boolean
  readonly isHealthy: boolean
  /** What is wrong, in words. */
  readonly issues: readonly string[]
  readonly symbols: readonly string[]
  readonly messagesReceived: number
  readonly errors: number
  readonly restarts: number
  /** Seconds; null before the first data. */
  readonly timeSinceData: number | null
}

/** `manager.getStatus()`: a plain snapshot, safe to serialise. */
export interface ManagerStatusReport {
  readonly managerName: string
  readonly status: ManagerStatus
  /** ISO 8601; null while stopped. */
  readonly startedTime: string | null
  /** 0 while stopped. */
  readonly uptimeSeconds: number
  /** Seconds. */
  readonly globalHealthCheckInterval: number
  /** Seconds. */
  readonly restartDelay: number
  readonly statistics: ManagerStatistics
  readonly resources: ManagerResources
  readonly collectors: Readonly<Record<string, ManagedCollectorSummary>>
  /** The manager's own repositories and outputs. */
  readonly sinks: readonly SinkStatus[]
}

/** What the manager knows of itself. Times are epoch milliseconds. */
export interface ManagerFacts {
  readonly managerName: string
  readonly status: ManagerStatus
  /** Now, by elapsed time. */
  readonly elapsed: number
  readonly started: Moment | undefined
  readonly lastCheckAt: number | undefined
  readonly globalHealthCheckIntervalMs: number
  readonly restartDelayMs: number
  readonly restartsPerformed: number
  readonly loopDelay: LoopDelay
}

/** Asks each collector once for each thing, so that a thousand of them take a few milliseconds. */
export function managerStatus(facts: ManagerFacts, managed: readonly ManagedCollector[]): Omit<ManagerStatusReport, 'sinks'> {
  const sums = { ...NOTHING }
  const sockets = new Set<string>()
  const summaries: (readonly [name: string, ManagedCollectorSummary])[] = []
  let [enabled, running, failed, healthy] = [0, 0, 0, 0]
  for (const one of managed) {
    const summary = one.summary()
    const isHealthy = isFine(one, summary)
    summaries.push([one.name, inALine(one, summary, isHealthy)])
    if (one.enabled) enabled++
    if (isUp(summary.status)) running++
    if (one.hasFailed(summary)) failed++
    if (one.enabled && isUp(summary.status) && isHealthy) healthy++
    addTo(sums, summary)
    for (const id of summary.connectionIds) sockets.add(id)
  }
  return {
    managerName: facts.managerName,
    status: facts.status,
    startedTime: isoTime(facts.started?.at),
    uptimeSeconds: secondsSince(facts.started, facts.elapsed) ?? 0,
    globalHealthCheckInterval: facts.globalHealthCheckIntervalMs / 1_000,
    restartDelay: facts.restartDelayMs / 1_000,
    statistics: {
      totalCollectors: managed.length,
      enabledCollectors: enabled,
      runningCollectors: running,
      failedCollectors: facts.status === 'stopped' ? 0 : failed,
      healthyCollectors: healthy,
      restartsPerformed: facts.restartsPerformed,
      lastGlobalCheck: isoTime(facts.lastCheckAt),
      ...sums,
    },
    resources: {
      heapUsedBytes: heapUsedBytes(),
      eventLoopDelayMs: facts.loopDelay.mean,
      maxEventLoopDelayMs: facts.loopDelay.max,
      openSockets: sockets.size,
    },
    collectors: Object.fromEntries(summaries),
  }
}

const NOTHING = {
  collectorRestarts: 0,
  messagesReceived: 0,
  messagesProcessed: 0,
  bytesReceived: 0,
  errors: 0,
  reconnects: 0,
  gaps: 0,
  missingTrades: 0,
  streamDropped: 0,
}

function addTo(sums: typeof NOTHING, summary: CollectorSummary): void {
  sums.collectorRestarts += summary.restarts
  sums.messagesReceived += summary.messagesReceived
  sums.messagesProcessed += summary.messagesProcessed
  sums.bytesReceived += summary.bytesReceived
  sums.errors += summary.errors
  sums.reconnects += summary.reconnects
  sums.gaps += summary.gaps
  sums.missingTrades += summary.missingTrades
  sums.streamDropped += summary.streamDropped
}

function inALine({ enabled }: ManagedCollector, summary: CollectorSummary, isHealthy: boolean): ManagedCollectorSummary {
  const { exchange, status, issues, symbols, messagesReceived, errors, restarts, timeSinceData } = summary
  return { exchange, status, enabled, isHealthy, issues, symbols, messagesReceived, errors, restarts, timeSinceData }
}

function heapUsedBytes(): number | null {
  const { process } = globalThis as { readonly process?: { readonly memoryUsage?: () => { readonly heapUsed: number } } }
  return process?.memoryUsage?.().heapUsed ?? null
}
