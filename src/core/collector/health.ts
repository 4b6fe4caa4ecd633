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

export interface HealthFacts {
  readonly status: CollectorStatus
  readonly shouldBeRunning: boolean
  readonly now: number
  /** When the present run started; undefined when nothing runs. */
  readonly startedAt: number | undefined
  readonly lastHeartbeatAt: number | undefined
  readonly lastDataAt: number | undefined
  readonly maxHeartbeatGapMs: number
  readonly maxSilenceDurationMs: number
  /** Problems only the collector itself knows, such as an unconfirmed subscription. */
  readonly ownIssues: readonly string[]
}

export type HealthIssue = 'not-running' | 'error-state' | 'no-heartbeat' | 'stale-data' | 'own'

/** Facts to findings. Pure. */
export function assessHealth(facts: HealthFacts): readonly (readonly [HealthIssue, string])[] {
  const { status, shouldBeRunning, startedAt, now } = facts
  if (!shouldBeRunning) return []
  if (status === 'error') return [['error-state', 'the collector is in the error state']]
  if (startedAt === undefined) return [['not-running', `should be running, but is ${status}`]]
  const issues: (readonly [HealthIssue, string])[] = []
  // Only what happened in this run counts.
  const heartbeatGap = now - Math.max(startedAt, facts.lastHeartbeatAt ?? startedAt)
  if (heartbeatGap > facts.maxHeartbeatGapMs) issues.push(['no-heartbeat', `no heartbeat for ${seconds(heartbeatGap)} s`])
  const silence = now - Math.max(startedAt, facts.lastDataAt ?? startedAt)
  if (silence > facts.maxSilenceDurationMs) issues.push(['stale-data', `no data for ${seconds(silence)} s`])
  for (const issue of facts.ownIssues) issues.push(['own', issue])
  return issues
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)
