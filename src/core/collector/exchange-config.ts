import { z } from 'zod'
import type { DataType } from '../../domain/data-type.ts'
import { CANDLE_TIMEFRAMES, isTimeframe, TIMEFRAMES, type CandleTimeframe } from '../../domain/timeframe.ts'
import { heededParamProblems } from '../definition-limits.ts'
import type { Credentials, ExchangeDefinition } from '../exchange-definition.ts'
import { configError, parseConfig, problemsOf, type ConfigProblem } from '../../errors/config-problems.ts'
import type { CursorStore } from '../../ports/cursor-store.ts'
import { noSymbol } from '../symbol-meant.ts'
import { commonOptions, type BaseCollectorOptions } from './base-options.ts'

const isCursorStore = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  ['load', 'save'].every((name) => typeof (value as Record<string, unknown>)[name] === 'function')

/** One exchange and one pair. Milliseconds throughout. */
const exchangeCollectorConfig = z.strictObject({
  /** Id of a registered exchange, for example `okx`. */
  exchange: z.string().min(1),
  /** Ours: `BTC-USDT`, `BTC-USDT-PERP`, `BTC-USDT-20261225`. */
  symbol: z.string().min(1),
  ...commonOptions,
  /** Emit every frame as it came, as `raw` events. */
  storeRawData: z.boolean().default(false),
  /** What only this exchange has; checked by its own schema. */
  customParams: z.record(z.string(), z.unknown()).default({}),
  /** Replacements for the exchange's URLs, by name: testnets, proxies, local servers. */
  endpoints: z.record(z.string(), z.string()).default({}),
  /** API keys, for balances. Never logged. */
  credentials: z.custom<Credentials>((value) => typeof value === 'object' && value !== null, 'must be an object').optional(),
  orderBook: z
    .strictObject({
      /** Levels per side; `full`: all that the exchange shows. Which there are depends on the exchange. */
      depth: z.union([z.number().int().positive(), z.literal('full')]).default(5),
      /** Books that come as changes: deliver each change as an `update`, and snapshots whole. Default: true from depth 400 up. */
      updates: z.boolean().optional(),
      /**
       * Books that come as changes: deliver a `snapshot` at most this often; 0 with each change. Default: 1,000 ms without `updates`,
       * and with them only after each (re)synchronisation.
       */
      snapshotIntervalMs: z.number().nonnegative().optional(),
    })
    .prefault({}),
  candles: z
    .strictObject({
      timeframes: z
        .array(z.enum(CANDLE_TIMEFRAMES as readonly [CandleTimeframe, ...CandleTimeframe[]]))
        .min(1)
        .readonly()
        .default(['1m']),
      /** `trades`: made here, exactly, of the trades; `exchange`: as the exchange sends them. */
      source: z.enum(['trades', 'exchange']).default('trades'),
      /** Of trades: empty candles where nothing was traded. */
      completeSeries: z.boolean().default(false),
      /** Of trades: a candle closes this long after its end; later trades revise it. */
      allowedLatenessMs: z.number().nonnegative().default(1_000),
      /** Of trades: so long after that a closed candle can still be revised. */
      reviseWithinMs: z.number().nonnegative().default(3_600_000),
      /** Of trades: least time between two `open` candles of a timeframe; 0 for none. */
      updateIntervalMs: z.number().nonnegative().default(1_000),
      /** Of trades: compares each closed candle with the exchange's own and emits `candleMismatch` where they differ. */
      crossCheck: z.boolean().default(false),
    })
    .prefault({}),
  /** How the tape of trades is kept complete. */
  tape: z
    .strictObject({
      /** Keeps the cursor across restarts of the process. Default: none; each start begins with the first trade it sees. */
      cursorStore: z.custom<CursorStore>(isCursorStore, 'must have the methods load and save').optional(),
      /** What happened longer ago is not read again over REST. */
      maxBackfillMs: z.number().nonnegative().default(3_600_000),
      /** Trades held back behind a hole; one more, and the hole becomes a gap. */
      maxHeldTrades: z.number().int().positive().default(10_000),
      /** A hole that cannot be filled within this time becomes a gap. */
      repairTimeoutMs: z.number().nonnegative().default(15_000),
      /** A missing trade gets this long to arrive by itself before REST is asked. */
      reorderGraceMs: z.number().nonnegative().default(250),
    })
    .prefault({}),
  /** 2: trades come over two sockets at a time, and the first copy wins. */
  redundancy: z.union([z.literal(1), z.literal(2)]).default(1),
  /** A connection is replaced, without a break, before it is this old. */
  maxConnectionAgeMs: z
    .number()
    .min(60_000)
    .default(23 * 3_600_000),
  /** How long `start()` waits for every subscription to be confirmed. */
  startTimeoutMs: z.number().min(100).default(15_000),
})

/** What users write. */
export type ExchangeCollectorConfig = z.input<typeof exchangeCollectorConfig>

type Config = z.output<typeof exchangeCollectorConfig>

/** Candles are wanted, and have to be made of trades. */
export const makesCandles = ({ dataTypes, candles }: Pick<Config, 'dataTypes' | 'candles'>): boolean =>
  dataTypes.includes('candle') && candles.source === 'trades'

/** What has to be subscribed to for what is wanted. */
export function subscribedTypes(config: Pick<Config, 'dataTypes' | 'candles'>): readonly DataType[] {
  if (!makesCandles(config)) return config.dataTypes
  const others = config.dataTypes.filter((dataType) => dataType !== 'candle' || config.candles.crossCheck)
  return [...new Set<DataType>([...others, 'trade'])]
}

/** What our code reads: defaults filled in, everything checked against the exchange's definition. */
export interface ResolvedExchangeConfig extends Omit<z.output<typeof exchangeCollectorConfig>, 'endpoints'> {
  /** Every endpoint of the exchange, overrides applied. */
  readonly endpoints: Readonly<Record<string, string>>
}

/** Everything that is wrong with a configuration for this exchange; empty when nothing. */
export function exchangeConfigProblems(input: unknown, definition: ExchangeDefinition): readonly ConfigProblem[] {
  const general = problemsOf(exchangeCollectorConfig, input)
  if (general.length > 0) return general
  const config = exchangeCollectorConfig.parse(input)
  return [...symbolProblems(config, definition), ...specificProblems(config, definition)]
}

/** Told in advance to whoever asks; making a collector leaves it to its start, where one wrong name does not take others with it. */
function symbolProblems({ symbol }: Config, definition: ExchangeDefinition): readonly ConfigProblem[] {
  if (definition.nativeSymbolOf(symbol) !== undefined) return []
  const { message, nearest } = noSymbol(symbol, definition)
  return [{ path: 'symbol', message: `symbol: ${message}`, allowed: undefined, nearest }]
}

/** @throws TapekeeperError `CONFIG_INVALID` naming every problem. */
export function resolveExchangeConfig(input: ExchangeCollectorConfig, definition: ExchangeDefinition): ResolvedExchangeConfig {
  const what = `${definition.name} collector`
  const config = parseConfig(exchangeCollectorConfig, input, what)
  const problems = specificProblems(config, definition)
  if (problems.length > 0) throw configError(what, problems)
  return {
    ...config,
    customParams: definition.customParams.parse(config.customParams),
    endpoints: { ...definition.endpoints, ...config.endpoints },
  }
}

/** What of it every collector has. */
export function baseOptionsOf({ id }: ExchangeDefinition, config: ResolvedExchangeConfig): BaseCollectorOptions {
  const { symbol } = config
  const common = Object.keys(commonOptions).map((key) => [key, config[key as keyof typeof commonOptions]] as const)
  const { dataTypes } = config
  return { ...Object.fromEntries(common), exchangeName: id, symbols: [symbol], componentName: `${id}_${symbol}`, dataTypes }
}

/** What only the definition can tell: which data, depths, endpoints and parameters this exchange has. */
function specificProblems(
  config: z.output<typeof exchangeCollectorConfig>,
  definition: ExchangeDefinition,
): readonly ConfigProblem[] {
  const { dataTypes, orderBook, candles } = config
  const ofParams = problemsOf(z.strictObject({ customParams: definition.customParams }), { customParams: config.customParams })
  const params = definition.customParams.safeParse(config.customParams)
  const ofHeeded = params.success ? heededParamProblems(params.data) : []
  const problems = [
    ...ofParams,
    ...ofHeeded,
    ...endpointProblems(config.endpoints, definition),
    ...credentialProblems(config, definition),
  ]
  for (const dataType of dataTypes) {
    if (!definition.dataTypes.includes(dataType) && !(dataType === 'candle' && isMadeHere(config, definition))) {
      problems.push(notOffered('dataTypes', dataType, definition.dataTypes, definition))
    }
  }
  if (dataTypes.includes('orderbook') && !definition.orderBookDepths.includes(orderBook.depth)) {
    problems.push(notOffered('orderBook.depth', String(orderBook.depth), definition.orderBookDepths.map(String), definition))
  }
  if (dataTypes.includes('candle')) {
    problems.push(...candles.timeframes.flatMap((timeframe) => timeframeProblems(timeframe, config, definition)))
  }
  return problems
}

const isMadeHere = ({ candles }: Pick<Config, 'candles'>, { dataTypes }: ExchangeDefinition): boolean =>
  candles.source === 'trades' && dataTypes.includes('trade')

function timeframeProblems(timeframe: CandleTimeframe, config: Config, definition: ExchangeDefinition): readonly ConfigProblem[] {
  const { source, crossCheck } = config.candles
  const isTheirs = definition.timeframes.includes(timeframe)
  if (source === 'exchange' || (crossCheck && !isTheirs)) {
    return isTheirs ? [] : [notOffered('candles.timeframes', timeframe, definition.timeframes, definition)]
  }
  if (isTimeframe(timeframe)) return []
  const help = isTheirs ? `; ${definition.name} sends it ready-made: source "exchange"` : ''
  const message = `candles.timeframes: ${timeframe} is not made of trades (allowed values: ${TIMEFRAMES.join(', ')})${help}`
  return [{ path: 'candles.timeframes', message, allowed: TIMEFRAMES, nearest: undefined }]
}

function endpointProblems(endpoints: Readonly<Record<string, string>>, definition: ExchangeDefinition): readonly ConfigProblem[] {
  const names = Object.keys(definition.endpoints)
  const schema = z.strictObject({
    endpoints: z.strictObject(Object.fromEntries(names.map((name) => [name, urlSchema(name === 'rest').optional()]))),
  })
  return problemsOf(schema, { endpoints })
}

function urlSchema(isRest: boolean): z.ZodType {
  const protocols = isRest ? ['http:', 'https:'] : ['ws:', 'wss:']
  const fits = (value: string): boolean => URL.canParse(value) && protocols.includes(new URL(value).protocol)
  return z.string().refine(fits, `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`)
}

function credentialProblems(
  { dataTypes, credentials }: z.output<typeof exchangeCollectorConfig>,
  definition: ExchangeDefinition,
): readonly ConfigProblem[] {
  if (credentials === undefined) {
    if (!dataTypes.includes('balance') || definition.credentials === undefined) return []
    return [
      {
        path: 'credentials',
        message: 'dataTypes has "balance", which needs credentials',
        allowed: undefined,
        nearest: undefined,
      },
    ]
  }
  return problemsOf(z.strictObject({ credentials: definition.credentials ?? z.undefined() }), { credentials })
}

function notOffered(path: string, value: string, allowed: readonly string[], { name }: ExchangeDefinition): ConfigProblem {
  return {
    path,
    message: `${path}: ${name} does not offer ${value} (allowed values: ${allowed.join(', ')})`,
    allowed,
    nearest: undefined,
  }
}
