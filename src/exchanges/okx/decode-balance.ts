import type { PointOf } from '../../domain/market-data.ts'
import { epochMs, fault, isBlank, signedFigureOf, timeFault } from './fields.ts'

/** OKX's longest currency names have about 12 characters. */
const LONGEST_CURRENCY = 32

/**
 * One asset of `account`: a row of `data[].details`, or what is wrong with it.
 * Shape:  { ccy, cashBal, availBal, frozenBal, uTime, … }; "" where the account mode does not show a figure
 * Units:  the asset itself, negative when borrowed; uTime in epoch milliseconds
 * Source: OKX v5 docs, "Account channel", read 2026-09
 *
 * `accountTime` stands in for an asset that has no `uTime` of its own.
 */
export function decodeBalance(
  row: Readonly<Record<string, unknown>>,
  accountTime: unknown,
  receivedAt: number,
): PointOf<'balance'> | string {
  const { ccy } = row
  if (typeof ccy !== 'string' || ccy.length === 0 || ccy.length > LONGEST_CURRENCY) return fault('ccy', ccy, 'a currency')
  const availBal = signedFigureOf(row.availBal)
  if (availBal === undefined) return wrong('availBal', row.availBal)
  const frozenBal = signedFigureOf(row.frozenBal)
  if (frozenBal === undefined) return wrong('frozenBal', row.frozenBal)
  const cashBal = signedFigureOf(row.cashBal)
  if (cashBal === undefined) return wrong('cashBal', row.cashBal)
  const time = isBlank(row.uTime) ? accountTime : row.uTime
  const timestamp = epochMs(time)
  if (timestamp === 0) return timeFault('uTime', time)
  return {
    exchange: 'okx',
    symbol: ccy,
    dataType: 'balance',
    timestamp,
    receivedAt,
    data: { asset: ccy, free: availBal || undefined, locked: frozenBal || undefined, total: cashBal || undefined },
  }
}

function wrong(field: string, value: unknown): string {
  return fault(field, value, 'a plain decimal number or ""')
}
