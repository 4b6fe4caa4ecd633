import { ExchangeCollector } from '../core/collector/exchange-collector.ts'
import type { ExchangeCollectorConfig } from '../core/collector/exchange-config.ts'
import type { OkxCustomParams } from '../exchanges/okx/custom-params.ts'
import { okx } from '../exchanges/okx/index.ts'
import { requireObject } from '../errors/require.ts'

/** A collector's configuration without `exchange`, and with OKX's own parameters typed. */
export interface OkxCollectorConfig extends Omit<ExchangeCollectorConfig, 'exchange' | 'customParams' | 'endpoints'> {
  readonly endpoints?: { readonly [name in keyof typeof okx.endpoints]?: string } | undefined
  readonly customParams?: OkxCustomParams | undefined
}

const EXAMPLE = "an object such as { symbol: 'BTC-USDT', dataTypes: ['trade'] }"

/** Collects one pair of OKX. */
export class OkxCollector extends ExchangeCollector {
  /** @throws TapekeeperError `CONFIG_INVALID` naming every problem. */
  constructor(config: OkxCollectorConfig) {
    requireObject(config, 'OKX collector', 'configuration', EXAMPLE)
    super(okx, { ...config, exchange: okx.id })
  }
}

/**
 * Short for `new OkxCollector(config)`.
 *
 * @example
 * ```ts
 * import { createOkxCollector, DataType } from 'tapekeeper'
 * const collector = createOkxCollector({ symbol: 'ETH-USDT', dataTypes: [DataType.Trade, DataType.Ticker] })
 * ```
 */
export function createOkxCollector(config: OkxCollectorConfig): OkxCollector {
  return new OkxCollector(config)
}
