import type { TradeHistory, TradeTarget } from '../../core/exchange-definition.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { decodeTrade } from './decode-trade.ts'
import { isRecord } from './fields.ts'
import { readRows } from './rest-envelope.ts'

const PAGE = 100

/**
 * Single fills over REST, for what the socket did not bring. OKX's ids follow each other per instrument; a row of the `trades`
 * channel stands for `count` of them and carries the last one's id.
 * Source: OKX v5 docs, "Get trades history", read 2026-09: newest first, `after` means older than this id.
 */
export const tradeHistory: TradeHistory = {
  contiguity: 'aggregated',
  async pageBefore(rest, { symbol, nativeSymbol }, beforeId, now, signal) {
    const query = `instId=${encodeURIComponent(nativeSymbol)}&type=1&after=${beforeId}&limit=${PAGE}`
    const rows = await rest.get(`/api/v5/market/history-trades?${query}`, readRows, signal)
    return rows.flatMap((row) => fillOf(row, { symbol, nativeSymbol }, now) ?? [])
  },
  async latest(rest, target, now, signal) {
    const path = `/api/v5/market/trades?instId=${encodeURIComponent(target.nativeSymbol)}&limit=1`
    const [row] = await rest.get(path, readRows, signal)
    return fillOf(row, target, now)
  },
}

/** A row of another instrument would be a wrong answer that looks right. */
function fillOf(row: unknown, { symbol, nativeSymbol }: TradeTarget, now: number): PointOf<'trade'> | undefined {
  if (!isRecord(row) || row.instId !== nativeSymbol) return undefined
  const point = decodeTrade(row, symbol, now)
  return typeof point === 'string' ? undefined : backfilled(point)
}

const backfilled = (point: PointOf<'trade'>): PointOf<'trade'> => ({ ...point, data: { ...point.data, backfilled: true } })
