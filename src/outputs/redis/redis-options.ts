import { z } from 'zod'
import { DATA_TYPES } from '../../domain/data-type.ts'
import { CANDLE_TIMEFRAMES, type CandleTimeframe } from '../../domain/timeframe.ts'
import { configError, parseConfig } from '../../errors/config-problems.ts'
import { consoleLogger, LOG_LEVELS, type Logger } from '../../ports/logger.ts'

/** A client of the package `redis` (version 5 or later). Only its settings are used: it is neither opened nor closed. */
export interface RedisClientLike {
  duplicate(overrides?: never): unknown
}

const isRedisUrl = (text: string): boolean => /^(rediss?|unix):\/\//.test(text) && URL.canParse(text)
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const isClient = (value: unknown): boolean => isObject(value) && 'duplicate' in value && typeof value.duplicate === 'function'
const isLogger = (value: unknown): boolean =>
  isObject(value) && LOG_LEVELS.every((level) => typeof (value as Record<string, unknown>)[level] === 'function')

const connectionOptions = {
  /** For example `redis://user:password@127.0.0.1:6379/0`, `rediss://` for TLS, `unix://` for a socket. Default: `redis://127.0.0.1:6379`. */
  url: z.string().refine(isRedisUrl, 'must be like redis://127.0.0.1:6379, rediss://… or unix://…').optional(),
  /** Instead of a URL: a client of yours whose settings are used for connections of our own. Not a cluster. */
  client: z.custom<RedisClientLike>(isClient, 'must be a client of the package redis').optional(),
  /** What channels and keys begin with. */
  prefix: z.string().min(1).default('tapekeeper'),
  /** To connect, and for every answer. Milliseconds. */
  timeoutMs: z.number().int().positive().default(5_000),
}

const outputOptions = z.strictObject({
  ...connectionOptions,
  /** Publish to channels, for whoever listens just then. */
  channels: z.boolean().default(true),
  /** Append to Redis streams, which keep about the last `maxLength` messages each; `{}` for 100,000. */
  streams: z
    .union([z.literal(false), z.strictObject({ maxLength: z.number().int().positive().default(100_000) })], {
      error: 'must be false, or an object such as { maxLength: 100_000 }',
    })
    .default(false),
  /** Only these; gaps go with trades. Default: everything. */
  dataTypes: z.array(z.enum(DATA_TYPES)).readonly().optional(),
})

const filter = z.strictObject({
  exchange: z.string().min(1).optional(),
  symbol: z.string().min(1).optional(),
  dataType: z.enum(DATA_TYPES).optional(),
  timeframe: z.enum(CANDLE_TIMEFRAMES as readonly [CandleTimeframe, ...CandleTimeframe[]]).optional(),
})

const ENTRY_ID = /^\d{1,20}(-\d{1,20})?$/

const subscriberOptions = z.strictObject({
  ...connectionOptions,
  /** Which streams; one filter is enough to be taken. Default: all. */
  streams: z.array(filter).min(1).readonly().default([{}]),
  /** `channel`: what is published while we listen. `stream`: what Redis keeps, also from before and during an interruption. */
  source: z.enum(['channel', 'stream']).default('channel'),
  /** Of the source `stream`: where each stream is begun: `now`, `beginning`, or behind the entry with this id. */
  start: z
    .string()
    .refine(
      (text) => text === 'now' || text === 'beginning' || ENTRY_ID.test(text),
      'must be now, beginning, or an id like 1700000000000-0',
    )
    .default('now'),
  /** For errors that nobody listens for. Default: the console. */
  logger: z
    .custom<Logger>(isLogger, `must be an object with the methods ${LOG_LEVELS.join(', ')}`)
    .prefault(() => consoleLogger()),
})

export type RedisOutputOptions = z.input<typeof outputOptions>
export type ResolvedOutputOptions = z.output<typeof outputOptions>
export type RedisSubscriberOptions = z.input<typeof subscriberOptions>
export type ResolvedSubscriberOptions = z.output<typeof subscriberOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseOutputOptions(options: RedisOutputOptions): ResolvedOutputOptions {
  const what = 'redis output'
  const resolved = parseConfig(outputOptions, options, what)
  requireOneAddress(resolved, what)
  if (!resolved.channels && resolved.streams === false) {
    throw problem(what, 'channels', 'channels and streams are both switched off: nothing would be published')
  }
  return resolved
}

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseSubscriberOptions(options: RedisSubscriberOptions): ResolvedSubscriberOptions {
  const what = 'redis subscriber'
  const resolved = parseConfig(subscriberOptions, options, what)
  requireOneAddress(resolved, what)
  const odd = resolved.streams.find(({ dataType, timeframe }) => timeframe !== undefined && dataType !== 'candle')
  if (odd !== undefined) throw problem(what, 'streams', `a timeframe is for candles: give dataType 'candle', too`)
  return resolved
}

function requireOneAddress({ url, client }: { readonly url?: unknown; readonly client?: unknown }, what: string): void {
  if (url !== undefined && client !== undefined) throw problem(what, 'client', 'give url or client, not both')
}

const problem = (what: string, path: string, message: string) =>
  configError(what, [{ path, message, allowed: undefined, nearest: undefined }])
