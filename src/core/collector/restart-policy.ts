import { backoffDelay } from '../../ports/backoff.ts'
import type { Random } from '../../ports/random.ts'

export interface RestartPolicy {
  /** Ceiling of the first delay; it doubles with each restart. Milliseconds. */
  readonly delayMs: number
  readonly maxRestarts: number
  /** Without a restart for this long, the count starts afresh. Milliseconds. */
  readonly stableAfterMs: number
}

export interface RestartHistory {
  readonly count: number
  /** Elapsed milliseconds. */
  readonly lastAt: number
}

export const NO_RESTARTS: RestartHistory = { count: 0, lastAt: -Infinity }
const LONGEST_DELAY_MS = 300_000

/** The next restart, or `give-up` when there have been too many without a stable period between them. Pure but for the draw. */
export function nextRestart(
  history: RestartHistory,
  elapsed: number,
  policy: RestartPolicy,
  random: Random,
): { readonly history: RestartHistory; readonly delayMs: number } | 'give-up' {
  const count = elapsed - history.lastAt > policy.stableAfterMs ? 0 : history.count
  if (count >= policy.maxRestarts) return 'give-up'
  const delayMs = backoffDelay(count, { baseMs: policy.delayMs, capMs: LONGEST_DELAY_MS }, random)
  return { history: { count: count + 1, lastAt: elapsed + delayMs }, delayMs }
}
