import type { DecimalString } from '../../domain/decimal.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { epochMs, fault, isDecimalOrBlank } from './fields.ts'

/**
 * One row of `tickers`, or what is wrong with it.
 * Shape:  { instType, instId, last, lastSz, askPx, askSz, bidPx, bidSz, open24h, high24h, low24h, vol24h, volCcy24h, ts };
 *         "" where there was no quote or trade
 * Units:  vol24h in base currency on spot and in contracts on derivatives; volCcy24h in quote currency on spot and in *base*
 *         currency on derivatives, where it is therefore no quote volume; ts in epoch milliseconds
 * Source: OKX v5 docs, "Tickers channel", read 2026-09
 */
export function decodeTicker(
  row: Readonly<Record<string, unknown>>,
  symbol: string,
  receivedAt: number,
): PointOf<'ticker'> | string {
  const { last, bidPx, bidSz, askPx, askSz, open24h, high24h, low24h, vol24h, volCcy24h } = row
  if (!isDecimalOrBlank(last)) return wrong('last', last)
  if (!isDecimalOrBlank(bidPx)) return wrong('bidPx', bidPx)
  if (!isDecimalOrBlank(bidSz)) return wrong('bidSz', bidSz)
  if (!isDecimalOrBlank(askPx)) return wrong('askPx', askPx)
  if (!isDecimalOrBlank(askSz)) return wrong('askSz', askSz)
  if (!isDecimalOrBlank(open24h)) return wrong('open24h', open24h)
  if (!isDecimalOrBlank(high24h)) return wrong('high24h', high24h)
  if (!isDecimalOrBlank(low24h)) return wrong('low24h', low24h)
  if (!isDecimalOrBlank(vol24h)) return wrong('vol24h', vol24h)
  if (!isDecimalOrBlank(volCcy24h)) return wrong('volCcy24h', volCcy24h)
  const timestamp = epochMs(row.ts)
  if (timestamp === 0) return fault('ts', row.ts, 'epoch milliseconds')
  return tickerPoint(
    symbol,
    timestamp,
    receivedAt,
    last || undefined,
    bidPx || undefined,
    bidSz || undefined,
    askPx || undefined,
    askSz || undefined,
    open24h || undefined,
    high24h || undefined,
    low24h || undefined,
    vol24h || undefined,
    row.instType === 'SPOT' ? volCcy24h || undefined : undefined,
  )
}

type Figure = DecimalString | undefined

/** The one place that makes ticker points, so that all have one hidden class. */
export function tickerPoint(
  symbol: string,
  timestamp: number,
  receivedAt: number,
  last: Figure,
  bid: Figure,
  bidSize: Figure,
  ask: Figure,
  askSize: Figure,
  open24h: Figure,
  high24h: Figure,
  low24h: Figure,
  volume24h: Figure,
  quoteVolume24h: Figure,
): PointOf<'ticker'> {
  const data = { last, bid, bidSize, ask, askSize, open24h, high24h, low24h, volume24h, quoteVolume24h }
  return { exchange: 'okx', symbol, dataType: 'ticker', timestamp, receivedAt, data }
}

function wrong(field: string, value: unknown): string {
  return fault(field, value, 'a plain decimal number or ""')
}
