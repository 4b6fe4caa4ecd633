type Listener = (...args: never[]) => unknown

/** Typed events with a fence around each listener. */
export class FencedEvents<E extends { [K in keyof E]: Listener }> {
  /** Copied when changed, so that a listener may add or remove listeners while it is called. */
  readonly #listeners = new Map<keyof E, readonly Listener[]>()
  readonly #onFault: (error: unknown, event: string) => void

  constructor(onFault: (error: unknown, event: string) => void) {
    this.#onFault = onFault
  }

  on<K extends keyof E & string>(event: K, listener: E[K]): void {
    this.#listeners.set(event, [...this.#of(event), listener])
  }

  off<K extends keyof E & string>(event: K, listener: E[K]): void {
    const index = this.#of(event).indexOf(listener)
    if (index >= 0) this.#listeners.set(event, this.#of(event).toSpliced(index, 1))
  }

  listenerCount(event: keyof E & string): number {
    return this.#of(event).length
  }

  clear(): void {
    this.#listeners.clear()
  }

  emit<K extends keyof E & string>(event: K, ...args: Parameters<E[K]>): void {
    for (const listener of this.#of(event)) {
      try {
        const result = listener(...(args as never[]))
        if (isThenable(result)) result.then(undefined, (error: unknown) => this.#onFault(error, event))
      } catch (error) {
        this.#onFault(error, event)
      }
    }
  }

  #of(event: keyof E): readonly Listener[] {
    return this.#listeners.get(event) ?? []
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
