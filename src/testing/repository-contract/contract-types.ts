import type { PointOf } from '../../domain/market-data.ts'
import type { MarketDataRepository, RawTradeRepository, RepositoryCapabilities } from '../../storage/repository.ts'

/** What the suite needs of `expect`: jest's, vitest's, bun's and the package `expect` have it. */
export type ContractExpect = (actual: unknown) => {
  toBe(expected: unknown): unknown
  toEqual(expected: unknown): unknown
}

/** What the suite needs of `test`. Without `skip`, what is left out appears as a test that does nothing and says so in its name. */
export interface ContractTestFunction {
  (name: string, run: () => Promise<void>, timeoutMs: number): unknown
  readonly skip?: (name: string, run: () => Promise<void>) => unknown
}

/** The repositories of one database; one object may be both. */
export interface ContractRepositories {
  /** Of what stores `candles`. */
  readonly marketData?: MarketDataRepository | undefined
  /** Of what stores `trades`, `frames`, `cursors` or `gaps`. */
  readonly rawTrades?: RawTradeRepository | undefined
}

/** What one test works on: an empty database of its own. */
export interface ContractSubject extends ContractRepositories {
  /**
   * Opens the same database once more, which proves persistence; of a repository that is not persistent left out. The suite closes the
   * earlier repositories first, except of one that is shared: there both are used at the same time.
   */
  readonly reopen?: (() => Promise<ContractRepositories>) | undefined
  /** After everything has been closed: drops the database. */
  readonly cleanUp?: (() => Promise<void>) | undefined
  /** A trade that this repository can never store. Left out: what becomes of one is not tested. */
  readonly badTrade?: PointOf<'trade'> | undefined
}

export interface RepositoryContractOptions {
  /** Of vitest, jest, or anything that looks like them. */
  readonly test: ContractTestFunction
  readonly expect: ContractExpect
  /** Called at the beginning of each test. */
  readonly create: () => Promise<ContractSubject>
  /** What you say that your repository can: it must declare the same. What is not among it is skipped, with the reason. */
  readonly capabilities: RepositoryCapabilities
  /** Groups the tests by what they are about. */
  readonly describe?: ((name: string, define: () => void) => unknown) | undefined
  /** For one test, milliseconds. Default a minute, of which a local database needs a few seconds at most. */
  readonly timeoutMs?: number | undefined
}
