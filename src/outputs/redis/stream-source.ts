import { z } from 'zod'
import { sleep, systemClock } from '../../ports/clock.ts'
import { matchesStream, parseStream, type StreamFilter } from '../stream-name.ts'
import { directoryKey, MESSAGE_FIELD, streamKey } from './append-script.ts'
import type { RedisConnection } from './redis-connection.ts'
import type { Source, SourceHooks } from './source.ts'

/** How long one read waits for news, and how often new streams are looked for. Milliseconds. */
const BLOCK_MS = 1_000
/** Entries of each stream in one read. */
const COUNT = '500'
const BEGINNING = '0-0'

const entry = z.tuple([z.string(), z.array(z.string()).nullable()])
const entries = z.array(entry)
const reply = z.array(z.tuple([z.string(), entries])).nullable()
const names = z.array(z.string())

interface StreamSourceOptions {
  readonly prefix: string
  readonly filters: readonly StreamFilter[]
  /** `now`, `beginning`, or the id of an entry. */
  readonly start: string
  /** True for a message that is older than what this stream has shown already, and was never shown. */
  readonly isOutdated: (text: string) => boolean
}

/** Reads Redis streams from where it stopped: only what Redis has forgotten meanwhile is lost, and shows in the numbers. */
export class StreamSource implements Source {
  readonly #options: StreamSourceOptions
  /** Stream -> the entry behind which the next read begins. */
  readonly #positions = new Map<string, string>()
  /** Stream -> the entry up to which it is read a second time. */
  readonly #rereadUntil = new Map<string, string>()
  #isStarted = false

  constructor(options: StreamSourceOptions) {
    this.#options = options
  }

  async listen(connection: RedisConnection, hooks: SourceHooks): Promise<never> {
    await this.#checkPositions(connection)
    await this.#discover(connection)
    hooks.onListening()
    let discoveredAt = systemClock.now()
    for (;;) {
      if (this.#positions.size === 0) await sleep(systemClock, BLOCK_MS, connection.lost)
      else await this.#read(connection, hooks)
      if (systemClock.now() - discoveredAt < BLOCK_MS) continue
      await this.#discover(connection)
      discoveredAt = systemClock.now()
    }
  }

  /** A stream that begins after us is read from its beginning. */
  async #discover(connection: RedisConnection): Promise<void> {
    const { prefix, filters, start } = this.#options
    const found = names.parse(await connection.run(['SMEMBERS', directoryKey(prefix)]))
    const isNews = (stream: string): boolean => {
      const parts = parseStream(stream)
      return parts !== undefined && !this.#positions.has(stream) && filters.some((filter) => matchesStream(filter, parts))
    }
    const positionOf = async (stream: string): Promise<string> => {
      if (start === 'beginning') return BEGINNING
      if (start !== 'now') return start
      return this.#isStarted ? BEGINNING : ((await this.#lastEntry(connection, stream)) ?? BEGINNING)
    }
    const positions = await Promise.all(found.filter(isNews).map(async (stream) => [stream, await positionOf(stream)] as const))
    for (const [stream, position] of positions) this.#positions.set(stream, position)
    this.#isStarted = true
  }

  /**
   * A Redis that lost its data, or has older data now, may number entries below our position, when its clock is behind. Then the
   * stream is read again from its beginning; what came before is known by its numbers.
   */
  async #checkPositions(connection: RedisConnection): Promise<void> {
    const check = async ([stream, position]: readonly [string, string]): Promise<void> => {
      const last = await this.#lastEntry(connection, stream)
      if (last !== undefined && !isBehind(last, position)) return
      this.#positions.set(stream, BEGINNING)
      if (last !== undefined) this.#rereadUntil.set(stream, last)
    }
    await Promise.all([...this.#positions].map(check))
  }

  async #lastEntry(connection: RedisConnection, stream: string): Promise<string | undefined> {
    const key = streamKey(this.#options.prefix, stream)
    return entries.parse(await connection.run(['XREVRANGE', key, '+', '-', 'COUNT', '1']))[0]?.[0]
  }

  async #read(connection: RedisConnection, hooks: SourceHooks): Promise<void> {
    const { prefix } = this.#options
    const keys = new Map([...this.#positions.keys()].map((stream) => [streamKey(prefix, stream), stream]))
    const command = ['XREAD', 'COUNT', COUNT, 'BLOCK', String(BLOCK_MS), 'STREAMS', ...keys.keys(), ...this.#positions.values()]
    for (const [key, found] of reply.parse(await connection.run(command, BLOCK_MS)) ?? []) {
      const stream = keys.get(key)
      if (stream === undefined) continue
      for (const [id, fields] of found) {
        // Moved on before it is handed out: an entry that hurts must not come again.
        this.#positions.set(stream, id)
        this.#handOut(stream, id, fields ?? [], hooks)
      }
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
    if (until !== undefined && isBehind(until, id)) this.#rereadUntil.delete(stream)
    else if (until !== undefined && this.#options.isOutdated(text)) return
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
