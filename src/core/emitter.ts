import { EventEmitter } from 'eventemitter3'

type Listener = (...args: never[]) => unknown
type Fenced = (...args: unknown[]) => void

/**
 * Typed events over eventemitter3, with a fence around each listener: one that throws or rejects stops neither the others nor us.
 * (eventemitter3 by itself lets a throwing listener silence the later ones.)
 */
export class Emitter<E extends { [K in keyof E]: Listener }> {
  readonly #events = new EventEmitter()
  readonly #onFault: (error: unknown, event: string) => void
  /** The fence that stands around each listener, so that `off` finds it. */
  readonly #fences = new Map<string, Map<Listener, Fenced>>()

  constructor(onFault: (error: unknown, event: string) => void) {
    this.#onFault = onFault
  }

  on<K extends keyof E & string>(event: K, listener: E[K]): void {
    this.#events.on(event, this.#fence(event, listener))
  }

  once<K extends keyof E & string>(event: K, listener: E[K]): void {
    this.#events.once(event, this.#fence(event, listener))
  }

  off<K extends keyof E & string>(event: K, listener: E[K]): void {
    const fenced = this.#fences.get(event)?.get(listener)
    if (fenced === undefined) return
    this.#events.off(event, fenced)
    this.#fences.get(event)?.delete(listener)
  }

  listenerCount(event: keyof E & string): number {
    return this.#events.listenerCount(event)
  }

  emit<K extends keyof E & string>(event: K, ...args: Parameters<E[K]>): void {
    this.#events.emit(event, ...(args as unknown[]))
  }

  #fence(event: string, listener: Listener): Fenced {
    const fences = this.#fences.get(event) ?? new Map<Listener, Fenced>()
    this.#fences.set(event, fences)
    let fenced = fences.get(listener)
    if (fenced === undefined) {
      const fault = (error: unknown): void => this.#onFault(error, event)
      fenced = (...args) => callFenced(() => listener(...(args as never[])), fault)
      fences.set(listener, fenced)
    }
    return fenced
  }
}

/** Calls something of the host's: whatever it throws or rejects with goes to `onFault`. */
export function callFenced(call: () => unknown, onFault: (error: unknown) => void): void {
  try {
    const result = call()
    if (isThenable(result)) result.then(undefined, onFault)
  } catch (error) {
    onFault(error)
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
