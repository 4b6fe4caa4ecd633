import type { DataType } from '../domain/data-type.ts'
import type { Instrument, MarketType } from '../domain/instrument.ts'
import type { ExchangeDefinition } from '../core/exchange-definition.ts'
import type { Ports } from '../ports/ports.ts'
import type { ConfigProblem } from '../errors/config-problems.ts'
import { configError } from '../errors/config-problems.ts'
import type { InstrumentCatalog } from '../core/instrument-catalog.ts'
import { exchangeConfigProblems, type ExchangeCollectorConfig } from '../core/collector/exchange-config.ts'
import { ExchangeCollector } from '../core/collector/exchange-collector.ts'
import { runtimeOf } from '../core/runtime.ts'
import { exchangeDefinition, findExchange, unknownExchange } from '../exchanges/registry.ts'
import { okx } from '../exchanges/okx/index.ts'
import { OkxCollector } from './okx-collector.ts'

/** Where to ask, when not at the exchange's own address. */
export interface ListingOptions {
  readonly endpoints?: { readonly rest?: string } | undefined
  readonly ports?: Partial<Ports> | undefined
}

/**
 * Makes collectors of any registered exchange.
 *
 * @example
 * ```ts
 * import { DataType, ExchangeFactory } from 'tapekeeper'
 *
 * const collector = ExchangeFactory.createCollector({
 *   exchange: 'okx',
 *   symbol: 'BTC-USDT',
 *   dataTypes: [DataType.Trade, DataType.OrderBook],
 * })
 * collector.addDataCallback(DataType.Trade, (point) => console.log(point.data.price))
 * await collector.start()
 * ```
 */
export const ExchangeFactory = {
  /** @throws TapekeeperError `CONFIG_INVALID` or `EXCHANGE_UNKNOWN`, naming what is wrong and what is allowed. */
  createCollector(config: ExchangeCollectorConfig): ExchangeCollector {
    const exchange = exchangeOf(config)
    if (exchange === undefined) throw configError('collector', ExchangeFactory.validateConfig(config))
    const definition = exchangeDefinition(exchange)
    return definition === okx ? new OkxCollector(config) : new ExchangeCollector(definition, config)
  },

  /** All or none: @throws TapekeeperError for the first configuration that is wrong. */
  createMultipleCollectors(configs: readonly ExchangeCollectorConfig[]): ExchangeCollector[] {
    return configs.map((config) => ExchangeFactory.createCollector(config))
  },

  /** Everything that is wrong with a configuration; empty when it is valid. Asks nobody: whether a symbol exists is known at the start. */
  validateConfig(config: unknown): readonly ConfigProblem[] {
    const exchange = exchangeOf(config)
    const definition = exchange === undefined ? undefined : findExchange(exchange)
    if (definition !== undefined) return exchangeConfigProblems(config, definition)
    return [unknownExchange(exchange)]
  },

  /** Symbols that trade now, by the exchange's own list; the built-in list when it cannot be asked. Cached for an hour. */
  getSupportedPairs(exchange: string, options: ListingOptions = {}): Promise<readonly string[]> {
    return catalogOf(exchangeDefinition(exchange), options).livePairs()
  },

  /**
   * Instruments of one market with tick, lot and state, by the exchange's own list. Cached for an hour.
   *
   * @throws TapekeeperError `REST_FAILED` or `RATE_LIMITED` when the exchange cannot be asked.
   */
  getInstruments(exchange: string, marketType: MarketType, options: ListingOptions = {}): Promise<readonly Instrument[]> {
    return catalogOf(exchangeDefinition(exchange), options).load(marketType)
  },

  getSupportedDataTypes(exchange: string): readonly DataType[] {
    return exchangeDefinition(exchange).dataTypes
  },
} as const

function catalogOf(definition: ExchangeDefinition, { endpoints, ports }: ListingOptions): InstrumentCatalog {
  return runtimeOf(ports).catalog(definition, endpoints?.rest ?? definition.endpoints['rest'] ?? '')
}

function exchangeOf(config: unknown): string | undefined {
  const exchange = typeof config === 'object' && config !== null ? (config as { exchange?: unknown }).exchange : undefined
  return typeof exchange === 'string' ? exchange : undefined
}
