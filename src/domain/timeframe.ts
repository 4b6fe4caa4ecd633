/** The eleven timeframes tapekeeper builds from trades. */
export const TIMEFRAMES = ['1s', '5s', '10s', '15s', '30s', '1m', '5m', '15m', '1h', '4h', '1d'] as const
export type Timeframe = (typeof TIMEFRAMES)[number]

export const isTimeframe = (name: string): name is Timeframe => (TIMEFRAMES as readonly string[]).includes(name)

/** Timeframes that only exchanges send ready-made. `1w` opens on Monday, `1M` and `3M` on the first of the month, all UTC. */
export const EXCHANGE_ONLY_TIMEFRAMES = ['3m', '30m', '2h', '6h', '12h', '2d', '3d', '5d', '1w', '1M', '3M'] as const
export type CandleTimeframe = Timeframe | (typeof EXCHANGE_ONLY_TIMEFRAMES)[number]

export const CANDLE_TIMEFRAMES: readonly CandleTimeframe[] = [...TIMEFRAMES, ...EXCHANGE_ONLY_TIMEFRAMES]

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const UNIT_MS: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY }

/** Length of a fixed timeframe in milliseconds; undefined for calendar months, which differ in length. */
export function timeframeMs(timeframe: CandleTimeframe): number | undefined {
  const unit = UNIT_MS[timeframe.slice(-1)]
  return unit === undefined ? undefined : Number(timeframe.slice(0, -1)) * unit
}

/** 1970-01-05, the first Monday. */
const FIRST_MONDAY = 4 * DAY

/**
 * Start of the candle in which a time lies, epoch milliseconds UTC: weeks begin on Monday, months on the first, quarters (`3M`) in January,
 * April, July and October. Undefined for `2d 3d 5d`, of which each exchange has its own.
 */
export function openTimeOf(time: number, timeframe: CandleTimeframe): number | undefined {
  const length = timeframeMs(timeframe)
  if (length === undefined) {
    const date = new Date(time)
    const months = Number(timeframe.slice(0, -1))
    return Date.UTC(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / months) * months)
  }
  if (timeframe === '1w') return Math.floor((time - FIRST_MONDAY) / length) * length + FIRST_MONDAY
  return DAY % length === 0 ? Math.floor(time / length) * length : undefined
}

/** End of the half-open interval `[openTime, closeTime)`, epoch milliseconds UTC. */
export function closeTimeOf(openTime: number, timeframe: CandleTimeframe): number {
  const length = timeframeMs(timeframe)
  if (length !== undefined) return openTime + length
  const open = new Date(openTime)
  return open.setUTCMonth(open.getUTCMonth() + Number(timeframe.slice(0, -1)))
}
