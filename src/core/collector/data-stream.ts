import { AbortListener } from '../../ports/on-abort.ts'

/** What a full stream does with one more item. */
export const OVERFLOW_POLICIES = ['drop-oldest', 'drop-newest', 'throw'] as const
export type OverflowPolicy = (typeof OVERFLOW_POLICIES)[number]

export interface StreamOptions {
  /** Ends the iteration; what is queued is given up. */
  readonly signal?: AbortSignal | undefined
  /** Items held for a consumer that is behind. Default 10,000. */
  readonly highWaterMark?: number | undefined
  /**
   * What gives way when the queue is full: the oldest item (default: the consumer sees the newest market), the newest item,
   * or the iteration itself, which then throws `STREAM_OVERFLOW`.
   */
  readonly onOverflow?: OverflowPolicy | undefined
}

interface StreamHooks<T> {
  /** A spell of dropping begins; told once until the consumer reads again. */
  readonly onOverflow: () => void
  readonly onDropped: (item: T) => void
  /** The consumer reads again, or never will: the spell is over. */
  readonly onSpellOver: () => void
  readonly onEnd: () => void
  readonly overflowError: () => Error
}

const DEFAULT_HIGH_WATER_MARK = 10_000

/**
 * An async iterator over a bounded queue. A socket cannot be slowed down, so what does not fit is dropped and counted in `dropped`.
 * Ends (`done`) when its signal aborts, when the loop breaks, and when the collector stops and the queue is empty.
 */
export class DataStream<T> implements AsyncIterableIterator<T> {
  readonly #highWaterMark: number
  readonly #policy: OverflowPolicy
  readonly #hooks: StreamHooks<T>
  readonly #listener: AbortListener
  /** Consumers that asked for more than there was. */
  readonly #waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: Error) => void }[] = []
  #queue: (T | undefined)[] = []
  #head = 0
  #dropped = 0
  #dropping = false
  #ended = false
  #failure: Error | undefined

  constructor(options: StreamOptions, hooks: StreamHooks<T>) {
    this.#highWaterMark = options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK
    this.#policy = options.onOverflow ?? 'drop-oldest'
    this.#hooks = hooks
    this.#listener = new AbortListener(options.signal, () => this.#abort())
    if (options.signal?.aborted === true) this.#finish()
    else this.#listener.listen()
  }

  /** Items this consumer lost because it was too slow. */
  get dropped(): number {
    return this.#dropped
  }

  /** Items waiting for the consumer. */
  get size(): number {
    return this.#queue.length - this.#head
  }

  get ended(): boolean {
    return this.#ended
  }

  push(item: T): void {
    if (this.#ended) return
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) waiting.resolve({ done: false, value: item })
    else if (this.size < this.#highWaterMark) this.#queue.push(item)
    else this.#overflow(item)
  }

  /** No more items will come; those already queued can still be read. */
  end(): void {
    if (this.#ended) return
    this.#finish()
  }

  next(): Promise<IteratorResult<T>> {
    if (this.size > 0) return Promise.resolve({ done: false, value: this.#shift() })
    if (this.#failure !== undefined) {
      const failure = this.#failure
      this.#failure = undefined
      return Promise.reject(failure)
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<T>> {
    this.#abort()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #overflow(item: T): void {
    this.#dropped++
    if (!this.#dropping) this.#hooks.onOverflow()
    this.#dropping = true
    if (this.#policy === 'drop-oldest') {
      this.#hooks.onDropped(this.#take())
      this.#queue.push(item)
      return
    }
    this.#hooks.onDropped(item)
    if (this.#policy === 'throw') {
      this.#failure = this.#hooks.overflowError()
      this.#finish()
    }
  }

  #shift(): T {
    this.#endSpell()
    const item = this.#take()
    if (this.#ended && this.size === 0) this.#listener.leave()
    return item
  }

  #endSpell(): void {
    if (!this.#dropping) return
    this.#dropping = false
    this.#hooks.onSpellOver()
  }

  #take(): T {
    const item = this.#queue[this.#head] as T
    this.#queue[this.#head++] = undefined
    // The spent front is cut off now and then, so that taking stays cheap and memory stays bounded.
    if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  #abort(): void {
    this.#queue = []
    this.#head = 0
    this.#listener.leave()
    this.#finish()
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#endSpell()
    if (this.size === 0) this.#listener.leave()
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined })
    this.#hooks.onEnd()
  }
}
