import { decimal, isUnsignedDecimal } from '../../domain/decimal.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { closeTimeOf, timeframeMs, type CandleTimeframe } from '../../domain/timeframe.ts'
import { epochMs, fault, figureOf, timeFault } from './fields.ts'

/** Longer timeframes do not count from the epoch (a week opens on Monday), so their opening cannot be checked by division. */
const LONGEST_FROM_EPOCH_MS = 86_400_000

/**
 * One row of a `candle…` channel (or of REST candles: the same nine strings), or what is wrong with it.
 * Shape:  [openTime, open, high, low, close, vol, volCcy, volCcyQuote, confirm]; `confirm` "1" when the candle is closed
 * Units:  openTime in epoch milliseconds; vol in base currency on spot and in contracts on derivatives; volCcyQuote in quote
 *         currency (volCcy is quote on spot but base on derivatives, and is not read)
 * Source: OKX v5 docs, "Candlesticks channel", read 2026-09
 */
export function decodeCandle(
  row: readonly unknown[],
  timeframe: CandleTimeframe,
  symbol: string,
  receivedAt: number,
): PointOf<'candle'> | string {
  const [at, open, high, low, close, volume, , volCcyQuote, confirm] = row
  const openTime = epochMs(at)
  if (openTime === 0) return timeFault('the opening time', at)
  if (!opensOn(openTime, timeframe)) return fault('the opening time', at, `the start of a ${timeframe} candle`)
  if (!isUnsignedDecimal(open)) return wrong('open', open)
  if (!isUnsignedDecimal(high)) return wrong('high', high)
  if (!isUnsignedDecimal(low)) return wrong('low', low)
  if (!isUnsignedDecimal(close)) return wrong('close', close)
  if (!isUnsignedDecimal(volume)) return wrong('vol', volume)
  const quoteVolume = figureOf(volCcyQuote)
  if (quoteVolume === undefined) return wrong('volCcyQuote', volCcyQuote)
  if (confirm !== '0' && confirm !== '1') return fault('confirm', confirm, '"0" or "1"')
  return {
    exchange: 'okx',
    symbol,
    dataType: 'candle',
    // The row carries no other time.
    timestamp: openTime,
    receivedAt,
    data: {
      exchange: 'okx',
      symbol,
      timeframe,
      openTime,
      closeTime: closeTimeOf(openTime, timeframe),
      open: decimal(open),
      high: decimal(high),
      low: decimal(low),
      close: decimal(close),
      volume: decimal(volume),
      quoteVolume: quoteVolume ? decimal(quoteVolume) : undefined,
      takerBuyVolume: undefined,
      tradesCount: undefined,
      status: confirm === '1' ? 'closed' : 'open',
      complete: true,
      incompleteReason: undefined,
      source: 'exchange',
    },
  }
}

function opensOn(openTime: number, timeframe: CandleTimeframe): boolean {
  const length = timeframeMs(timeframe)
  return length === undefined || length > LONGEST_FROM_EPOCH_MS || openTime % length === 0
}

function wrong(field: string, value: unknown): string {
  return fault(field, value, 'a plain decimal number')
}
