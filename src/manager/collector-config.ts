import { z } from 'zod'
import type { BaseDataCollector } from '../core/collector/base-collector.ts'
import type { SupervisionOptions } from '../core/collector/base-options.ts'
import { DATA_TYPES } from '../domain/data-type.ts'
import { parseConfig } from '../errors/config-problems.ts'

const names = z.string().min(1)
/** Less is seconds given where milliseconds are meant. */
const LEAST_MS = 100

const collectorConfig = z.strictObject({
  /** By which the manager knows it. Default: the collector's `componentName`. */
  name: names.optional(),
  /** What it collects, for the reader: the collector knows for itself. A contradiction is logged. */
  exchange: names.optional(),
  symbols: z.array(names).readonly().optional(),
  dataTypes: z.array(z.enum(DATA_TYPES)).readonly().optional(),
  /** How it is supervised; what is left out stays as the collector has it. Milliseconds. */
  autoRestart: z.boolean().optional(),
  healthCheckIntervalMs: z.number().min(LEAST_MS).optional(),
  maxSilenceDurationMs: z.number().min(LEAST_MS).optional(),
  /** A disabled collector is not started until `enableCollector`. */
  enabled: z.boolean().default(true),
})

/**
 * What a manager may be told about one of its collectors.
 *
 * @example
 * ```ts
 * import { CollectorManager, createOkxCollector, type CollectorConfig } from 'tapekeeper'
 * const config: CollectorConfig = { name: 'primary_okx', exchange: 'okx', symbols: ['BTC-USDT'], healthCheckIntervalMs: 20_000 }
 * new CollectorManager().addCollector(createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'] }), config)
 * ```
 */
export type CollectorConfig = z.input<typeof collectorConfig>
export type ResolvedCollectorConfig = z.output<typeof collectorConfig>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseCollectorConfig(config: CollectorConfig): ResolvedCollectorConfig {
  return parseConfig(collectorConfig, config, 'collector config')
}

/** What of it changes how the collector is supervised; undefined when nothing does. */
export function supervisionOf(config: ResolvedCollectorConfig): SupervisionOptions | undefined {
  const { autoRestart, healthCheckIntervalMs, maxSilenceDurationMs } = config
  const options = { autoRestart, healthCheckIntervalMs, maxSilenceDurationMs }
  return Object.values(options).every((value) => value === undefined) ? undefined : options
}

/** Where a config describes another collector than the one it was given with, in words. */
export function contradictions(config: ResolvedCollectorConfig, collector: BaseDataCollector): readonly string[] {
  const described: ReadonlyArray<readonly [what: string, said: readonly string[] | undefined, is: readonly string[]]> = [
    ['exchange', config.exchange === undefined ? undefined : [config.exchange], [collector.exchangeName]],
    ['symbols', config.symbols, collector.symbols],
    ['dataTypes', config.dataTypes, collector.dataTypes],
  ]
  return described.flatMap(([what, said, is]) =>
    said === undefined || isSameSet(said, is)
      ? []
      : [`${what} is ${said.join(', ')} in the config but ${is.join(', ')} in the collector, which prevails`],
  )
}

const isSameSet = (one: readonly string[], other: readonly string[]): boolean =>
  one.every((item) => other.includes(item)) && other.every((item) => one.includes(item))
