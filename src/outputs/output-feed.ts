import { isOfTape, type Gap } from '../domain/gap.ts'
import type { MarketDataPoint } from '../domain/market-data.ts'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import { forwardTime } from '../kit/forward-time.ts'
import type { Cancel, Clock } from '../ports/clock.ts'
import { AbortListener } from '../ports/on-abort.ts'
import type { Random } from '../ports/random.ts'
import type { Sink, SinkState, SinkStatus } from '../ports/sink.ts'
import { BlockedStreams } from './blocked-streams.ts'
import { MessageQueue, type QueuedMessage } from './message-queue.ts'
import type { Output, OutputPayload, PublishFailure } from './output.ts'
import { Publishing } from './publishing.ts'
import { RetryPause } from './retry-pause.ts'
import { streamOf, tradeStreamOf } from './stream-name.ts'

export interface OutputFeedOptions {
  /** Whose feed it is. */
  readonly name: string
  readonly output: Output
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: TapekeeperError) => void
  /** So many messages may wait; then the oldest go. */
  readonly maxQueued?: number | undefined
  /** A publish that takes longer has failed. Milliseconds. */
  readonly publishTimeoutMs?: number | undefined
}

const MAX_BATCH = 500
/** A stream that takes nothing may hold this part of all that may wait, so that a few of them leave room for the others. */
const BLOCKED_SHARE = 1 / 25
/** Streams that begin to fail are told one by one, up to so many at a time. */
const MOST_TOLD = 10

interface Waiter {
  /** Everything taken up to this one. */
  readonly order: number
  readonly resolve: () => void
}

/**
 * The care around an output: numbers what it takes, keeps it in order while the other side is away, publishes in batches, one at a
 * time, and says what it had to leave out. A stream that alone takes nothing waits aside, and the others go on.
 */
export class OutputFeed implements Sink {
  readonly cursorStore = undefined
  readonly #options: OutputFeedOptions
  readonly #maxQueued: number
  readonly #publishing: Publishing
  readonly #session: string
  readonly #pause: RetryPause
  readonly #sequences = new Map<string, number>()
  readonly #queue = new MessageQueue()
  readonly #blocked: BlockedStreams
  /** Of blocked streams: to be told where that is possible. */
  readonly #untold = new MessageQueue()
  #inFlight: readonly QueuedMessage[] = []
  #isPumping = false
  /** Ends the wait for the next try of a blocked stream. */
  #cancelRetry: Cancel = () => undefined
  #isClosed = false
  /** Smaller while a message is looked for that can never be published. */
  #batchSize = MAX_BATCH
  #taken = 0
  #delivered = 0
  #rejected = 0
  #lost = 0
  #failures = 0
  /** Failures since something was published. */
  #attempt = 0
  #awaySince: number | undefined
  #lastError: string | undefined
  #isRejecting = false
  #isOverflowing = false
  #waiters: readonly Waiter[] = []

  constructor(options: OutputFeedOptions) {
    const { clock, random, maxQueued = 10_000, publishTimeoutMs = 30_000 } = options
    this.#options = options
    this.#maxQueued = maxQueued
    this.#publishing = new Publishing(clock, publishTimeoutMs)
    this.#session = newSession(clock, random)
    this.#pause = new RetryPause(clock, random)
    this.#blocked = new BlockedStreams(clock, random, Math.ceil(maxQueued * BLOCKED_SHARE))
  }

  point(point: MarketDataPoint): void {
    if (this.#wants(point.dataType)) this.#take(streamOf(point), { type: 'point', point })
  }

  gap(gap: Gap): void {
    // What one consumer lacks was published like everything else.
    if (this.#wants('trade') && isOfTape(gap)) this.#take(tradeStreamOf(gap), { type: 'gap', gap })
  }

  frame(): void {
    // Raw frames are for repositories.
  }

  /** A back-off is cut short: whoever waits for this wants to know whether it works now. */
  flush(signal?: AbortSignal): Promise<void> {
    const order = this.#taken
    if (this.#isSettled(order)) return Promise.resolve()
    this.#pause.end()
    this.#blocked.hurry()
    this.#startPump()
    return new Promise((resolve) => {
      const aborted = new AbortListener(signal, () => this.#giveUp())
      const done = (): void => {
        aborted.leave()
        resolve()
      }
      this.#waiters = [...this.#waiters, { order, resolve: done }]
      aborted.listen()
    })
  }

  /** Takes nothing more, and brings away what waits until the signal aborts. Never rejects. */
  async close(signal?: AbortSignal): Promise<void> {
    this.#isClosed = true
    await this.flush(signal)
  }

  issues(): readonly string[] {
    const { name } = this.#options.output
    const messages = (count: number): string => `${count} ${count === 1 ? 'message waits' : 'messages wait'}`
    // What is being tried again just now waits, too.
    const tried = (stream: string): number => this.#inFlight.filter(({ message }) => message.stream === stream).length
    return [
      ...(this.#awaySince === undefined
        ? []
        : [`${name}: nothing can be published (${this.#lastError ?? ''}); ${messages(this.#waiting)}`]),
      ...this.#blocked.reasons
        .slice(0, MOST_TOLD)
        .map(
          ([stream, words, waiting]) => `${name}: ${stream} cannot be published (${words}); ${messages(waiting + tried(stream))}`,
        ),
      ...(this.#isOverflowing ? [`${name}: messages are left out, because more than ${this.#maxQueued} were waiting`] : []),
    ]
  }

  status(): readonly SinkStatus[] {
    const { name, output } = this.#options
    return [
      {
        name: `${name} > ${output.name}`,
        state: this.#state,
        queued: this.#waiting,
        maxQueued: this.#maxQueued,
        spooled: 0,
        spooledBytes: 0,
        delivered: this.#delivered,
        rejected: this.#rejected,
        lost: this.#lost,
        failures: this.#failures,
        awaySince: this.#awaySince ?? this.#blocked.since,
        lastError: this.#lastError,
      },
    ]
  }

  get #state(): SinkState {
    if (this.#isClosed) return 'closed'
    return this.#awaySince === undefined && this.#blocked.count === 0 ? 'working' : 'away'
  }

  get #waiting(): number {
    return this.#inFlight.length + this.#queue.size + this.#blocked.size
  }

  #wants(dataType: MarketDataPoint['dataType']): boolean {
    return this.#options.output.dataTypes?.includes(dataType) ?? true
  }

  #take(stream: string, payload: OutputPayload): void {
    if (this.#isClosed) return
    const sequence = (this.#sequences.get(stream) ?? 0) + 1
    this.#sequences.set(stream, sequence)
    const message = { stream, session: this.#session, sequence, payload }
    const item = { order: ++this.#taken, message }
    if (this.#blocked.has(stream)) this.#holdBack([item])
    else this.#queue.push(item)
    if (this.#waiting > this.#maxQueued) this.#overflow()
    this.#startPump()
  }

  #startPump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    // Not before the data path is through with what it is about: its messages share a batch, and wait for nobody's code.
    void Promise.resolve().then(() => this.#pump())
  }

  /** Of a stream that is blocked. */
  #holdBack(items: readonly QueuedMessage[]): void {
    for (const item of items) {
      this.#lost += this.#blocked.push(item)
      if (this.#options.output.tell !== undefined) this.#untold.push(item)
    }
    // What is not told now is told when it is published.
    this.#untold.take(Math.max(0, this.#untold.size - this.#maxQueued))
  }

  /** Its number is used up, so that subscribers see what is missing. */
  #overflow(): void {
    this.#lost += this.#blocked.dropOne() ? 1 : this.#queue.take(1).length
    if (this.#isOverflowing) return
    this.#isOverflowing = true
    this.#say('OUTPUT_OVERFLOW', `more than ${this.#maxQueued} messages wait; the oldest are left out`)
  }

  async #pump(): Promise<void> {
    this.#cancelRetry()
    while (await this.#step()) this.#tellWaiters()
    this.#isPumping = false
    this.#isOverflowing = false
    this.#tellWaiters()
    this.#armRetry()
  }

  #armRetry(): void {
    const { clock } = this.#options
    const { dueAt } = this.#blocked
    if (dueAt !== undefined) this.#cancelRetry = clock.after(Math.max(0, dueAt - clock.elapsed()), () => this.#startPump())
  }

  /** @returns false when there is nothing to do now. */
  async #step(): Promise<boolean> {
    const { output } = this.#options
    const untold = this.#untold.take(MAX_BATCH)
    if (untold.length > 0) return this.#tell(untold)
    const due = this.#blocked.takeDue(this.#batchSize)
    const batch = (this.#inFlight = due.length > 0 ? due : this.#queue.take(this.#batchSize))
    if (batch.length === 0) return false
    const { fault, failures = [] } = await this.#publishing.run(() => output.publish(batch.map(({ message }) => message)))
    // What was given up meanwhile has been counted as lost, whatever became of it.
    if (this.#inFlight !== batch) return true
    this.#inFlight = []
    const putBack = (): void => (due.length > 0 ? this.#blocked.putBack(batch) : this.#queue.putBack(batch))
    if (fault === undefined) this.#arrived(batch, failures)
    else if (isRejection(fault.error)) this.#isolate(batch, fault.error, putBack)
    else {
      putBack()
      this.#failed(fault.error)
      await this.#pause.wait(this.#attempt++)
    }
    return true
  }

  /** What is not told is told when it is published. */
  async #tell(untold: readonly QueuedMessage[]): Promise<true> {
    const { output } = this.#options
    const { fault } = await this.#publishing.run(async () => output.tell?.(untold.map(({ message }) => message)))
    if (fault !== undefined) {
      this.#failed(fault.error)
      await this.#pause.wait(this.#attempt++)
    }
    return true
  }

  #arrived(batch: readonly QueuedMessage[], failures: readonly PublishFailure[]): void {
    this.#batchSize = Math.min(MAX_BATCH, this.#batchSize * 2)
    this.#attempt = 0
    this.#awaySince = undefined
    const errors = new Map(failures.map(({ message, error }) => [message, error]))
    const held = new Map<string, { readonly error: Error; readonly items: QueuedMessage[] }>()
    for (const item of batch) {
      const { message } = item
      const error = errors.get(message)
      const behind = held.get(message.stream)
      if (isRejection(error)) this.#reject(item, error)
      // Behind one that has to wait, those that arrived are not given again, and those that did not keep their order.
      else if (error !== undefined && behind !== undefined) behind.items.push(item)
      else if (error !== undefined) held.set(message.stream, { error, items: [item] })
      else this.#delivered++
    }
    if (failures.length === 0) this.#isRejecting = false
    for (const stream of new Set(batch.map(({ message }) => message.stream))) if (!held.has(stream)) this.#blocked.arrived(stream)
    for (const [stream, { error, items }] of held) this.#block(stream, items, error)
  }

  /** It alone takes nothing: what else there is of it waits with these. */
  #block(stream: string, items: readonly QueuedMessage[], error: Error): void {
    this.#failures++
    this.#lastError = messageOf(error)
    const isNews = this.#blocked.failed(stream, items, messageOf(error))
    this.#holdBack(this.#queue.extract(stream))
    if (isNews && this.#blocked.count <= MOST_TOLD)
      this.#say('OUTPUT_FAILED', `${stream} cannot be published, it is tried again: ${messageOf(error)}`, { stream }, error)
  }

  /** One of them can never be published: by halves to the one, which is left out. */
  #isolate(batch: readonly QueuedMessage[], error: TapekeeperError, putBack: () => void): void {
    const [first, ...others] = batch
    if (first === undefined) return
    if (others.length === 0) {
      this.#reject(first, error)
      this.#blocked.arrived(first.message.stream)
      return
    }
    this.#batchSize = Math.ceil(batch.length / 2)
    putBack()
  }

  #reject({ message: { stream, sequence } }: QueuedMessage, error: TapekeeperError): void {
    this.#rejected++
    this.#lastError = messageOf(error)
    if (this.#isRejecting) return
    this.#isRejecting = true
    this.#say('ROW_REJECTED', `message ${sequence} of ${stream} is left out: ${messageOf(error)}`, { stream, sequence }, error)
  }

  #failed(error: unknown): void {
    this.#failures++
    this.#lastError = messageOf(error)
    if (this.#awaySince !== undefined) return
    this.#awaySince = this.#options.clock.now()
    this.#say('OUTPUT_FAILED', `nothing can be published, it is tried again: ${messageOf(error)}`, {}, error)
  }

  #giveUp(): void {
    const count = this.#inFlight.length + this.#queue.clear() + this.#blocked.clear()
    this.#untold.clear()
    this.#inFlight = []
    this.#lost += count
    this.#publishing.abandon()
    this.#pause.end()
    this.#cancelRetry()
    if (count > 0) this.#say('OUTPUT_OVERFLOW', `${count} messages were given up at the end`)
    this.#tellWaiters()
  }

  #isSettled(order: number): boolean {
    const firsts = [this.#inFlight[0]?.order, this.#queue.first?.order, this.#blocked.firstOrder]
    return firsts.every((first) => first === undefined || first > order)
  }

  #tellWaiters(): void {
    const isDone = (waiter: Waiter): boolean => this.#isSettled(waiter.order)
    const done = this.#waiters.filter(isDone)
    if (done.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !isDone(waiter))
    for (const { resolve } of done) resolve()
  }

  #say(code: TapekeeperError['code'], what: string, context: Readonly<Record<string, unknown>> = {}, cause?: unknown): void {
    const { name } = this.#options.output
    const options = cause === undefined ? undefined : { cause }
    this.#options.onError(new TapekeeperError(code, `output ${name}: ${what}`, { output: name, ...context }, options))
  }
}

const isRejection = (error: unknown): error is TapekeeperError => TapekeeperError.is(error) && error.code === 'ROW_REJECTED'

/** Sorts by time; two that begin in the same millisecond differ in the rest. */
function newSession(clock: Clock, random: Random): string {
  const part = Math.floor(random() * 36 ** 6)
  return `${new Date(forwardTime(clock)).toISOString()}-${part.toString(36).padStart(6, '0')}`
}
