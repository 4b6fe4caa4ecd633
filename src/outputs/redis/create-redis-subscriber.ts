import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import { sleep, systemClock } from '../../ports/clock.ts'
import { Emitter } from '../../ports/emitter.ts'
import { fenceLogger, type Logger } from '../../ports/logger.ts'
import { systemRandom } from '../../ports/random.ts'
import { messageFromJson } from '../message-json.ts'
import type { OutputMessage } from '../output.ts'
import { SequenceWatch } from '../sequence-watch.ts'
import { matchesStream, parseStream } from '../stream-name.ts'
import { ChannelSource } from './channel-source.ts'
import type { RedisConnection } from './redis-connection.ts'
import { RedisConnector } from './redis-connector.ts'
import { parseSubscriberOptions, type RedisSubscriberOptions, type ResolvedSubscriberOptions } from './redis-options.ts'
import type { Source, SourceHooks } from './source.ts'
import { StreamSource, type PastPlace } from './stream-source.ts'
import type { RedisSubscriberEvents, SubscriberStatistics, SubscriberStatus } from './subscriber-events.ts'

/** Reads what `createRedisOutput` publishes: every message once, in order, and every missing one named. */
export interface RedisSubscriber {
  readonly status: SubscriberStatus
  readonly statistics: SubscriberStatistics
  on<K extends keyof RedisSubscriberEvents>(event: K, listener: RedisSubscriberEvents[K]): void
  once<K extends keyof RedisSubscriberEvents>(event: K, listener: RedisSubscriberEvents[K]): void
  off<K extends keyof RedisSubscriberEvents>(event: K, listener: RedisSubscriberEvents[K]): void
  /**
   * Resolves when it listens for the first time, and goes on by itself from then on: after a loss it connects again. While Redis is away
   * it keeps trying. Listen to its events first. Idempotent.
   *
   * @throws TapekeeperError `ABORTED` when it is closed before.
   */
  start(): Promise<void>
  /** No event comes afterwards. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes a typed subscriber, from channels (what is published while it listens) or from Redis streams (also what was published before,
 * and during an interruption).
 *
 * @throws TapekeeperError `CONFIG_INVALID`.
 * @example
 * ```ts
 * import { createRedisSubscriber } from 'tapekeeper/redis'
 * await using subscriber = createRedisSubscriber({ streams: [{ exchange: 'okx', dataType: 'trade' }] })
 * subscriber.on('point', (point) => {
 *   if (point.dataType === 'trade') console.log(point.symbol, point.data.price)
 * })
 * subscriber.on('loss', ({ stream, missing }) => console.warn(`${missing} messages of ${stream} are missing`))
 * await subscriber.start()
 * ```
 */
export function createRedisSubscriber(options: RedisSubscriberOptions = {}): RedisSubscriber {
  return new Subscriber(parseSubscriberOptions(options))
}

/** Soon again: what is published to a channel meanwhile is lost. Milliseconds. */
const RETRY: BackoffPolicy = { baseMs: 100, capMs: 2_000 }

class Subscriber implements RedisSubscriber {
  readonly #options: ResolvedSubscriberOptions
  readonly #logger: Logger
  readonly #connector: RedisConnector
  readonly #source: Source
  readonly #hooks: SourceHooks
  readonly #watch = new SequenceWatch()
  readonly #events: Emitter<RedisSubscriberEvents>
  readonly #closing = new AbortController()
  readonly #started: Promise<void>
  #settleStart: { readonly resolve: () => void; readonly reject: (reason: TapekeeperError) => void } | undefined
  #connection: RedisConnection | undefined
  #running: Promise<void> | undefined
  #status: SubscriberStatus = 'idle'
  #attempt = 0
  #isOutageReported = false
  #received = 0
  #lost = 0
  #duplicates = 0
  #damaged = 0
  #reconnects = 0

  constructor(options: ResolvedSubscriberOptions) {
    const { prefix, streams: filters, source, start, logger } = options
    this.#options = options
    this.#logger = fenceLogger(logger)
    this.#connector = new RedisConnector(options)
    this.#source =
      source === 'channel'
        ? new ChannelSource(prefix, filters)
        : new StreamSource({ prefix, filters, start, placeOf: (text) => this.#placeOf(text) })
    this.#hooks = {
      onText: (text, id) => this.#take(text, id),
      onDamaged: (what) => this.#reportDamage(what, undefined),
      onRefused: (what, error) => this.#reportRefusal(what, error),
      onListening: () => this.#listens(),
    }
    this.#events = new Emitter((error, event) => this.#listenerFailed(error, event))
    this.#started = new Promise((resolve, reject) => (this.#settleStart = { resolve, reject }))
    // Whoever never waits for the start need not hear that it was closed before.
    this.#started.catch(() => undefined)
  }

  get status(): SubscriberStatus {
    return this.#status
  }

  get statistics(): SubscriberStatistics {
    return {
      received: this.#received,
      lost: this.#lost,
      duplicates: this.#duplicates,
      damaged: this.#damaged,
      reconnects: this.#reconnects,
    }
  }

  on<K extends keyof RedisSubscriberEvents>(event: K, listener: RedisSubscriberEvents[K]): void {
    this.#events.on(event, listener)
  }

  once<K extends keyof RedisSubscriberEvents>(event: K, listener: RedisSubscriberEvents[K]): void {
    this.#events.once(event, listener)
  }

  off<K extends keyof RedisSubscriberEvents>(event: K, listener: RedisSubscriberEvents[K]): void {
    this.#events.off(event, listener)
  }

  start(): Promise<void> {
    if (!this.#isClosed) this.#running ??= this.#run()
    return this.#started
  }

  async close(): Promise<void> {
    if (!this.#isClosed) {
      const reason = new TapekeeperError('ABORTED', 'the redis subscriber was closed')
      this.#setStatus('closed')
      this.#events.clear()
      this.#closing.abort(reason)
      this.#settleStart?.reject(reason)
      this.#connection?.end()
    }
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#setStatus('connecting')
      const error = await this.#listen()
      if (this.#closing.signal.aborted) return
      if (this.#status === 'listening') this.#reconnects++
      this.#setStatus('away')
      this.#reportOutage(error)
      await sleep(systemClock, backoffDelay(this.#attempt++, RETRY, systemRandom), this.#closing.signal).catch(() => undefined)
    }
  }

  /** @returns why it ended. */
  async #listen(): Promise<unknown> {
    let connection: RedisConnection | undefined
    try {
      connection = this.#connection = await this.#connector.open()
      if (this.#isClosed) return undefined
      return await this.#source.listen(connection, this.#hooks)
    } catch (error) {
      return error
    } finally {
      connection?.end()
      this.#connection = undefined
    }
  }

  #listens(): void {
    if (this.#isClosed) return
    this.#attempt = 0
    this.#isOutageReported = false
    this.#settleStart?.resolve()
    this.#setStatus('listening')
  }

  #reportOutage(error: unknown): void {
    if (this.#isOutageReported) return
    this.#isOutageReported = true
    this.#report(this.#connector.fault(error))
  }

  #reportRefusal(what: string, error: unknown): void {
    if (this.#isClosed) return
    const { message } = this.#connector.fault(error)
    this.#report(new TapekeeperError('OUTPUT_FAILED', `${what} cannot be read, it is tried again: ${message}`))
  }

  #take(text: string, id: string | undefined): void {
    if (this.#isClosed) return
    const message = this.#read(text)
    if (message === undefined) return
    const parts = parseStream(message.stream)
    if (parts === undefined || !this.#options.streams.some((filter) => matchesStream(filter, parts))) return
    if (!this.#isNews(message)) return
    this.#received++
    const { stream, session, sequence, payload } = message
    const meta = { stream, session, sequence, id }
    if (payload.type === 'point') this.#events.emit('point', payload.point, meta)
    else this.#events.emit('gap', payload.gap, meta)
  }

  #read(text: string): OutputMessage | undefined {
    try {
      return messageFromJson(text)
    } catch (error) {
      this.#reportDamage(messageOf(error), error)
      return undefined
    }
  }

  #isNews(message: OutputMessage): boolean {
    const { stream, session, sequence } = message
    const at = systemClock.now()
    const verdict = this.#watch.see(message)
    switch (verdict.kind) {
      case 'next':
        return true
      case 'duplicate':
        this.#duplicates++
        return false
      case 'session':
        this.#events.emit('session', { stream, session, firstSequence: sequence, previous: verdict.previous, at })
        return true
      case 'loss': {
        const { from: fromSequence, to: toSequence } = verdict
        const missing = toSequence - fromSequence + 1
        this.#lost += missing
        this.#events.emit('loss', { stream, session, fromSequence, toSequence, missing, at })
        return true
      }
      default:
        return verdict satisfies never
    }
  }

  #placeOf(text: string): PastPlace {
    try {
      const message = messageFromJson(text)
      if (this.#watch.hasReached(message)) return 'reached'
      return this.#watch.isOutdated(message) ? 'outdated' : 'unknown'
    } catch {
      return 'unknown'
    }
  }

  #reportDamage(what: string, cause: unknown): void {
    this.#damaged++
    const message = `redis ${this.#connector.place}: a message cannot be read: ${what.slice(0, 300)}`
    this.#report(new TapekeeperError('FRAME_INVALID', message, {}, cause === undefined ? undefined : { cause }))
  }

  #listenerFailed(error: unknown, event: string): void {
    const message = `a listener of '${event}' failed: ${messageOf(error)}`
    const fault = new TapekeeperError('CALLBACK_FAILED', message, { event }, { cause: error })
    // A listener of errors that fails would be told of its own failure for ever.
    if (event === 'error') this.#logger.error(message, { code: fault.code })
    else this.#report(fault)
  }

  #report(error: TapekeeperError): void {
    if (this.#events.listenerCount('error') > 0) this.#events.emit('error', error)
    else this.#logger.warn(error.message, { code: error.code })
  }

  #setStatus(status: SubscriberStatus): void {
    if (this.#status === status) return
    this.#status = status
    this.#events.emit('status', status)
  }
}
