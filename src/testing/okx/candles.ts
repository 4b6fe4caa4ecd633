import type { Fill } from './tape.ts'

/** A candle in whole ticks and lots. */
export interface Bar {
  readonly openTime: number
  open: number
  high: number
  low: number
  close: number
  lots: number
  /** Sum of price × size: ticks × lots. */
  notional: bigint
  /** Sum of size ÷ price, in lots per tick scaled by 10^18: the base amount of inverse contracts. */
  inverse: bigint
}

export const INVERSE_SCALE = 18
const INVERSE_UNIT = 10n ** BigInt(INVERSE_SCALE)

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Plain bars of six hours and more open on UTC+8 days. */
const HONG_KONG_MS = 8 * HOUR
/** 1970-01-01 was a Thursday; weeks open on Monday. */
const MONDAY_MS = 4 * DAY

const FIXED: Readonly<Record<string, number>> = {
  '1s': 1_000,
  '1m': MINUTE,
  '3m': 3 * MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1H': HOUR,
  '2H': 2 * HOUR,
  '4H': 4 * HOUR,
}
const DAILY: Readonly<Record<string, number>> = {
  '6H': 6 * HOUR,
  '12H': 12 * HOUR,
  '1D': DAY,
  '2D': 2 * DAY,
  '3D': 3 * DAY,
  '5D': 5 * DAY,
  '1W': 7 * DAY,
}

/** Finds the bar a time lies in: `[openTime, closeTime)`, epoch milliseconds. */
export type Bucketing = (timestamp: number) => readonly [openTime: number, closeTime: number]

/** How a bar name such as `1m`, `1D` or `1Dutc` divides time; undefined for names OKX does not know. */
export function bucketingOf(bar: string): Bucketing | undefined {
  const fixed = FIXED[bar]
  if (fixed !== undefined) return bucketsOf(fixed, 0)
  const name = bar.replace(/utc$/, '')
  const shift = name === bar ? HONG_KONG_MS : 0
  const daily = DAILY[name]
  if (daily !== undefined) return bucketsOf(daily, shift - (name === '1W' ? MONDAY_MS : 0))
  if (name === '1M' || name === '3M') return monthsOf(name === '1M' ? 1 : 3, shift)
  return undefined
}

function bucketsOf(length: number, shift: number): Bucketing {
  return (timestamp) => {
    const openTime = Math.floor((timestamp + shift) / length) * length - shift
    return [openTime, openTime + length]
  }
}

function monthsOf(months: number, shift: number): Bucketing {
  return (timestamp) => {
    const local = new Date(timestamp + shift)
    const first = Math.floor(local.getUTCMonth() / months) * months
    const year = local.getUTCFullYear()
    return [Date.UTC(year, first) - shift, Date.UTC(year, first + months) - shift]
  }
}

/** The bar with one more fill in it; a new bar when there was none. */
export function foldFill(bar: Bar | undefined, openTime: number, { price, size }: Fill, isInverse: boolean): Bar {
  const target = bar ?? { openTime, open: price, high: price, low: price, close: price, lots: 0, notional: 0n, inverse: 0n }
  target.high = Math.max(target.high, price)
  target.low = Math.min(target.low, price)
  target.close = price
  target.lots += size
  target.notional += BigInt(price) * BigInt(size)
  if (isInverse) target.inverse += (BigInt(size) * INVERSE_UNIT) / BigInt(price)
  return target
}

/** Several bars, in order of time, as one. */
export function mergeBars(openTime: number, bars: readonly Bar[]): Bar | undefined {
  const [first, ...rest] = bars
  if (first === undefined) return undefined
  const merged = { ...first, openTime }
  for (const bar of rest) {
    merged.high = Math.max(merged.high, bar.high)
    merged.low = Math.min(merged.low, bar.low)
    merged.close = bar.close
    merged.lots += bar.lots
    merged.notional += bar.notional
    merged.inverse += bar.inverse
  }
  return merged
}

/** A bar in which nothing traded. */
export function emptyBar(openTime: number, close: number): Bar {
  return { openTime, open: close, high: close, low: close, close, lots: 0, notional: 0n, inverse: 0n }
}
