import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { AbortListener } from '../../ports/on-abort.ts'
import { messageToJson } from '../message-json.ts'
import type { Output, OutputMessage } from '../output.ts'
import { appendCommand, type Append } from './append-script.ts'
import type { RedisConnection } from './redis-connection.ts'
import { RedisConnector } from './redis-connector.ts'
import { parseOutputOptions, type RedisOutputOptions, type ResolvedOutputOptions } from './redis-options.ts'

type Command = readonly string[]

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
  #connection: Promise<RedisConnection> | undefined
  #isClosed = false

  constructor(options: ResolvedOutputOptions) {
    this.#options = options
    this.#connector = new RedisConnector(options)
    this.dataTypes = options.dataTypes
  }

  async publish(messages: readonly OutputMessage[]): Promise<void> {
    const commands = commandsOf(messages, this.#options)
    if (commands.length === 0) return
    const connection = await this.#open()
    try {
      await connection.transaction(commands)
    } catch (error) {
      // Also when the server answered with a refusal: the next attempt may find another server behind the same address.
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

/** @throws TapekeeperError `ROW_REJECTED` when one of them cannot be written as JSON. */
function commandsOf(messages: readonly OutputMessage[], options: ResolvedOutputOptions): readonly Command[] {
  const { prefix, channels, streams } = options
  const texts = messages.map((message) => ({ ...message, text: textOf(message) }))
  const published = texts.map(({ stream, text }): Command => ['PUBLISH', `${prefix}:${stream}`, text])
  if (streams === false) return published
  const appends = new Map<string, Append & { messages: Append['messages'][number][] }>()
  for (const { stream, session, sequence, text } of texts) {
    const key = JSON.stringify([stream, session])
    const append = appends.get(key) ?? { prefix, stream, session, maxLength: streams.maxLength, messages: [] }
    append.messages.push({ sequence, text })
    appends.set(key, append)
  }
  // Kept first, then told: whoever hears of a message finds it.
  return [...[...appends.values()].map(appendCommand), ...(channels ? published : [])]
}

function textOf(message: OutputMessage): string {
  try {
    return messageToJson(message)
  } catch (error) {
    const { stream, sequence } = message
    throw new TapekeeperError('ROW_REJECTED', `no JSON: ${messageOf(error)}`, { stream, sequence }, { cause: error })
  }
}
