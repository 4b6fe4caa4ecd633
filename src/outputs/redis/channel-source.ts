import { sleep, systemClock } from '../../ports/clock.ts'
import { systemRandom } from '../../ports/random.ts'
import { encodeName, type StreamFilter } from '../stream-name.ts'
import type { RedisConnection } from './redis-connection.ts'
import { isOfTheServer } from './refusal.ts'
import { RefusedStreams } from './refused-streams.ts'
import type { Source, SourceHooks } from './source.ts'

/** A connection that died without a word is found by this. Milliseconds. */
const PING_EVERY_MS = 5_000

/** Listens to channels: what is published while nobody listens is gone, and shows in the numbers. */
export class ChannelSource implements Source {
  readonly #patterns: readonly string[]

  constructor(prefix: string, filters: readonly StreamFilter[]) {
    this.#patterns = [...new Set(filters.map((filter) => patternOf(prefix, filter)))]
  }

  async listen(connection: RedisConnection, hooks: SourceHooks): Promise<never> {
    // What may not be listened to is known by the connection.
    const refused = new RefusedStreams(systemClock, systemRandom)
    const refusals = new Map<string, unknown>()
    const subscribe = async (pattern: string): Promise<void> => {
      try {
        await connection.listen([pattern], (text) => hooks.onText(text, undefined))
        refused.answered(pattern)
      } catch (error) {
        if (connection.lost.aborted || isOfTheServer(error)) throw error
        refused.refused(pattern)
        refusals.set(pattern, error)
      }
    }
    for (const pattern of this.#patterns) await subscribe(pattern)
    const [first] = refusals.values()
    if (refusals.size === this.#patterns.length) throw first
    for (const [pattern, error] of refusals) hooks.onRefused(`the channels ${pattern}`, error)
    hooks.onListening()
    for (;;) {
      await sleep(systemClock, PING_EVERY_MS, connection.lost)
      await connection.run(['PING'])
      for (const pattern of refused.due()) await subscribe(pattern)
    }
  }
}

/** Names are more than a pattern can tell apart: what else it matches is left out by its stream's name. */
function patternOf(prefix: string, { exchange, symbol, dataType, timeframe }: StreamFilter): string {
  const part = (name: string | undefined): string => (name === undefined ? '*' : escapeGlob(encodeName(name)))
  const kind = dataType === 'candle' ? `candle:${timeframe ?? '*'}` : (dataType ?? '*')
  return `${escapeGlob(prefix)}:${part(exchange)}:${part(symbol)}:${kind}`
}

const escapeGlob = (text: string): string => text.replace(/[\\*?[\]]/g, '\\$&')
