import type { RestClient, RestOutcome } from '../../core/rest-client.ts'
import type { TradeTarget } from '../../core/exchange-definition.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { decodeBook } from './decode-book.ts'
import { fault, isRecord } from './fields.ts'
import { readRows } from './rest-envelope.ts'

/**
 * The book over REST, 400 levels, with the sequence number that joins it to the `books` channel.
 * Source: OKX v5 docs, "Get order book", read 2026-09.
 */
export function loadBook(
  rest: RestClient,
  { symbol, nativeSymbol }: TradeTarget,
  now: () => number,
  signal: AbortSignal,
): Promise<PointOf<'orderbook'>> {
  const query = `instId=${encodeURIComponent(nativeSymbol)}&sz=400&source=0`
  return rest.get(
    `/api/v5/market/books?${query}`,
    (body): RestOutcome<PointOf<'orderbook'>> => {
      const rows = readRows(body)
      if (rows.kind !== 'ok') return rows
      const [row] = rows.data
      const book = isRecord(row) ? decodeBook(row, 'snapshot', true, symbol, now()) : fault('the book', row, 'an object')
      return typeof book === 'string' ? { kind: 'failed', message: book } : { kind: 'ok', data: book }
    },
    signal,
  )
}
