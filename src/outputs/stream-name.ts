import { DATA_TYPES, type DataType } from '../domain/data-type.ts'
import type { MarketDataPoint } from '../domain/market-data.ts'
import { CANDLE_TIMEFRAMES, type CandleTimeframe } from '../domain/timeframe.ts'

/** Which streams; what is left out may be anything. */
export interface StreamFilter {
  readonly exchange?: string | undefined
  /** Ours, for example `BTC-USDT`; of a balance the asset. */
  readonly symbol?: string | undefined
  readonly dataType?: DataType | undefined
  /** Of candles. */
  readonly timeframe?: CandleTimeframe | undefined
}

/** What a stream's name says. */
export interface StreamParts {
  readonly exchange: string
  readonly symbol: string
  readonly dataType: DataType
  /** Of candles. */
  readonly timeframe: CandleTimeframe | undefined
}

export function streamOf(point: MarketDataPoint): string {
  const { exchange, symbol, dataType } = point
  const name = `${encodeName(exchange)}:${encodeName(symbol)}:${dataType}`
  return dataType === 'candle' ? `${name}:${point.data.timeframe}` : name
}

/** Where the gaps of a market are published. */
export const tradeStreamOf = ({ exchange, symbol }: { readonly exchange: string; readonly symbol: string }): string =>
  `${encodeName(exchange)}:${encodeName(symbol)}:trade`

/** @returns undefined for what is no name of a stream. */
export function parseStream(stream: string): StreamParts | undefined {
  const [exchange, symbol, dataType, timeframe, ...rest] = stream.split(':')
  if (exchange === undefined || symbol === undefined || !isOneOf(DATA_TYPES, dataType) || rest.length > 0) return undefined
  const names = { exchange: decodeName(exchange), symbol: decodeName(symbol) }
  if (dataType !== 'candle') return timeframe === undefined ? { ...names, dataType, timeframe } : undefined
  return isOneOf(CANDLE_TIMEFRAMES, timeframe) ? { ...names, dataType, timeframe } : undefined
}

export function matchesStream(filter: StreamFilter, parts: StreamParts): boolean {
  const { exchange, symbol, dataType, timeframe } = filter
  return (
    (exchange === undefined || exchange === parts.exchange) &&
    (symbol === undefined || symbol === parts.symbol) &&
    (dataType === undefined || dataType === parts.dataType) &&
    (timeframe === undefined || timeframe === parts.timeframe)
  )
}

/** The colon separates the parts of a name, so that none may stand inside one. */
export const encodeName = (name: string): string =>
  name.includes(':') || name.includes('%') ? name.replaceAll('%', '%25').replaceAll(':', '%3A') : name

const decodeName = (name: string): string => (name.includes('%') ? name.replaceAll('%3A', ':').replaceAll('%25', '%') : name)

const isOneOf = <T extends string>(values: readonly T[], value: string | undefined): value is T =>
  (values as readonly (string | undefined)[]).includes(value)
