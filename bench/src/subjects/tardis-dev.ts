import { installedVersion } from '../installed.ts'
import type { Channel, Subject } from './subject.ts'

interface Normalized {
  readonly timestamp: Date
}
interface Mapper {
  canHandle(message: unknown): boolean
  map(message: unknown, localTimestamp: Date): IterableIterator<Normalized>
}
type CreateMapper = (exchange: 'okex', localTimestamp: Date) => Mapper
interface TardisModule {
  readonly normalizeTrades: CreateMapper
  readonly normalizeBookChanges: CreateMapper
  readonly normalizeBookTickers: CreateMapper
}

/** tardis-dev chooses the channel of its book ticker by the date: before this day `tickers`, today `bbo-tbt`. */
const WHEN_TICKERS_WERE_MAPPED = new Date('2022-01-01T00:00:00.000Z')

export async function tardisDev(channel: Channel): Promise<Subject> {
  const module = (await import('tardis-dev')) as unknown as TardisModule
  const localTimestamp = new Date()
  const mappers: Record<Channel, Mapper> = {
    trades: module.normalizeTrades('okex', localTimestamp),
    tickers: module.normalizeBookTickers('okex', WHEN_TICKERS_WERE_MAPPED),
    books: module.normalizeBookChanges('okex', localTimestamp),
    books5: module.normalizeBookChanges('okex', localTimestamp),
  }
  const mapper = mappers[channel]
  let last: Normalized | undefined
  return {
    name: 'tardis-dev',
    version: installedVersion('tardis-dev'),
    path: '`JSON.parse(text)`, `mapper.canHandle(message)`, `mapper.map(message, localTimestamp)` consumed to its end; the async iteration around it is left out. Its ticker mapper is the one for data before May 2022, because that of today reads `bbo-tbt` instead',
    lacks: (wanted) => (wanted === 'books5' ? 'its OKX book mapper takes `books` and the tick-by-tick channels only' : undefined),
    consume(text) {
      const message: unknown = JSON.parse(text)
      let delivered = 0
      if (!mapper.canHandle(message)) return delivered
      for (const item of mapper.map(message, localTimestamp)) {
        last = item
        delivered++
      }
      return delivered
    },
    lastTimestamp: () => Number(last?.timestamp),
  }
}
