import { sleep, systemClock } from '../../ports/clock.ts'
import { encodeName, type StreamFilter } from '../stream-name.ts'
import type { RedisConnection } from './redis-connection.ts'
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
    await connection.listen(this.#patterns, (text) => hooks.onText(text, undefined))
    hooks.onListening()
    for (;;) {
      await sleep(systemClock, PING_EVERY_MS, connection.lost)
      await connection.run(['PING'])
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
