import { isZero, type DecimalString } from '../../domain/decimal.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { epochMs, fault, figureOf, timeFault } from './fields.ts'

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
  const last = figureOf(row.last)
  if (last === undefined) return wrong('last', row.last)
  const bidPx = figureOf(row.bidPx)
  if (bidPx === undefined) return wrong('bidPx', row.bidPx)
  const bidSz = figureOf(row.bidSz)
  if (bidSz === undefined) return wrong('bidSz', row.bidSz)
  const askPx = figureOf(row.askPx)
  if (askPx === undefined) return wrong('askPx', row.askPx)
  const askSz = figureOf(row.askSz)
  if (askSz === undefined) return wrong('askSz', row.askSz)
  const open24h = figureOf(row.open24h)
  if (open24h === undefined) return wrong('open24h', row.open24h)
  const high24h = figureOf(row.high24h)
  if (high24h === undefined) return wrong('high24h', row.high24h)
  const low24h = figureOf(row.low24h)
  if (low24h === undefined) return wrong('low24h', row.low24h)
  const vol24h = figureOf(row.vol24h)
  if (vol24h === undefined) return wrong('vol24h', row.vol24h)
  const volCcy24h = figureOf(row.volCcy24h)
  if (volCcy24h === undefined) return wrong('volCcy24h', row.volCcy24h)
  const timestamp = epochMs(row.ts)
  if (timestamp === 0) return timeFault('ts', row.ts)
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

/** The one place that makes ticker points, so that all have one hidden class. A price with nothing behind it is nobody's quote. */
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
  const bids = bidSize === undefined || !isZero(bidSize)
  const asks = askSize === undefined || !isZero(askSize)
  const data = {
    last,
    bid: bids ? bid : undefined,
    bidSize: bids ? bidSize : undefined,
    ask: asks ? ask : undefined,
    askSize: asks ? askSize : undefined,
    open24h,
    high24h,
    low24h,
    volume24h,
    quoteVolume24h,
  }
  return { exchange: 'okx', symbol, dataType: 'ticker', timestamp, receivedAt, data }
}

function wrong(field: string, value: unknown): string {
  return fault(field, value, 'a plain decimal number or ""')
}
