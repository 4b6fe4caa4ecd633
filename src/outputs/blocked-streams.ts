import { backoffDelay } from '../ports/backoff.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { MessageQueue, type QueuedMessage } from './message-queue.ts'
import { RETRY } from './retry-pause.ts'

/** A stream that takes nothing, while others do. */
interface BlockedStream {
  readonly queue: MessageQueue
  readonly since: number
  attempt: number
  /** Elapsed milliseconds. */
  dueAt: number
  words: string
}

/** The streams that cannot be published to, each with what waits for it and a back-off of its own. */
export class BlockedStreams {
  readonly #clock: Clock
  readonly #random: Random
  readonly #maxWaiting: number
  readonly #streams = new Map<string, BlockedStream>()

  /** @param maxWaiting messages that may wait for one of them. */
  constructor(clock: Clock, random: Random, maxWaiting: number) {
    this.#clock = clock
    this.#random = random
    this.#maxWaiting = maxWaiting
  }

  get count(): number {
    return this.#streams.size
  }

  /** Messages that wait, of all of them together. */
  get size(): number {
    let size = 0
    for (const { queue } of this.#streams.values()) size += queue.size
    return size
  }

  /** The oldest message that waits: its place in the order in which messages were taken. */
  get firstOrder(): number | undefined {
    const orders = [...this.#streams.values()].map(({ queue }) => queue.first?.order).filter((order) => order !== undefined)
    return orders.length === 0 ? undefined : Math.min(...orders)
  }

  /** Since when the first of them takes nothing; epoch milliseconds. */
  get since(): number | undefined {
    const [first] = this.#streams.values()
    return first?.since
  }

  /** Each of them and what was said of it. */
  get reasons(): readonly (readonly [stream: string, words: string, waiting: number])[] {
    return [...this.#streams].map(([stream, { words, queue }]) => [stream, words, queue.size])
  }

  /** When the next one is tried again; elapsed milliseconds. */
  get dueAt(): number | undefined {
    const times = Array.from(this.#streams.values(), ({ dueAt }) => dueAt)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  has(stream: string): boolean {
    return this.#streams.has(stream)
  }

  /**
   * It has just failed: these wait from now on, in front of what waits already.
   *
   * @returns true when it did not fail before.
   */
  failed(stream: string, messages: readonly QueuedMessage[], words: string): boolean {
    const known = this.#streams.get(stream)
    const blocked = known ?? { queue: new MessageQueue(), since: this.#clock.now(), attempt: 0, dueAt: 0, words }
    blocked.queue.putBack(messages)
    blocked.words = words
    blocked.dueAt = this.#clock.elapsed() + backoffDelay(blocked.attempt++, RETRY, this.#random)
    this.#streams.set(stream, blocked)
    return known === undefined
  }

  /** Puts it behind what waits for its stream. @returns how many of the oldest had to be left out. */
  push(item: QueuedMessage): number {
    const queue = this.#streams.get(item.message.stream)?.queue
    if (queue === undefined) return 0
    queue.push(item)
    return queue.take(Math.max(0, queue.size - this.#maxWaiting)).length
  }

  /** They could not be tried: back in front of what waits, to be tried at once when the rest is. */
  putBack(messages: readonly QueuedMessage[]): void {
    for (const item of messages.toReversed()) this.#streams.get(item.message.stream)?.queue.putBack([item])
  }

  /** Leaves out the oldest message of the stream for which most wait. @returns false when none waits. */
  dropOne(): boolean {
    const [most] = [...this.#streams.values()].sort((one, other) => other.queue.size - one.queue.size)
    return most !== undefined && most.queue.take(1).length > 0
  }

  /** The first messages of a stream that may be tried again; it is blocked no more when they arrive. */
  takeDue(count: number): readonly QueuedMessage[] {
    const now = this.#clock.elapsed()
    for (const [stream, { queue, dueAt }] of [...this.#streams]) {
      if (dueAt > now) continue
      if (queue.size > 0) return queue.take(count)
      this.#streams.delete(stream)
    }
    return []
  }

  /** A stream has taken what it was given: what else waits for it may follow at once. */
  arrived(stream: string): void {
    const blocked = this.#streams.get(stream)
    if (blocked === undefined) return
    blocked.attempt = 0
    blocked.dueAt = 0
    if (blocked.queue.size === 0) this.#streams.delete(stream)
  }

  /** Somebody waits: all are tried again at once. */
  hurry(): void {
    for (const blocked of this.#streams.values()) blocked.dueAt = 0
  }

  /** @returns how many waited. */
  clear(): number {
    const { size } = this
    this.#streams.clear()
    return size
  }
}
