import { Decimal } from '../domain/decimal.ts'
import type { OhlcvData } from '../domain/market-data.ts'
import { CANDLE_TIMEFRAMES, closeTimeOf, openTimeOf, type CandleTimeframe } from '../domain/timeframe.ts'
import { isPlausibleTime, timeFlaw } from '../domain/timestamp.ts'
import { TapekeeperError } from '../errors/tapekeeper-error.ts'

/** A candle as it comes from a source of your own: numbers as exact text, or as `Decimal`. */
export interface OhlcvInput {
  readonly exchange?: string | undefined
  /** Start of the candle, epoch milliseconds. */
  readonly openTime: unknown
  readonly open: unknown
  readonly high: unknown
  readonly low: unknown
  readonly close: unknown
  readonly volume: unknown
  readonly quoteVolume?: unknown
  readonly takerBuyVolume?: unknown
  readonly tradesCount?: unknown
}

const ABSENT = [undefined, null, '']

/**
 * Checks a candle and makes it an `OhlcvData`.
 * Rules: known timeframe; openTime in epoch milliseconds, from 2009 to 2100, aligned to it (UTC); finite decimals; low <= open, close <= high; no negative volume or count.
 *
 * @throws TapekeeperError `OHLCV_INVALID`; the message and `context.violations` name every rule that was broken.
 * @example
 * ```ts
 * import { validateOhlcvData } from 'tapekeeper'
 * const candle = validateOhlcvData(
 *   { openTime: 1_597_026_360_000, open: '8533', high: '8553.7', low: '8527.1', close: '8548.2', volume: '45.2' },
 *   'BTC-USDT',
 *   '1m',
 * )
 * ```
 */
export function validateOhlcvData(data: OhlcvInput, symbol: string, timeframe: string): OhlcvData {
  const violations: string[] = []
  const number = (field: keyof OhlcvInput, optional = false): Decimal | undefined => {
    const value = data[field]
    if (optional && ABSENT.includes(value as undefined)) return undefined
    const parsed = toDecimal(value)
    if (parsed === undefined) violations.push(`${field} is not a finite decimal: ${show(value)}`)
    return parsed
  }
  const [open, high, low, close] = [number('open'), number('high'), number('low'), number('close')]
  const volume = number('volume')
  const quoteVolume = number('quoteVolume', true)
  const takerBuyVolume = number('takerBuyVolume', true)
  const tradesCount = number('tradesCount', true)

  if (low !== undefined) {
    for (const [name, price] of Object.entries({ open, high, close })) {
      if (price?.lt(low) === true) violations.push(`low ${low.toString()} is above ${name} ${price.toString()}`)
    }
  }
  if (high !== undefined) {
    for (const [name, price] of Object.entries({ open, close })) {
      if (price?.gt(high) === true) violations.push(`high ${high.toString()} is below ${name} ${price.toString()}`)
    }
  }
  for (const [name, amount] of Object.entries({ volume, quoteVolume, takerBuyVolume, tradesCount })) {
    if (amount?.isNegative() === true && !amount.isZero()) violations.push(`${name} is negative: ${amount.toString()}`)
  }
  if (volume !== undefined && takerBuyVolume?.gt(volume) === true)
    violations.push(`takerBuyVolume ${takerBuyVolume.toString()} is above volume ${volume.toString()}`)
  if (tradesCount?.isInteger() === false) violations.push(`tradesCount is not a whole number: ${tradesCount.toString()}`)
  const known = CANDLE_TIMEFRAMES.find((name) => name === timeframe)
  if (known === undefined) violations.push(`timeframe ${show(timeframe)} is unknown; known: ${CANDLE_TIMEFRAMES.join(' ')}`)
  const { openTime } = data
  if (typeof openTime !== 'number') {
    violations.push(`openTime is not an epoch time in milliseconds: ${show(openTime)}`)
  } else if (!isPlausibleTime(openTime)) {
    violations.push(`openTime is not an epoch time in milliseconds: it ${timeFlaw(openTime)}`)
  } else if (known !== undefined && !isAligned(openTime, known)) {
    violations.push(`openTime ${openTime} is not the start of a ${timeframe} candle (UTC)`)
  }

  if (violations.length > 0 || !open || !high || !low || !close || !volume || known === undefined) {
    throw new TapekeeperError('OHLCV_INVALID', `${symbol} ${timeframe}: ${violations.join('; ')}`, {
      symbol,
      timeframe,
      violations,
    })
  }
  return {
    exchange: data.exchange ?? '',
    symbol,
    timeframe: known,
    openTime: openTime as number,
    closeTime: closeTimeOf(openTime as number, known),
    open,
    high,
    low,
    close,
    volume,
    quoteVolume,
    takerBuyVolume,
    tradesCount: tradesCount?.toNumber(),
    status: 'closed',
    complete: true,
    incompleteReason: undefined,
    source: 'exchange',
  }
}

/** Multi-day candles have no agreed origin, and quarters may be anybody's: they begin at midnight, and on the first. */
function isAligned(openTime: number, timeframe: CandleTimeframe): boolean {
  if (timeframe === '3M') return openTimeOf(openTime, '1M') === openTime
  return (openTimeOf(openTime, timeframe) ?? openTimeOf(openTime, '1d')) === openTime
}

function toDecimal(value: unknown): Decimal | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && !Decimal.isDecimal(value)) return undefined
  try {
    const parsed = new Decimal(value)
    return parsed.isFinite() ? parsed : undefined
  } catch {
    return undefined
  }
}

const show = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value)).slice(0, 60)
