import type { MarketDataPoint } from 'tapekeeper'
import { loadTapekeeper, type Built } from '../built.ts'
import type { Subject } from './subject.ts'

export async function tapekeeper(built: Built): Promise<Subject> {
  const { createDecoder } = await loadTapekeeper(built)
  const decoder = createDecoder({ exchange: 'okx' })
  const receivedAt = Date.now()
  let last: readonly MarketDataPoint[] = []
  return {
    name: 'tapekeeper',
    version: built.version,
    path: "`createDecoder({ exchange: 'okx' }).decode(text, receivedAt)` of the built package (ESM): text to checked, typed points",
    lacks: () => undefined,
    consume(text) {
      last = decoder.decode(text, receivedAt)
      return last.length
    },
    lastTimestamp: () => Number(last.at(-1)?.timestamp),
  }
}
