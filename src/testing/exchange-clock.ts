import type { Clock } from '../ports/clock.ts'

/**
 * The time of the exchange: what the wall clock showed when it was made, carried on by elapsed time. A step of the wall clock of the
 * machine under test does not reach the exchange, as it does not in life.
 */
export function createExchangeClock(clock: Clock): Clock {
  const startsAt = clock.now() - clock.elapsed()
  return {
    now: () => startsAt + clock.elapsed(),
    elapsed: () => clock.elapsed(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  }
}
