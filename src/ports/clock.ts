/** Ends a timer that has not fired; harmless afterwards. */
export type Cancel = () => void

/**
 * Time. The only place from which the library learns what time it is or waits. There are two clocks in it, and they are never mixed:
 * the wall clock stamps, and may be stepped in either direction at any moment; elapsed time decides what is due, late, stale or too old.
 */
export interface Clock {
  /** The wall clock: epoch milliseconds, UTC. For timestamps alone; no duration is ever taken from it. */
  now(): number
  /** Milliseconds since some fixed moment, whole, never going back whatever happens to the wall clock. Says nothing about the date. */
  elapsed(): number
  /** Calls back once, when `delayMs` milliseconds have elapsed. */
  after(delayMs: number, callback: () => void): Cancel
}

/** One moment by both clocks: `at` is shown, `elapsed` is reckoned with. */
export interface Moment {
  /** Epoch milliseconds. */
  readonly at: number
  /** Milliseconds of elapsed time. */
  readonly elapsed: number
}

export const momentOf = (clock: Clock): Moment => ({ at: clock.now(), elapsed: clock.elapsed() })

/** One for each clock, so that all who share a clock share its elapsed time. */
const completed = new WeakMap<object, Clock>()

/**
 * The clock itself; or, for one that was written before there was `elapsed()`, one that counts what its `now()` advances. Set back, that
 * loses nothing; a step forward it cannot tell from time that has passed.
 */
export function withElapsed(clock: Pick<Clock, 'now' | 'after'> & Partial<Clock>): Clock {
  if (clock.elapsed !== undefined) return clock as Clock
  const known = completed.get(clock)
  if (known !== undefined) return known
  let last = clock.now()
  let elapsed = 0
  const whole: Clock = {
    now: () => clock.now(),
    elapsed() {
      const now = clock.now()
      elapsed += Math.max(0, now - last)
      last = now
      return Math.floor(elapsed)
    },
    after: (delayMs, callback) => clock.after(delayMs, callback),
  }
  completed.set(clock, whole)
  return whole
}

/** Node's and browsers' timers hold at most this many milliseconds; a longer delay would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  // Whole, as the timers are: one that fires finds its time to have come.
  elapsed: () => Math.floor(performance.now()),
  after(delayMs, callback) {
    let timer: ReturnType<typeof setTimeout>
    const arm = (remainingMs: number): void => {
      const step = Math.min(Math.max(0, remainingMs), LONGEST_TIMER_MS)
      timer = setTimeout(() => {
        if (remainingMs > step) arm(remainingMs - step)
        else callback()
      }, step)
    }
    arm(delayMs)
    return () => clearTimeout(timer)
  },
}

/**
 * Waits on a clock.
 *
 * @throws the signal's reason when it aborts first.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const stop = (): void => {
      cancel()
      reject(signal?.reason as Error)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    signal?.addEventListener('abort', stop, { once: true })
  })
}
