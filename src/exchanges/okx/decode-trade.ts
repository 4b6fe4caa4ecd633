import { isUnsignedDecimal } from '../../domain/decimal.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { epochMs, fault, integerOf, isBlank, isDigits, timeFault } from './fields.ts'

/**
 * One row of `trades` or `trades-all`, or what is wrong with it.
 * Shape:  { instId, tradeId, px, sz, side, ts, count?, source?, seqId? }; `count` only on `trades`, and not in frames before 2024;
 *         `source` and `seqId` are not read
 * Units:  px in quote currency, sz in base currency on spot and in contracts on derivatives, ts in epoch milliseconds
 * Source: OKX v5 docs, "Trades channel", "All trades channel", read 2026-09
 */
export function decodeTrade(
  row: Readonly<Record<string, unknown>>,
  symbol: string,
  receivedAt: number,
): PointOf<'trade'> | string {
  const { tradeId: id, px: price, sz: size, side } = row
  if (!isDigits(id)) return fault('tradeId', id, 'an id of digits')
  if (!isUnsignedDecimal(price)) return fault('px', price, 'a plain decimal number')
  if (!isUnsignedDecimal(size)) return fault('sz', size, 'a plain decimal number')
  if (side !== 'buy' && side !== 'sell') return fault('side', side, 'buy or sell')
  const timestamp = epochMs(row.ts)
  if (timestamp === 0) return timeFault('ts', row.ts)
  const count = countOf(row.count)
  if (count !== undefined && !(count >= 1)) return fault('count', row.count, 'a number of fills')
  return tradePoint(symbol, timestamp, receivedAt, id, price, size, side, count)
}

/** A count that cannot be read is no count of 1: the row may stand for fills that would be taken for missing. */
function countOf(value: unknown): number | undefined {
  if (isBlank(value)) return undefined
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : integerOf(value)
}

/** The one place that makes trade points, so that all have one hidden class. */
export function tradePoint(
  symbol: string,
  timestamp: number,
  receivedAt: number,
  id: string,
  price: PointOf<'trade'>['data']['price'],
  size: PointOf<'trade'>['data']['size'],
  side: PointOf<'trade'>['data']['side'],
  count: number | undefined,
): PointOf<'trade'> {
  const data = { id, price, size, side, count, backfilled: false }
  return { exchange: 'okx', symbol, dataType: 'trade', timestamp, receivedAt, data }
}
