import { z } from 'zod'
import type { DataType } from '../domain/data-type.ts'
import { MARKET_TYPES, type Instrument, type MarketType } from '../domain/instrument.ts'
import { commonOptions } from '../core/collector/base-options.ts'
import type { ExchangeDefinition } from '../core/exchange-definition.ts'
import type { Ports } from '../ports/ports.ts'
import { configError, parseConfig, type ConfigProblem } from '../errors/config-problems.ts'
import { refuse, requireOneOf } from '../errors/require.ts'
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

const listingOptions = z.strictObject({
  endpoints: z.object({ rest: z.string().optional() }).optional(),
  ports: commonOptions.ports,
})

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
    const given: unknown = configs
    if (!Array.isArray(given)) refuse('createMultipleCollectors', 'the configurations must be a list of them')
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
    return guarded(() => catalogOf(exchangeDefinition(exchange), options).livePairs())
  },

  /**
   * Instruments of one market with tick, lot and state, by the exchange's own list. Cached for an hour.
   *
   * @throws TapekeeperError `REST_FAILED` or `RATE_LIMITED` when the exchange cannot be asked.
   */
  getInstruments(exchange: string, marketType: MarketType, options: ListingOptions = {}): Promise<readonly Instrument[]> {
    return guarded(() => {
      requireOneOf(marketType, MARKET_TYPES, 'getInstruments', 'market type')
      return catalogOf(exchangeDefinition(exchange), options).load(marketType)
    })
  },

  getSupportedDataTypes(exchange: string): readonly DataType[] {
    return exchangeDefinition(exchange).dataTypes
  },
} as const

/** What returns a promise rejects, and does not throw. */
async function guarded<T>(task: () => Promise<T>): Promise<T> {
  return await task()
}

function catalogOf(definition: ExchangeDefinition, options: ListingOptions): InstrumentCatalog {
  const { endpoints, ports } = parseConfig(listingOptions, options, 'listing options')
  return runtimeOf(ports).catalog(definition, endpoints?.rest ?? definition.endpoints['rest'] ?? '')
}

function exchangeOf(config: unknown): string | undefined {
  const exchange = typeof config === 'object' && config !== null ? (config as { exchange?: unknown }).exchange : undefined
  return typeof exchange === 'string' ? exchange : undefined
}
