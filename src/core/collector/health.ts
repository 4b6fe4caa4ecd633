import type { CollectorStatus } from './collector-state.ts'

/** `getHealthStatus()`. Timestamps are ISO 8601, null before the first. */
export interface HealthStatus {
  readonly isHealthy: boolean
  /** What is wrong, in words. Empty when healthy. */
  readonly issues: readonly string[]
  readonly status: CollectorStatus
  readonly lastHeartbeat: string | null
  readonly lastDataReceived: string | null
  readonly shouldBeRunning: boolean
  readonly isRunning: boolean
}

/**
 * - `no-heartbeat`: the message loop is stuck, or its connection is dead
 * - `stale-data`: silent for longer than is allowed
 * - `error-rate`: most of what arrives cannot be used
 * - `own`: what only the collector itself knows, such as a subscription that is not confirmed
 */
export type HealthIssue = 'not-running' | 'error-state' | 'no-heartbeat' | 'stale-data' | 'error-rate' | 'own'

export interface Finding {
  readonly issue: HealthIssue
  /** In words, for people. */
  readonly text: string
}

/** Times are elapsed milliseconds. */
export interface HealthFacts {
  readonly status: CollectorStatus
  readonly shouldBeRunning: boolean
  /** Now. */
  readonly elapsed: number
  /** When the present run started; undefined when nothing runs. */
  readonly startedAt: number | undefined
  readonly lastHeartbeatAt: number | undefined
  readonly lastDataAt: number | undefined
  readonly maxHeartbeatGapMs: number
  /** Undefined where silence alone is no fault. */
  readonly maxSilenceDurationMs: number | undefined
  /** Problems only the collector itself knows. */
  readonly ownFindings: readonly Finding[]
}

/** Facts to findings. Pure. */
export function assessHealth(facts: HealthFacts): readonly Finding[] {
  const { status, shouldBeRunning, startedAt, elapsed, maxSilenceDurationMs } = facts
  if (!shouldBeRunning) return []
  if (status === 'error') return [{ issue: 'error-state', text: 'the collector is in the error state' }]
  if (startedAt === undefined) return [{ issue: 'not-running', text: `should be running, but is ${status}` }]
  const findings: Finding[] = []
  // Only what happened in this run counts.
  const heartbeatGap = elapsed - Math.max(startedAt, facts.lastHeartbeatAt ?? startedAt)
  if (heartbeatGap > facts.maxHeartbeatGapMs)
    findings.push({ issue: 'no-heartbeat', text: `no heartbeat for ${seconds(heartbeatGap)} s` })
  const silence = elapsed - Math.max(startedAt, facts.lastDataAt ?? startedAt)
  if (maxSilenceDurationMs !== undefined && silence > maxSilenceDurationMs)
    findings.push({ issue: 'stale-data', text: `no data for ${seconds(silence)} s` })
  findings.push(...facts.ownFindings)
  return findings
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)
