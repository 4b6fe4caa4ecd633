import type { Random } from './random.ts'

export interface BackoffPolicy {
  /** Ceiling of the first delay. Milliseconds. */
  readonly baseMs: number
  /** No ceiling is higher. Milliseconds. */
  readonly capMs: number
}

/**
 * Full-jitter exponential back-off: a uniform draw below a ceiling that doubles with each attempt (0, 1, 2, …) up to the cap.
 * The jitter stays at the cap, so many clients never fall into step. Unlucky draws near zero are what the dial budget is for. Pure.
 */
export function backoffDelay(attempt: number, policy: BackoffPolicy, random: Random): number {
  return Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 30)) * random()
}
