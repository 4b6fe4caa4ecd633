import type { OutputMessage } from './output.ts'

/** A message that waits, with its place in the order in which messages were taken. */
export interface QueuedMessage {
  readonly order: number
  readonly message: OutputMessage
}

/** Messages in order: they join at the end, leave at the front, and come back to the front when they could not be published. */
export class MessageQueue {
  #items: QueuedMessage[] = []
  /** What stands before it has left. */
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  get first(): QueuedMessage | undefined {
    return this.#items[this.#head]
  }

  push(item: QueuedMessage): void {
    this.#items.push(item)
  }

  take(count: number): readonly QueuedMessage[] {
    const taken = this.#items.slice(this.#head, this.#head + count)
    this.#head += taken.length
    // Space is given back now and then: doing so each time would move all that wait.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return taken
  }

  putBack(items: readonly QueuedMessage[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)]
    this.#head = 0
  }

  /** Takes out those of one stream. */
  extract(stream: string): readonly QueuedMessage[] {
    const waiting = this.#items.slice(this.#head)
    const isMeant = ({ message }: QueuedMessage): boolean => message.stream === stream
    this.#items = waiting.filter((item) => !isMeant(item))
    this.#head = 0
    return waiting.filter(isMeant)
  }

  /** @returns how many there were. */
  clear(): number {
    const { size } = this
    this.#items = []
    this.#head = 0
    return size
  }
}
