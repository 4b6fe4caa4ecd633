import { backoffDelay } from '../ports/backoff.ts'
import { isActive, type CollectorStatus } from '../core/collector/collector-state.ts'
import type { Random } from '../ports/random.ts'

/** How often a collector was revived, and whether it has lasted. Times are elapsed milliseconds. */
export interface RevivalHistory {
  /** Revivals since it last proved stable. */
  readonly attempt: number
  /** Since when it has been up; undefined while it is not. */
  readonly upSince: number | undefined
}

export const NEVER_REVIVED: RevivalHistory = { attempt: 0, upSince: undefined }
const LONGEST_DELAY_MS = 300_000
const STABLE_AFTER_MS = 600_000

export const isUp = (status: CollectorStatus): boolean => status === 'running' || status === 'degraded'

/** On its way up: neither up nor failed, for a while. */
export const isComing = (status: CollectorStatus): boolean => isActive(status) && !isUp(status) && status !== 'unhealthy'

/** The history after a change of status. Who was up for ten minutes begins afresh. Pure. */
export function afterStatus(history: RevivalHistory, status: CollectorStatus, elapsed: number): RevivalHistory {
  if (isUp(status)) return { ...history, upSince: history.upSince ?? elapsed }
  const wasStable = history.upSince !== undefined && elapsed - history.upSince >= STABLE_AFTER_MS
  return { attempt: wasStable ? 0 : history.attempt, upSince: undefined }
}

/** The wait before the next revival: full jitter below a ceiling that doubles up to five minutes. Pure but for the draw. */
export function nextRevival(
  history: RevivalHistory,
  restartDelayMs: number,
  random: Random,
): { readonly history: RevivalHistory; readonly delayMs: number } {
  const delayMs = backoffDelay(history.attempt, { baseMs: restartDelayMs, capMs: LONGEST_DELAY_MS }, random)
  return { history: { ...history, attempt: history.attempt + 1 }, delayMs }
}
