import { EventEmitter } from 'eventemitter3'
import { DATA_TYPES } from '../domain/data-type.ts'
import { requireFunction, requireOneOf } from '../errors/require.ts'

type Listener = (...args: never[]) => unknown
type Fenced = (...args: unknown[]) => void

/**
 * Typed events over eventemitter3, with a fence around each listener: one that throws or rejects stops neither the others nor us.
 * (eventemitter3 by itself lets a throwing listener silence the later ones.)
 */
export class Emitter<E extends { [K in keyof E]: Listener }> {
  readonly #events = new EventEmitter()
  readonly #onFault: (error: unknown, event: string) => void
  readonly #known: readonly (keyof E & string)[] | undefined
  /** The fence around each listener, so that `off` finds it. */
  #fences: readonly { readonly event: string; readonly listener: Listener; readonly fenced: Fenced }[] = []

  /** @param known the names of all events: to listen to another is a mistake then, and is said. */
  constructor(onFault: (error: unknown, event: string) => void, known?: readonly (keyof E & string)[]) {
    this.#onFault = onFault
    this.#known = known
  }

  on<K extends keyof E & string>(event: K, listener: E[K]): void {
    this.#events.on(event, this.#fence(event, listener, false))
  }

  once<K extends keyof E & string>(event: K, listener: E[K]): void {
    this.#events.once(event, this.#fence(event, listener, true))
  }

  off<K extends keyof E & string>(event: K, listener: E[K]): void {
    const fence = this.#fences.find((other) => other.event === event && other.listener === listener)
    if (fence === undefined) return
    this.#events.off(event, fence.fenced)
    this.#fences = this.#fences.filter((other) => other !== fence)
  }

  listenerCount(event: keyof E & string): number {
    return this.#events.listenerCount(event)
  }

  /** Nobody listens any more. */
  clear(): void {
    this.#events.removeAllListeners()
    this.#fences = []
  }

  emit<K extends keyof E & string>(event: K, ...args: Parameters<E[K]>): void {
    this.#events.emit(event, ...(args as unknown[]))
  }

  #fence(event: string, listener: Listener, isOnce: boolean): Fenced {
    if (this.#known !== undefined) requireOneOf(event, this.#known, isOnce ? 'once' : 'on', 'event', helpWith(event))
    requireFunction(listener, isOnce ? 'once' : 'on', `listener of '${event}'`)
    const fault = (error: unknown): void => this.#onFault(error, event)
    const fenced: Fenced = (...args) => {
      if (isOnce) this.#fences = this.#fences.filter((other) => other.fenced !== fenced)
      callFenced(() => listener(...(args as never[])), fault)
    }
    this.#fences = [...this.#fences, { event, listener, fenced }]
    return fenced
  }
}

/** Who listens for data as if it were an event. */
const helpWith = (event: unknown): string =>
  DATA_TYPES.some((dataType) => dataType === event) ? `; ${String(event)} data comes to addDataCallback and stream` : ''

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
