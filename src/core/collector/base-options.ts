import { z } from 'zod'
import { DATA_TYPES } from '../../domain/data-type.ts'
import { parseConfig, withDefault } from '../../errors/config-problems.ts'
import { environment } from '../../ports/environment.ts'
import { consoleLogger, LOG_LEVELS, type Logger } from '../../ports/logger.ts'
import { isPorts, type Ports } from '../../ports/ports.ts'
import { sinkOptions } from '../sinks/sink-options.ts'
import { OVERFLOW_POLICIES, type StreamOptions } from './data-stream.ts'

const isLogger = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  LOG_LEVELS.every((level) => typeof (value as Record<string, unknown>)[level] === 'function')

/** By its shape, because a signal may come from another realm. */
const isSignal = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value

/** Less is seconds given where milliseconds are meant. */
const LEAST_MS = 100

/** Options every collector has, whatever it collects from. Milliseconds throughout. What is left out is asked of the environment. */
export const commonOptions = {
  /** What to collect. */
  dataTypes: z.array(z.enum(DATA_TYPES)).min(1).readonly(),
  /** Restart after a failure found by the health check or the message loop. */
  autoRestart: z.boolean().default(true),
  /** Automatic restarts without ten stable minutes between them before the collector gives up. Default: `MAX_RECONNECT_ATTEMPTS`. */
  maxRestarts: withDefault(z.number().int().nonnegative(), () => environment().maxReconnectAttempts),
  /** Ceiling of the delay before the first automatic restart; doubles with each, full jitter. Default: `RECONNECT_DELAY`. */
  restartDelayMs: withDefault(z.number().nonnegative(), () => environment().reconnectDelayMs),
  /** Time between health checks. Default: `DEFAULT_HEALTH_CHECK_INTERVAL`. */
  healthCheckIntervalMs: withDefault(z.number().min(LEAST_MS), () => environment().healthCheckIntervalMs),
  /** Silence after which the collector counts as stale. Default: `MAX_SILENCE_DURATION`. */
  maxSilenceDurationMs: withDefault(z.number().min(LEAST_MS), () => environment().maxSilenceDurationMs),
  /** Where log lines go. Default: the console, from `LOG_LEVEL` (else from warnings) up. `silentLogger` for none. */
  logger: withDefault(z.custom<Logger>(isLogger, 'must have the methods debug, info, warn and error'), () => consoleLogger()),
  /** Stops the collector when it aborts. */
  signal: z.custom<AbortSignal>(isSignal, 'must be an AbortSignal').optional(),
  /** Clock, chance, sockets and HTTP in place of the real ones. Collectors given the same object share their sockets. */
  ports: z
    .custom<Partial<Ports>>(
      isPorts,
      'must be an object of ports: a clock with now, after and, better, elapsed; functions as random, socket, http',
    )
    .optional(),
  ...sinkOptions,
}

const baseCollectorOptions = z.strictObject({
  /** Where the data is from; becomes `point.exchange` by convention. */
  exchangeName: z.string().min(1),
  symbols: z.array(z.string().min(1)).readonly(),
  ...commonOptions,
  dataTypes: commonOptions.dataTypes.default(['candle']),
  /** Name in logs. Default: `<exchangeName>_collector`. */
  componentName: z.string().min(1).optional(),
})

const supervisionOptions = z.strictObject({
  autoRestart: z.boolean().optional(),
  healthCheckIntervalMs: z.number().min(LEAST_MS).optional(),
  maxSilenceDurationMs: z.number().min(LEAST_MS).optional(),
})

const streamOptions = z.strictObject({
  signal: commonOptions.signal,
  highWaterMark: z.number().int().positive().optional(),
  onOverflow: z.enum(OVERFLOW_POLICIES).optional(),
})

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseStreamOptions(options: StreamOptions): StreamOptions {
  return parseConfig(streamOptions, options, 'stream options')
}

/** How a collector is supervised; what is left out stays as it is. Milliseconds. */
export type SupervisionOptions = z.input<typeof supervisionOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function withSupervision(options: ResolvedBaseOptions, changes: SupervisionOptions): ResolvedBaseOptions {
  const given = Object.entries<unknown>(parseConfig(supervisionOptions, changes, 'supervision options'))
  return { ...options, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) }
}

export type BaseCollectorOptions = z.input<typeof baseCollectorOptions>
export type ResolvedBaseOptions = z.output<typeof baseCollectorOptions>

export function parseBaseOptions(options: BaseCollectorOptions): ResolvedBaseOptions {
  return parseConfig(baseCollectorOptions, options, 'collector options')
}
