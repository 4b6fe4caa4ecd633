import { Decimal } from '../../domain/decimal.ts'
import type { OhlcvData } from '../../domain/market-data.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { SizeTerms } from '../quote-rule.ts'
import { commonUnitOf, volumeIn, type CommonUnit } from './common-unit.ts'

/** `exchange` of everything that is made of several exchanges' data. */
export const CONSOLIDATED = 'consolidated'

export interface MergeOptions {
  /** By exchange, what its sizes count: `collector.instrument`, or the same by hand. Not needed on spot. */
  readonly instruments?: Readonly<Record<string, SizeTerms | undefined>> | undefined
}

/**
 * One candle of several venues' candles of the same pair, timeframe and open time. Exact: nothing is averaged or rounded.
 *
 * - `open` and `close` are those of the venue with the largest volume (of equal ones, the first): candles do not tell when their first
 *   and last trade was, so the earliest of all cannot be known (decision 0019). To have them by time, fold the merged trades instead.
 * - `high` and `low` are the greatest and the least of the venues that traded; an empty candle only carries a price on.
 * - `volume`, `quoteVolume`, `takerBuyVolume` and `tradesCount` are sums; undefined when one venue does not tell.
 * - Volumes are added in base currency, also where sizes count linear contracts: `instruments` tells of how much each is. Inverse contracts are
 *   added in the quote currency that they are worth. On derivatives (`…-PERP`, `…-YYYYMMDD`) each venue's instrument is needed.
 * - `complete` when all are, else with the reason of the first that is not; `open` while one is, `revised` when one is, `exchange` when one is the exchange's own.
 *
 * @throws TapekeeperError `OHLCV_INVALID` when there is none, when they are not of one pair, timeframe and open time, when an
 * exchange is there twice, or when their volumes cannot be added: what an exchange's sizes count is not known, or linear and inverse
 * contracts are mixed.
 * @example
 * ```ts
 * import { mergeCandles, type OhlcvData } from 'tapekeeper'
 * const total = (okx: OhlcvData, kraken: OhlcvData) => mergeCandles([okx, kraken]).volume.toString()
 * ```
 */
export function mergeCandles(all: readonly OhlcvData[], { instruments = {} }: MergeOptions = {}): OhlcvData {
  const [one] = all
  if (one === undefined) throw invalid('there is no candle to merge', [])
  checkSame(one, all)
  const candles = inOneUnit(all, instruments)
  const [first = one] = candles
  const traded = candles.filter(({ volume }) => !volume.isZero())
  const counted = traded.length > 0 ? traded : [first]
  const main = counted.reduce((best, candle) => (candle.volume.gt(best.volume) ? candle : best))
  return {
    exchange: CONSOLIDATED,
    symbol: first.symbol,
    timeframe: first.timeframe,
    openTime: first.openTime,
    closeTime: first.closeTime,
    open: main.open,
    high: Decimal.max(...counted.map(({ high }) => high)),
    low: Decimal.min(...counted.map(({ low }) => low)),
    close: main.close,
    volume: sumOf(candles.map(({ volume }) => volume)) ?? main.volume,
    quoteVolume: sumOf(candles.map(({ quoteVolume }) => quoteVolume)),
    takerBuyVolume: sumOf(candles.map(({ takerBuyVolume }) => takerBuyVolume)),
    tradesCount: candles.reduce<number | undefined>(
      (sum, { tradesCount }) => (sum === undefined || tradesCount === undefined ? undefined : sum + tradesCount),
      0,
    ),
    status: (['open', 'revised'] as const).find((status) => candles.some((candle) => candle.status === status)) ?? 'closed',
    complete: candles.every(({ complete }) => complete),
    incompleteReason: candles.find(({ complete }) => !complete)?.incompleteReason,
    source: candles.some(({ source }) => source === 'exchange') ? 'exchange' : 'trades',
  }
}

/** With volumes that can be added, and compared. */
function inOneUnit(
  candles: readonly OhlcvData[],
  instruments: Readonly<Record<string, SizeTerms | undefined>>,
): readonly OhlcvData[] {
  const units = candles.map(({ symbol, exchange }) => commonUnitOf(symbol, instruments[exchange]))
  // Nothing has to be added: a single candle is left in what it counts.
  if (candles.length === 1 && units[0] === undefined) return candles
  const unknown = candles.filter((_, i) => units[i] === undefined).map(({ exchange }) => exchange)
  const isMixed = new Set(units.map((unit) => unit?.currency)).size > 1
  const violations = [
    ...unknown.map((exchange) => `what sizes count on ${exchange} is not known: give its instrument in instruments.${exchange}`),
    ...(unknown.length === 0 && isMixed ? ['linear and inverse contracts cannot be added'] : []),
  ]
  if (violations.length > 0) throw invalid(`${candles[0]?.symbol}: ${violations.join('; ')}`, violations)
  return candles.map((candle, i) => converted(candle, units[i]))
}

function converted(candle: OhlcvData, unit: CommonUnit | undefined): OhlcvData {
  if (unit?.contractSize === undefined) return candle
  const { volume, takerBuyVolume } = candle
  return { ...candle, volume: volumeIn(unit, volume), takerBuyVolume: takerBuyVolume && volumeIn(unit, takerBuyVolume) }
}

/** Undefined when one of them is. */
function sumOf(values: readonly (Decimal | undefined)[]): Decimal | undefined {
  let sum = new Decimal(0)
  for (const value of values) {
    if (value === undefined) return undefined
    sum = sum.plus(value)
  }
  return sum
}

function checkSame(first: OhlcvData, candles: readonly OhlcvData[]): void {
  const violations: string[] = []
  for (const key of ['symbol', 'timeframe', 'openTime'] as const) {
    const values = new Set(candles.map((candle) => candle[key]))
    if (values.size > 1) violations.push(`${key} differs: ${[...values].join(', ')}`)
  }
  const exchanges = candles.map(({ exchange }) => exchange)
  const twice = exchanges.find((exchange, index) => exchanges.indexOf(exchange) !== index)
  if (twice !== undefined) violations.push(`exchange ${twice} is there twice: its trades would be counted twice`)
  if (violations.length > 0) throw invalid(`${first.symbol} ${first.timeframe}: ${violations.join('; ')}`, violations)
}

const invalid = (message: string, violations: readonly string[]): TapekeeperError =>
  new TapekeeperError('OHLCV_INVALID', message, { violations })
