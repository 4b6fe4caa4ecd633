import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { AbortListener } from '../../ports/on-abort.ts'
import { messageToJson } from '../message-json.ts'
import type { Output, OutputMessage, PublishFailure } from '../output.ts'
import { appendCommand, type Append } from './append-script.ts'
import type { RedisConnection } from './redis-connection.ts'
import { RedisConnector } from './redis-connector.ts'
import { parseOutputOptions, type RedisOutputOptions, type ResolvedOutputOptions } from './redis-options.ts'
import { isOfTheServer } from './refusal.ts'

/**
 * Publishes points and gaps to Redis, as JSON with numbers by which subscribers see what they missed: to channels, to streams, or both.
 * It connects when there is something to publish, and again after a loss. One output may serve many collectors.
 *
 * @throws TapekeeperError `CONFIG_INVALID`.
 * @example
 * ```ts
 * import { createOkxCollector } from 'tapekeeper'
 * import { createRedisOutput } from 'tapekeeper/redis'
 * const output = createRedisOutput({ url: 'redis://127.0.0.1:6379', streams: { maxLength: 10_000 } })
 * const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], outputs: [output] })
 * await collector.start()
 * // … and at the end:
 * await collector.stop()
 * await output.close()
 * ```
 */
export function createRedisOutput(options: RedisOutputOptions = {}): Output {
  return new RedisOutput(parseOutputOptions(options))
}

class RedisOutput implements Output {
  readonly name = 'redis'
  readonly dataTypes: Output['dataTypes']
  readonly #options: ResolvedOutputOptions
  readonly #connector: RedisConnector
  /** Messages whose publishing to a channel was answered: they may be given again for the sake of their stream. */
  readonly #told = new WeakSet<OutputMessage>()
  #connection: Promise<RedisConnection> | undefined
  #isClosed = false

  constructor(options: ResolvedOutputOptions) {
    this.#options = options
    this.#connector = new RedisConnector(options)
    this.dataTypes = options.dataTypes
  }

  /** Kept first, then told: whoever hears of a message finds it. */
  async publish(messages: readonly OutputMessage[]): Promise<readonly PublishFailure[]> {
    const failures = new Map<OutputMessage, Error>()
    const texts = textsOf(messages, failures)
    if (texts.length > 0) await this.#with((connection) => this.#append(connection, texts, failures))
    return [...failures, ...(await this.#tell(texts))].map(([message, error]) => ({ message, error }))
  }

  async tell(messages: readonly OutputMessage[]): Promise<void> {
    await this.#tell(textsOf(messages, new Map()))
  }

  async #append(connection: RedisConnection, texts: readonly MessageText[], failures: Map<OutputMessage, Error>): Promise<void> {
    const { prefix, streams } = this.#options
    if (streams === false) return
    const appends = appendsOf(texts, prefix, streams.maxLength)
    await this.#send(connection, appends.map(appendCommand), (index, refusal) => {
      if (refusal === undefined) return
      for (const { message } of appends[index]?.messages ?? []) failures.set(message, refusal)
    })
  }

  /** On its channel, each message once for each answer that Redis has given. */
  async #tell(texts: readonly MessageText[]): Promise<ReadonlyMap<OutputMessage, Error>> {
    const failures = new Map<OutputMessage, Error>()
    const { prefix, channels } = this.#options
    const untold = channels ? texts.filter(({ message }) => !this.#told.has(message)) : []
    if (untold.length === 0) return failures
    const commands = untold.map(({ message, text }) => ['PUBLISH', `${prefix}:${message.stream}`, text])
    await this.#with((connection) =>
      this.#send(connection, commands, (index, refusal) => {
        const message = untold[index]?.message
        if (message === undefined) return
        if (refusal === undefined) this.#told.add(message)
        else failures.set(message, refusal)
      }),
    )
    return failures
  }

  /** What the server says of itself ends the connection: the next one may find another server behind the same address. */
  async #send(
    connection: RedisConnection,
    commands: readonly (readonly string[])[],
    onReply: (index: number, refusal: Error | undefined) => void,
  ): Promise<void> {
    let ofTheServer: Error | undefined
    await connection.pipeline(commands, (index, refusal) => {
      if (refusal !== undefined && isOfTheServer(refusal)) ofTheServer ??= refusal
      onReply(index, refusal && this.#connector.fault(refusal))
    })
    if (ofTheServer !== undefined) throw ofTheServer
  }

  async #with(task: (connection: RedisConnection) => Promise<void>): Promise<void> {
    const connection = await this.#open()
    try {
      await task(connection)
    } catch (error) {
      connection.end()
      throw this.#connector.fault(error)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const connection = await this.#connection?.catch(() => undefined)
    connection?.end()
  }

  /** The connection there is, or a new one; several publishers may ask at the same time. */
  #open(): Promise<RedisConnection> {
    if (this.#isClosed) return Promise.reject(new TapekeeperError('OUTPUT_FAILED', 'redis: the output was closed'))
    if (this.#connection !== undefined) return this.#connection
    const opening = (this.#connection = this.#connector.open())
    const forget = (): void => {
      if (this.#connection === opening) this.#connection = undefined
    }
    opening.then(({ lost }) => new AbortListener(lost, forget).listen(), forget)
    return opening
  }
}

interface MessageText {
  readonly message: OutputMessage
  readonly text: string
}

/** What cannot be written as JSON is rejected alone. */
function textsOf(messages: readonly OutputMessage[], failures: Map<OutputMessage, Error>): readonly MessageText[] {
  return messages.flatMap((message) => {
    try {
      return [{ message, text: messageToJson(message) }]
    } catch (error) {
      const { stream, sequence } = message
      const context = { stream, sequence }
      failures.set(message, new TapekeeperError('ROW_REJECTED', `no JSON: ${messageOf(error)}`, context, { cause: error }))
      return []
    }
  })
}

type StreamAppend = Append & { readonly messages: readonly (Append['messages'][number] & { readonly message: OutputMessage })[] }

/** One for each stream of each session. */
function appendsOf(texts: readonly MessageText[], prefix: string, maxLength: number): readonly StreamAppend[] {
  const appends = new Map<string, StreamAppend & { messages: StreamAppend['messages'][number][] }>()
  for (const { message, text } of texts) {
    const { stream, session, sequence } = message
    const key = JSON.stringify([stream, session])
    const append = appends.get(key) ?? { prefix, stream, session, maxLength, messages: [] }
    append.messages.push({ sequence, text, message })
    appends.set(key, append)
  }
  return [...appends.values()]
}
