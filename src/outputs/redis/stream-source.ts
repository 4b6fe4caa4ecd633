import { z } from 'zod'
import { systemRandom } from '../../ports/random.ts'
import { sleep, systemClock } from '../../ports/clock.ts'
import { matchesStream, parseStream, type StreamFilter } from '../stream-name.ts'
import { directoryKey, MESSAGE_FIELD, streamKey } from './append-script.ts'
import type { RedisConnection } from './redis-connection.ts'
import { isOfTheServer } from './refusal.ts'
import { RefusedStreams } from './refused-streams.ts'
import type { Source, SourceHooks } from './source.ts'

/** How long one read waits for news, and how often new streams are looked for. Milliseconds. */
const BLOCK_MS = 1_000
/** Entries of each stream in one read. */
const COUNT = '500'
const BEGINNING = '0-0'
/** Among the streams that cannot be read; no name of a stream. */
const DIRECTORY = 'the list of streams'

const entry = z.tuple([z.string(), z.array(z.string()).nullable()])
const entries = z.array(entry)
const reply = z.array(z.tuple([z.string(), entries])).nullable()
const names = z.array(z.string())

interface StreamSourceOptions {
  readonly prefix: string
  readonly filters: readonly StreamFilter[]
  /** `now`, `beginning`, or the id of an entry. */
  readonly start: string
  readonly placeOf: (text: string) => PastPlace
}

/**
 * Where a message of a stream that is read a second time stands: older than what the stream has shown and never shown; as far as it was
 * shown, or farther; or neither is known.
 */
export type PastPlace = 'outdated' | 'reached' | 'unknown'

/** Reads Redis streams from where it stopped: only what Redis has forgotten meanwhile is lost, and shows in the numbers. */
export class StreamSource implements Source {
  readonly #options: StreamSourceOptions
  /** Stream -> the entry behind which the next read begins. */
  readonly #positions = new Map<string, string>()
  /** Stream -> the entry up to which it is read a second time. */
  readonly #rereadUntil = new Map<string, string>()
  readonly #refused = new RefusedStreams(systemClock, systemRandom)
  #isStarted = false

  constructor(options: StreamSourceOptions) {
    this.#options = options
  }

  async listen(connection: RedisConnection, hooks: SourceHooks): Promise<never> {
    await this.#checkPositions(connection, hooks)
    await this.#discover(connection, hooks)
    hooks.onListening()
    let discoveredAt = systemClock.elapsed()
    for (;;) {
      if (this.#readable().length === 0) await sleep(systemClock, BLOCK_MS, connection.lost)
      else await this.#read(connection, hooks)
      if (systemClock.elapsed() - discoveredAt < BLOCK_MS) continue
      await this.#discover(connection, hooks)
      await this.#retryRefused(connection, hooks)
      discoveredAt = systemClock.elapsed()
    }
  }

  #readable(): readonly (readonly [stream: string, position: string])[] {
    return [...this.#positions].filter(([stream]) => !this.#refused.has(stream))
  }

  /** A stream that begins after us is read from its beginning. */
  async #discover(connection: RedisConnection, hooks: SourceHooks): Promise<void> {
    const { filters, start } = this.#options
    const found = await this.#directory(connection, hooks)
    const isNews = (stream: string): boolean => {
      const parts = parseStream(stream)
      return parts !== undefined && !this.#positions.has(stream) && filters.some((filter) => matchesStream(filter, parts))
    }
    const positionOf = async (stream: string): Promise<string> => {
      if (start === 'beginning') return BEGINNING
      if (start !== 'now') return start
      // One that cannot be read has shown nothing: once it can, what it has by then counts as new.
      return this.#isStarted ? BEGINNING : ((await this.#lastEntry(connection, stream, hooks)) ?? BEGINNING)
    }
    const positions = await Promise.all(found.filter(isNews).map(async (stream) => [stream, await positionOf(stream)] as const))
    for (const [stream, position] of positions) this.#positions.set(stream, position)
    this.#isStarted = true
  }

  /** The names of all streams; none while it cannot be read, and those that are known go on. */
  async #directory(connection: RedisConnection, hooks: SourceHooks): Promise<readonly string[]> {
    if (this.#refused.has(DIRECTORY) && !this.#refused.due().includes(DIRECTORY)) return []
    try {
      const found = names.parse(await connection.run(['SMEMBERS', directoryKey(this.#options.prefix)]))
      this.#refused.answered(DIRECTORY)
      return found
    } catch (error) {
      if (connection.lost.aborted || isOfTheServer(error)) throw error
      if (this.#refused.refused(DIRECTORY)) hooks.onRefused(DIRECTORY, error)
      return []
    }
  }

  /**
   * A Redis that lost its data, or has older data now, may number entries below our position, when its clock is behind. Then the
   * stream is read again from its beginning; what came before is known by its numbers.
   */
  async #checkPositions(connection: RedisConnection, hooks: SourceHooks): Promise<void> {
    const check = async ([stream, position]: readonly [string, string]): Promise<void> => {
      const last = await this.#lastEntry(connection, stream, hooks)
      if (this.#refused.has(stream)) return
      if (last !== undefined && !isBehind(last, position)) return
      this.#positions.set(stream, BEGINNING)
      if (last !== undefined) this.#rereadUntil.set(stream, last)
    }
    await Promise.all([...this.#positions].map(check))
  }

  /** Undefined also for a stream that cannot be read; then it is refused. */
  async #lastEntry(connection: RedisConnection, stream: string, hooks: SourceHooks): Promise<string | undefined> {
    const key = streamKey(this.#options.prefix, stream)
    try {
      const [last] = entries.parse(await connection.run(['XREVRANGE', key, '+', '-', 'COUNT', '1']))
      this.#refused.answered(stream)
      return last?.[0]
    } catch (error) {
      if (connection.lost.aborted || isOfTheServer(error)) throw error
      if (this.#refused.refused(stream)) hooks.onRefused(stream, error)
      return undefined
    }
  }

  async #retryRefused(connection: RedisConnection, hooks: SourceHooks): Promise<void> {
    for (const stream of this.#refused.due()) if (stream !== DIRECTORY) await this.#lastEntry(connection, stream, hooks)
  }

  async #read(connection: RedisConnection, hooks: SourceHooks): Promise<void> {
    const { prefix } = this.#options
    const readable = this.#readable()
    const keys = new Map(readable.map(([stream]) => [streamKey(prefix, stream), stream]))
    const positions = readable.map(([, position]) => position)
    const command = ['XREAD', 'COUNT', COUNT, 'BLOCK', String(BLOCK_MS), 'STREAMS', ...keys.keys(), ...positions]
    for (const [key, found] of await this.#answerTo(command, connection, hooks)) {
      const stream = keys.get(key)
      if (stream === undefined) continue
      for (const [id, fields] of found) {
        // Moved on before it is handed out: an entry that hurts must not come again.
        this.#positions.set(stream, id)
        this.#handOut(stream, id, fields ?? [], hooks)
      }
    }
  }

  /** One stream that cannot be read spoils the answer for all: it is looked for, and left out from then on. */
  async #answerTo(
    command: readonly string[],
    connection: RedisConnection,
    hooks: SourceHooks,
  ): Promise<NonNullable<z.output<typeof reply>>> {
    try {
      return reply.parse(await connection.run(command, BLOCK_MS)) ?? []
    } catch (error) {
      if (connection.lost.aborted || isOfTheServer(error)) throw error
      const before = this.#refused.count
      for (const [stream] of this.#readable()) await this.#lastEntry(connection, stream, hooks)
      if (this.#refused.count === before) throw error
      return []
    }
  }

  #handOut(stream: string, id: string, fields: readonly string[], hooks: SourceHooks): void {
    const at = fields.findIndex((field, index) => index % 2 === 0 && field === MESSAGE_FIELD)
    const text = at < 0 ? undefined : fields[at + 1]
    if (text === undefined) {
      hooks.onDamaged(`entry ${id} of ${stream} has no field '${MESSAGE_FIELD}'`)
      return
    }
    const until = this.#rereadUntil.get(stream)
    if (until !== undefined) {
      const place = isBehind(until, id) ? 'reached' : this.#options.placeOf(text)
      if (place === 'reached') this.#rereadUntil.delete(stream)
      if (place === 'outdated') return
    }
    hooks.onText(text, id)
  }
}

/** The entry `id` stands behind `position`. */
function isBehind(position: string, id: string): boolean {
  const [ms = 0n, count = 0n] = numbersOf(position)
  const [otherMs = 0n, otherCount = 0n] = numbersOf(id)
  return otherMs > ms || (otherMs === ms && otherCount > count)
}

const numbersOf = (id: string): readonly bigint[] => id.split('-').map(BigInt)
