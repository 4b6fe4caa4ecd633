import { z } from 'zod'
import { addProblems, problemsOf, type ConfigProblem } from '../../errors/config-problems.ts'
import type { Output } from '../../outputs/output.ts'
import type { MarketDataRepository, RawTradeRepository } from '../../storage/repository.ts'
import { storageOptions } from '../../storage/storage-options.ts'

/** Where candles and trades are kept. Both may be one object. */
export interface Repositories {
  /** Closed candles, and their revisions. */
  readonly marketData?: MarketDataRepository | undefined
  /** Trades, the tape's cursor, and raw frames with `storeRawData`. */
  readonly rawTrades?: RawTradeRepository | undefined
}

/** What is handed in is left open at the end; what a function makes is closed by whoever called it. */
export type OrMaker<T> = T | (() => T | Promise<T>)

const REPOSITORY = ['healthCheck', 'statistics', 'close']
const MARKET_DATA = ['saveCandles', 'candles', 'latestCandle', ...REPOSITORY]
const RAW_TRADES = ['saveTrades', 'trades', 'latestTrade', ...REPOSITORY]
const OUTPUT = ['publish', 'close']

const hasMethods = (value: unknown, names: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')

const withMethods = <T>(names: readonly string[]) =>
  z.custom<T>((value) => hasMethods(value, names), `must have the methods ${names.join(', ')}`)

const MUST_PUBLISH = `must have the methods ${OUTPUT.join(', ')}, or be a function that makes such an object`

/** Whoever has one object for both may well hand in that. */
const ONE_FOR_BOTH: ConfigProblem = {
  path: 'repositories',
  message: 'repositories is a repository itself: write { marketData: it, rawTrades: it }',
  allowed: ['marketData', 'rawTrades'],
  nearest: undefined,
}

const isMaker = (value: unknown): boolean => typeof value === 'function'

const repositories = z.strictObject({
  marketData: withMethods<MarketDataRepository>(MARKET_DATA).optional(),
  rawTrades: withMethods<RawTradeRepository>(RAW_TRADES).optional(),
})

/** Under their keys, so that a problem is named by its whole path. They check what a maker has made, too. */
export const givenRepositories = z.strictObject({ repositories })
export const givenOutput = z.strictObject({ output: withMethods<Output>(OUTPUT) })

/** Where data goes besides callbacks. Collectors and managers have these options. */
export const sinkOptions = {
  /**
   * Where candles and trades are kept: `{ marketData, rawTrades }`, or a function that makes them at the start, to be closed after the
   * stop. Default: nowhere.
   */
  repositories: z
    .custom<OrMaker<Repositories>>()
    .transform((value, context): OrMaker<Repositories> => {
      if (isMaker(value)) return value
      const problems = hasMethods(value, REPOSITORY) ? [ONE_FOR_BOTH] : problemsOf(givenRepositories, { repositories: value })
      return problems.length === 0 ? value : addProblems(context, problems)
    })
    .optional(),
  /** Of `repositories`: how rows are written, and where they wait while the database is away. */
  storage: storageOptions.prefault({}),
  /** Of `repositories`: overwrite a stored candle also by one that is not a revision. */
  forceUpdateCandles: z.boolean().default(false),
  /** Where points and gaps are published; each one, or a function that makes it at the start, to be closed after the stop. */
  outputs: z
    .array(z.custom<OrMaker<Output>>((value) => isMaker(value) || hasMethods(value, OUTPUT), MUST_PUBLISH))
    .readonly()
    .default([]),
}

export type ResolvedSinkOptions = z.output<z.ZodObject<typeof sinkOptions>>
