import type { CandleTimeframe } from '../../domain/timeframe.ts'

const PREFIX = 'candle'

/**
 * Our timeframes in OKX's words. From 6 hours up the `utc` names: the plain ones (`candle1D`) open on UTC+8 days,
 * so they are none of our timeframes and are not listed.
 * Source: OKX v5 docs, "Candlesticks channel", read 2026-09.
 */
const BARS: ReadonlyMap<CandleTimeframe, string> = new Map<CandleTimeframe, string>([
  ['1s', '1s'],
  ['1m', '1m'],
  ['3m', '3m'],
  ['5m', '5m'],
  ['15m', '15m'],
  ['30m', '30m'],
  ['1h', '1H'],
  ['2h', '2H'],
  ['4h', '4H'],
  ['6h', '6Hutc'],
  ['12h', '12Hutc'],
  ['1d', '1Dutc'],
  ['2d', '2Dutc'],
  ['3d', '3Dutc'],
  ['5d', '5Dutc'],
  ['1w', '1Wutc'],
  ['1M', '1Mutc'],
  ['3M', '3Mutc'],
])

const TIMEFRAME_BY_CHANNEL: ReadonlyMap<string, CandleTimeframe> = new Map(
  [...BARS].map(([timeframe, bar]) => [PREFIX + bar, timeframe]),
)

/** The timeframes OKX sends ready-made. */
export const OKX_TIMEFRAMES: readonly CandleTimeframe[] = [...BARS.keys()]

/** `candle1Dutc` for `1d`; undefined for a timeframe OKX does not have. */
export function candleChannelOf(timeframe: CandleTimeframe): string | undefined {
  const bar = BARS.get(timeframe)
  return bar === undefined ? undefined : PREFIX + bar
}

/** The other way round; undefined for any other channel. */
export function timeframeOfChannel(channel: string): CandleTimeframe | undefined {
  return TIMEFRAME_BY_CHANNEL.get(channel)
}
