import type { Cancel, Clock } from '../ports/clock.ts'

/** A clock whose timers can be ended all at once, so that closing leaves none behind. */
export interface TimerScope extends Clock {
  cancelAll(): void
}

export function createTimerScope(clock: Clock): TimerScope {
  const running = new Set<Cancel>()
  let ended = false
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    after(delayMs, callback) {
      if (ended) return () => undefined
      const stop = clock.after(delayMs, () => {
        running.delete(cancel)
        callback()
      })
      const cancel = (): void => {
        running.delete(cancel)
        stop()
      }
      running.add(cancel)
      return cancel
    },
    cancelAll() {
      ended = true
      for (const cancel of [...running]) cancel()
    },
  }
}
