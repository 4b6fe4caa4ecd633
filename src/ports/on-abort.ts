import type { Cancel } from './clock.ts'

interface Crowd {
  readonly callbacks: Set<() => void>
  readonly listener: () => void
}

/**
 * Who waits for which signal. A program has one signal for all its collectors and streams, and Node warns of a leak when more than
 * ten listen to it: here one listens for all.
 */
const crowds = new WeakMap<AbortSignal, Crowd>()

/** Calls back when the signal aborts; never for one that has aborted already. What callbacks throw is theirs to fence. */
function onAbort(signal: AbortSignal, callback: () => void): Cancel {
  const crowd = crowds.get(signal) ?? gather(signal)
  // A function of its own for each: whoever waits twice is called twice.
  const entry = (): void => callback()
  crowd.callbacks.add(entry)
  return () => {
    crowd.callbacks.delete(entry)
    if (crowd.callbacks.size === 0) disperse(signal, crowd)
  }
}

function gather(signal: AbortSignal): Crowd {
  const callbacks = new Set<() => void>()
  const listener = (): void => {
    disperse(signal, crowd)
    for (const callback of [...callbacks]) if (callbacks.delete(callback)) callback()
  }
  const crowd = { callbacks, listener }
  crowds.set(signal, crowd)
  signal.addEventListener('abort', listener, { once: true })
  return crowd
}

function disperse(signal: AbortSignal, crowd: Crowd): void {
  if (crowds.get(signal) !== crowd) return
  crowds.delete(signal)
  signal.removeEventListener('abort', crowd.listener)
}

/** Listens to a signal, or not; whoever says so twice has said it once. Without a signal there is nothing to hear. */
export class AbortListener {
  readonly #signal: AbortSignal | undefined
  readonly #callback: () => void
  #cancel: Cancel | undefined

  constructor(signal: AbortSignal | undefined, callback: () => void) {
    this.#signal = signal
    this.#callback = callback
  }

  /** One that has aborted already is heard at once. @returns false then. */
  listen(): boolean {
    if (this.#signal?.aborted === true) {
      this.#callback()
      return false
    }
    if (this.#cancel !== undefined || this.#signal === undefined) return true
    this.#cancel = onAbort(this.#signal, () => {
      this.#cancel = undefined
      this.#callback()
    })
    return true
  }

  leave(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}

/**
 * Waits for something that may not heed the signal. What it comes to afterwards is not heard.
 *
 * @throws the signal's reason when it aborts first.
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  return await new Promise<T>((resolve, reject) => {
    const cancel = onAbort(signal, () => reject(signal.reason as Error))
    promise.then(resolve, reject).finally(cancel)
  })
}
