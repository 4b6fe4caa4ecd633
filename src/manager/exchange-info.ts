import type { DataType } from '../domain/data-type.ts'
import type { CandleTimeframe } from '../domain/timeframe.ts'
import type { ExchangeLimits, Keepalive, OrderBookDepth } from '../core/exchange-definition.ts'
import { exchangeDefinition } from '../exchanges/registry.ts'

/** What is known about an exchange without asking it. */
export interface ExchangeInfo {
  readonly id: string
  readonly name: string
  readonly supportedDataTypes: readonly DataType[]
  /** The built-in list; `ExchangeFactory.getSupportedPairs` asks the exchange. */
  readonly supportedPairs: readonly string[]
  /** Candle timeframes the exchange sends ready-made. */
  readonly timeframes: readonly CandleTimeframe[]
  readonly orderBookDepths: readonly OrderBookDepth[]
  readonly endpoints: Readonly<Record<string, string>>
  readonly limits: ExchangeLimits
  readonly keepalive: Keepalive
}

/** @throws TapekeeperError `EXCHANGE_UNKNOWN`. */
export function getExchangeInfo(exchange: string): ExchangeInfo {
  const { id, name, dataTypes, fallbackPairs, timeframes, orderBookDepths, endpoints, limits, keepalive } =
    exchangeDefinition(exchange)
  return {
    id,
    name,
    supportedDataTypes: dataTypes,
    supportedPairs: fallbackPairs,
    timeframes,
    orderBookDepths,
    endpoints,
    limits,
    keepalive,
  }
}
