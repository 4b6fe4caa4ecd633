import { AbortListener } from '../../ports/on-abort.ts'
import type { Stall } from './stream-backlog.ts'

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

/** What one stream's consumer did not get, between two reads. */
export interface Lost<T> {
  readonly first: T
  readonly last: T
  readonly weight: number
}

interface StreamHooks<T> {
  readonly weigh: (item: T) => number
  /** A spell of dropping begins; told once until the consumer reads again. */
  readonly onOverflow: () => void
  /** One item was dropped, and the stream ends by it. */
  readonly onFailed: () => void
  /** Nothing is to be pushed until the stall is over; the item that did not fit is the first of what it keeps. */
  readonly stall: (keep: number) => Stall<T>
  /** The consumer reads again, or never will: the spell is over. */
  readonly onSpellOver: (lost: Lost<T>) => void
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
  /** It is full, and what has come since is kept elsewhere. */
  #stall: Stall<T> | undefined
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
    return this.#dropped + (this.#stall?.missed ?? 0)
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
    this.#resume()
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
    if (this.#policy !== 'throw') {
      this.#stall = this.#hooks.stall(this.#highWaterMark)
      this.#hooks.onOverflow()
      return
    }
    this.#dropped++
    this.#hooks.onOverflow()
    this.#hooks.onFailed()
    this.#failure = this.#hooks.overflowError()
    this.#finish()
    this.#hooks.onSpellOver({ first: item, last: item, weight: this.#hooks.weigh(item) })
  }

  #shift(): T {
    const item = this.#take()
    if (this.#ended && this.size === 0) this.#listener.leave()
    return item
  }

  /** What came while it stood still takes its place, as far as there is room; the work is no more than was saved meanwhile. */
  #resume(): void {
    const stall = this.#stall
    if (stall === undefined) return
    this.#stall = undefined
    const { missed } = stall
    const lost = missed === 0 ? undefined : this.#policy === 'drop-newest' ? newestLost(stall) : this.#dropOldest(stall)
    this.#dropped += missed
    stall.over()
    if (lost !== undefined) this.#hooks.onSpellOver(lost)
  }

  #dropOldest(stall: Stall<T>): Lost<T> {
    const { weigh } = this.#hooks
    const weightOf = (items: readonly T[]): number => items.reduce((sum, item) => sum + weigh(item), 0)
    const { missed, weight } = stall
    const kept = stall.newest(Math.min(missed, this.#highWaterMark))
    const [beforeKept] = stall.newest(this.#highWaterMark + 1)
    const dropped: T[] = []
    while (this.size > 0 && dropped.length < missed) dropped.push(this.#take())
    for (const item of kept) this.#queue.push(item)
    const last = missed > this.#highWaterMark ? beforeKept : dropped.at(-1)
    return { first: dropped[0] as T, last: last as T, weight: weightOf(dropped) + weight - weightOf(kept) }
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
    this.#resume()
    this.#queue = []
    this.#head = 0
    this.#listener.leave()
    this.#finish()
  }

  #finish(): void {
    if (this.#ended) return
    this.#resume()
    this.#ended = true
    if (this.size === 0) this.#listener.leave()
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined })
    this.#hooks.onEnd()
  }
}

const newestLost = <T>(stall: Stall<T>): Lost<T> => ({
  first: stall.first as T,
  last: stall.newest(1)[0] as T,
  weight: stall.weight,
})
