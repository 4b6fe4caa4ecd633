import type { VirtualClock } from 'tapekeeper/testing'

const STEP_MS = 50

/** Lets virtual time pass until a promise settles, or for a minute of it. */
export async function inVirtualTime<T>(clock: VirtualClock, promise: Promise<T>, limitMs = 60_000): Promise<T> {
  const progress = { done: false }
  const settled = (): void => void (progress.done = true)
  void promise.then(settled, settled)
  for (let passed = 0; !progress.done && passed < limitMs; passed += STEP_MS) await clock.advance(STEP_MS)
  return promise
}
