import type { Clock } from '../ports/clock.ts'

const latest = new WeakMap<Clock, number>()

/**
 * The time for a name that later ones have to sort behind: the wall clock's, which is stepped back at times, but within one process never
 * earlier than what was given before. Whole epoch milliseconds.
 */
export function forwardTime(clock: Clock): number {
  const time = Math.max(Math.floor(clock.now()), latest.get(clock) ?? Number.NEGATIVE_INFINITY)
  latest.set(clock, time)
  return time
}
