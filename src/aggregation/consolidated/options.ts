import { z } from 'zod'
import { parseConfig, withDefault } from '../../errors/config-problems.ts'
import { systemClock, withElapsed, type Clock } from '../../ports/clock.ts'
import { consoleLogger, type Logger } from '../../ports/logger.ts'
import { aggregateOptions } from '../aggregator-options.ts'
import type { Venue } from './venue.ts'

const has =
  (...names: readonly string[]) =>
  (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')

/** Those of `CandleAggregator`, without what follows from the view. */
const candleOptions = aggregateOptions.omit({ exchange: true, symbol: true, since: true, dropDuplicates: true, onTooLate: true })

const consolidatedViewOptions = z.strictObject({
  /** The pair, in our spelling. What the collectors deliver of other symbols is not looked at. */
  symbol: z.string().min(1),
  /** Collectors of this pair, in the order of preference: at the same price the earlier one is the best. More by `add`. */
  venues: z
    .array(z.custom<Venue>(has('on', 'off', 'addDataCallback', 'removeDataCallback', 'getStatus'), 'must be a collector'))
    .readonly()
    .default([]),
  /**
   * A quote that has not been confirmed by a newer one for so long is not counted any more. Milliseconds; `Infinity` trusts the
   * collectors' own news alone, which suits markets that are quiet for longer.
   */
  staleAfterMs: z
    .union([z.number().positive(), z.literal(Infinity)], 'must be a number of milliseconds, more than 0, or Infinity')
    .default(10_000),
  /** Merge trades by exchange time, holding each back for so long. Milliseconds. Default: each as it arrives. */
  orderWithinMs: z.number().positive().optional(),
  /** Make candles of the merged trades. Default: none. */
  candles: candleOptions.optional(),
  /** How long the ids of trades are remembered, so that two collectors of one exchange do not deliver one trade twice. Milliseconds. */
  duplicateWindowMs: z.number().positive().default(600_000),
  /** Default: the system's. */
  clock: z
    .custom<Clock>(has('now', 'after'), 'must be a Clock')
    .default(() => systemClock)
    .transform(withElapsed),
  /** Where failures of listeners go when nobody listens to `error`. Default: the console. */
  logger: withDefault(
    z.custom<Logger>(has('debug', 'info', 'warn', 'error'), 'must have the methods debug, info, warn and error'),
    () => consoleLogger(),
  ),
  /** Closes the view when it aborts. */
  signal: z.custom<AbortSignal>(has('addEventListener', 'removeEventListener'), 'must be an AbortSignal').optional(),
})

export type CandleOptions = z.output<typeof candleOptions>
export type ConsolidatedViewOptions = z.input<typeof consolidatedViewOptions>
export type ResolvedViewOptions = z.output<typeof consolidatedViewOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseViewOptions(options: ConsolidatedViewOptions): ResolvedViewOptions {
  return parseConfig(consolidatedViewOptions, options, 'consolidated view options')
}
