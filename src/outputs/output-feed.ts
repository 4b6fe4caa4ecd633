import { isOfTape, type Gap } from '../domain/gap.ts'
import type { MarketDataPoint } from '../domain/market-data.ts'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Clock } from '../ports/clock.ts'
import { AbortListener } from '../ports/on-abort.ts'
import type { Random } from '../ports/random.ts'
import type { Sink, SinkState, SinkStatus } from '../ports/sink.ts'
import { MessageQueue, type QueuedMessage } from './message-queue.ts'
import type { Output, OutputPayload } from './output.ts'
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

interface Fault {
  readonly error: unknown
}

interface Waiter {
  /** Everything taken up to this one. */
  readonly order: number
  readonly resolve: () => void
}

/**
 * The care around an output: numbers what it takes, keeps it in order while the other side is away, publishes in batches, one at a
 * time, and says what it had to leave out.
 */
export class OutputFeed implements Sink {
  readonly cursorStore = undefined
  readonly #options: OutputFeedOptions
  readonly #maxQueued: number
  readonly #publishTimeoutMs: number
  readonly #session: string
  readonly #pause: RetryPause
  readonly #sequences = new Map<string, number>()
  readonly #queue = new MessageQueue()
  #inFlight: readonly QueuedMessage[] = []
  /** Waits no longer for the publish that is under way. */
  #abandon: () => void = () => undefined
  #isPumping = false
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
    this.#publishTimeoutMs = publishTimeoutMs
    this.#session = newSession(clock, random)
    this.#pause = new RetryPause(clock, random)
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
    const waiting = `${this.#waiting} ${this.#waiting === 1 ? 'message waits' : 'messages wait'}`
    return [
      ...(this.#awaySince === undefined ? [] : [`${name}: nothing can be published (${this.#lastError ?? ''}); ${waiting}`]),
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
        awaySince: this.#awaySince,
        lastError: this.#lastError,
      },
    ]
  }

  get #state(): SinkState {
    if (this.#isClosed) return 'closed'
    return this.#awaySince === undefined ? 'working' : 'away'
  }

  get #waiting(): number {
    return this.#inFlight.length + this.#queue.size
  }

  #wants(dataType: MarketDataPoint['dataType']): boolean {
    return this.#options.output.dataTypes?.includes(dataType) ?? true
  }

  #take(stream: string, payload: OutputPayload): void {
    if (this.#isClosed) return
    const sequence = (this.#sequences.get(stream) ?? 0) + 1
    this.#sequences.set(stream, sequence)
    const message = { stream, session: this.#session, sequence, payload }
    this.#queue.push({ order: ++this.#taken, message })
    if (this.#waiting > this.#maxQueued) this.#overflow()
    if (this.#isPumping) return
    this.#isPumping = true
    // Not before the data path is through with what it is about: its messages share a batch, and wait for nobody's code.
    void Promise.resolve().then(() => this.#pump())
  }

  /** Its number is used up, so that subscribers see what is missing. */
  #overflow(): void {
    this.#lost += this.#queue.take(1).length
    if (this.#isOverflowing) return
    this.#isOverflowing = true
    this.#say('OUTPUT_OVERFLOW', `more than ${this.#maxQueued} messages wait; the oldest are left out`)
  }

  async #pump(): Promise<void> {
    while (this.#queue.size > 0) {
      const batch = (this.#inFlight = this.#queue.take(this.#batchSize))
      const fault = await this.#publish(batch)
      // What was given up meanwhile has been counted as lost, whatever became of it.
      if (this.#inFlight !== batch) continue
      this.#inFlight = []
      if (fault === undefined) this.#arrived(batch.length)
      else if (isRejection(fault.error)) this.#isolate(batch, fault.error)
      else {
        this.#queue.putBack(batch)
        this.#failed(fault.error)
        await this.#pause.wait(this.#attempt++)
      }
      this.#tellWaiters()
    }
    this.#isPumping = false
    this.#isOverflowing = false
  }

  #publish(batch: readonly QueuedMessage[]): Promise<Fault | undefined> {
    const { clock, output } = this.#options
    return new Promise((resolve) => {
      const fail = (): void =>
        resolve({ error: new TapekeeperError('OUTPUT_FAILED', `no answer within ${this.#publishTimeoutMs} ms`) })
      const cancel = clock.after(this.#publishTimeoutMs, fail)
      const settle = (fault: Fault | undefined): void => {
        cancel()
        resolve(fault)
      }
      this.#abandon = () => settle(undefined)
      // Inside an async function, so that an output that throws instead of rejecting is no special case.
      const publish = async (): Promise<void> => output.publish(batch.map(({ message }) => message))
      publish().then(
        () => settle(undefined),
        (error: unknown) => settle({ error }),
      )
    })
  }

  #arrived(count: number): void {
    this.#delivered += count
    this.#batchSize = Math.min(MAX_BATCH, this.#batchSize * 2)
    this.#attempt = 0
    this.#awaySince = undefined
    this.#isRejecting = false
  }

  /** One of them can never be published: by halves to the one, which is left out. */
  #isolate(batch: readonly QueuedMessage[], error: TapekeeperError): void {
    const [first, ...others] = batch
    if (first === undefined) return
    if (others.length > 0) {
      this.#batchSize = Math.ceil(batch.length / 2)
      this.#queue.putBack(batch)
      return
    }
    this.#rejected++
    this.#lastError = messageOf(error)
    if (this.#isRejecting) return
    this.#isRejecting = true
    const { stream, sequence } = first.message
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
    const count = this.#inFlight.length + this.#queue.clear()
    this.#inFlight = []
    this.#lost += count
    this.#abandon()
    this.#pause.end()
    if (count > 0) this.#say('OUTPUT_OVERFLOW', `${count} messages were given up at the end`)
    this.#tellWaiters()
  }

  #isSettled(order: number): boolean {
    const first = this.#inFlight[0] ?? this.#queue.first
    return first === undefined || first.order > order
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
  return `${new Date(clock.now()).toISOString()}-${part.toString(36).padStart(6, '0')}`
}
