import type { TradeHistory, TradeTarget } from '../../core/exchange-definition.ts'
import type { RestOutcome } from '../../core/rest-client.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { decodeTrade } from './decode-trade.ts'
import { fault, isBlank, isRecord } from './fields.ts'
import { readRows } from './rest-envelope.ts'

const PAGE = 100

/**
 * Single fills over REST, for what the socket did not bring. OKX's ids follow each other per instrument; a row of the `trades`
 * channel stands for `count` of them and carries the last one's id.
 * Source: OKX v5 docs, "Get trades history", read 2026-09: newest first, `after` means older than this id.
 */
export const tradeHistory: TradeHistory = {
  contiguity: 'aggregated',
  pageBefore(rest, target, beforeId, now, signal) {
    const query = `instId=${encodeURIComponent(target.nativeSymbol)}&type=1&after=${beforeId}&limit=${PAGE}`
    return rest.get(`/api/v5/market/history-trades?${query}`, (body) => readFills(body, target, now), signal)
  },
  async latest(rest, target, now, signal) {
    const path = `/api/v5/market/trades?instId=${encodeURIComponent(target.nativeSymbol)}&limit=1`
    const [fill] = await rest.get(path, (body) => readFills(body, target, now), signal)
    return fill
  },
}

/**
 * The fills of an answer that can be read. One that has rows, none of which can be, is a failure: it is no proof that there are no fills.
 */
function readFills(body: unknown, target: TradeTarget, now: number): RestOutcome<readonly PointOf<'trade'>[]> {
  const rows = readRows(body)
  if (rows.kind !== 'ok') return rows
  const fills: PointOf<'trade'>[] = []
  let problem: string | undefined
  for (const row of rows.data) {
    const fill = fillOf(row, target, now)
    if (typeof fill === 'string') problem ??= fill
    else fills.push(fill)
  }
  return fills.length === 0 && problem !== undefined ? { kind: 'failed', message: problem } : { kind: 'ok', data: fills }
}

/** A row of another instrument would be a wrong answer that looks right. */
function fillOf(row: unknown, { symbol, nativeSymbol }: TradeTarget, now: number): PointOf<'trade'> | string {
  if (!isRecord(row)) return fault('the row', row, 'an object')
  if (!isBlank(row.instId) && row.instId !== nativeSymbol) return fault('instId', row.instId, `the ${nativeSymbol} asked for`)
  const point = decodeTrade(row, symbol, now)
  return typeof point === 'string' ? point : { ...point, data: { ...point.data, backfilled: true } }
}
