import { Decimal, decimalOfInteger, decimalOfWords } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'
import type { Timeframe } from '../domain/timeframe.ts'
import type { Bar } from './bar.ts'
import type { Exact } from './exact.ts'
import { quoteVolumeBy, type QuoteRule } from './quote-rule.ts'

/** Whose candle it is, and what its sizes count. */
export interface SeriesName {
  readonly exchange: string
  readonly symbol: string
  readonly timeframe: Timeframe
  readonly quoteRule: QuoteRule
}

type Status = OhlcvData['status']

const WORD = 1e7
/** Above, the fourth word of a quote volume could be too large. */
const QUOTE_LIMIT = 9e13
const ZERO = new Decimal(0)

/** What `bar` is at this moment; it goes its own way afterwards. `reason`: why trades are missing; undefined when none are. */
export function candleOf(bar: Bar, name: SeriesName, status: Status, reason: string | undefined): OhlcvData {
  const { prices, sums } = bar
  const rule = name.quoteRule
  let open: Decimal
  let high: Decimal
  let low: Decimal
  let close: Decimal
  if (prices === undefined) {
    const scale = bar.priceScale
    open = decimalOfInteger(bar.open, scale)
    // A Decimal never changes, so that equal prices may be one object: a bar's open or close often is its high or low.
    high = bar.high === bar.open ? open : decimalOfInteger(bar.high, scale)
    low = bar.low === bar.open ? open : decimalOfInteger(bar.low, scale)
    close = bar.close === bar.high ? high : bar.close === bar.low ? low : decimalOfInteger(bar.close, scale)
  } else {
    open = toDecimal(prices.open)
    high = toDecimal(prices.high)
    low = toDecimal(prices.low)
    close = toDecimal(prices.close)
  }
  let volume: Decimal
  let buyVolume: Decimal
  let quoteVolume: Decimal | undefined
  if (sums === undefined && bar.quote2 < QUOTE_LIMIT) {
    volume = decimalOfInteger(bar.volume, bar.sizeScale)
    buyVolume =
      bar.buyVolume === 0 ? ZERO : bar.buyVolume === bar.volume ? volume : decimalOfInteger(bar.buyVolume, bar.sizeScale)
    quoteVolume = rule.kind === 'price-times-size' ? quoteOf(bar) : contractQuoteOf(bar, rule)
  } else {
    const exact = bar.exactSums()
    volume = toDecimal(exact.volume)
    buyVolume = toDecimal(exact.buyVolume)
    quoteVolume = quoteVolumeBy(rule, exact.volume, exact.quote)
  }
  return {
    exchange: name.exchange,
    symbol: name.symbol,
    timeframe: name.timeframe,
    openTime: bar.openTime,
    closeTime: bar.closeTime,
    open,
    high,
    low,
    close,
    volume,
    quoteVolume,
    takerBuyVolume: buyVolume,
    tradesCount: bar.count,
    status,
    complete: reason === undefined,
    incompleteReason: reason,
    source: 'trades',
  }
}

/** A bucket without trades: the price stands still. */
export function emptyCandle(
  openTime: number,
  closeTime: number,
  price: Decimal,
  name: SeriesName,
  status: Status,
  reason: string | undefined,
): OhlcvData {
  return {
    exchange: name.exchange,
    symbol: name.symbol,
    timeframe: name.timeframe,
    openTime,
    closeTime,
    open: price,
    high: price,
    low: price,
    close: price,
    volume: ZERO,
    quoteVolume: ZERO,
    takerBuyVolume: ZERO,
    tradesCount: 0,
    status,
    complete: reason === undefined,
    incompleteReason: reason,
    source: 'trades',
  }
}

export const closeOf = (bar: Bar): Decimal =>
  bar.prices === undefined ? decimalOfInteger(bar.close, bar.priceScale) : toDecimal(bar.prices.close)

const toDecimal = ({ digits, scale }: Exact): Decimal => decimalOfInteger(digits, scale)

function contractQuoteOf(bar: Bar, rule: QuoteRule): Decimal | undefined {
  if (rule.kind === 'unknown') return undefined
  const { volume, quote } = bar.exactSums()
  return quoteVolumeBy(rule, volume, quote)
}

function quoteOf(bar: Bar): Decimal {
  const scale = bar.priceScale + bar.sizeScale
  if (bar.quote1 === 0 && bar.quote2 === 0) return decimalOfInteger(bar.quote0, scale)
  let rest = bar.quote0
  let up = Math.floor(rest / WORD)
  const w0 = rest - up * WORD
  rest = bar.quote1 + up
  up = Math.floor(rest / WORD)
  const w1 = rest - up * WORD
  rest = bar.quote2 + up
  up = Math.floor(rest / WORD)
  return decimalOfWords(w0, w1, rest - up * WORD, up, scale)
}
