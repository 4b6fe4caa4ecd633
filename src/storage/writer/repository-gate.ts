import type { Gap } from '../../domain/gap.ts'
import type { TapeCursor } from '../../ports/cursor-store.ts'
import { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { MarketDataRepository, RawTradeRepository, Repository, StoredCursor, WriteResult } from '../repository.ts'
import type { StorageRecord, StreamCursor } from '../storage-record.ts'
import type { Verdict } from './isolation.ts'
import type { Patience } from './patience.ts'
import { saveTrades } from './save-trades.ts'

/** Where a writer writes to. Both given: they are one object, or share one queue. */
export interface WriterRepositories {
  readonly marketData?: MarketDataRepository | undefined
  readonly rawTrades?: RawTradeRepository | undefined
}

export type RowKind = Exclude<StorageRecord['kind'], 'cursor'>

interface GateOptions {
  readonly repositories: WriterRepositories
  readonly patience: Patience
  readonly operationTimeoutMs: number
  readonly forceUpdateCandles: boolean
}

/** A health check that takes longer is an answer, too. */
const LONGEST_HEALTH_CHECK_MS = 5_000

/** The repositories behind a fence: whatever they do becomes a verdict, in time. */
export class RepositoryGate {
  /** Attempts that failed. */
  failures = 0

  readonly #options: GateOptions

  constructor(options: GateOptions) {
    this.#options = options
  }

  get name(): string {
    const { rawTrades, marketData } = this.#options.repositories
    return rawTrades?.name ?? marketData?.name ?? 'nowhere'
  }

  takes(kind: StorageRecord['kind']): boolean {
    const { rawTrades, marketData } = this.#options.repositories
    switch (kind) {
      case 'trade':
        return rawTrades !== undefined
      case 'candle':
        return marketData !== undefined
      case 'frame':
        return rawTrades?.saveFrames !== undefined && rawTrades.capabilities.stores.includes('frames')
      case 'cursor':
        return rawTrades?.cursor !== undefined && rawTrades.capabilities.stores.includes('cursors')
      case 'gap':
        return rawTrades !== undefined && keepsGaps(rawTrades)
    }
  }

  /** Rows of one kind. */
  async save(kind: RowKind, rows: readonly StorageRecord['row'][]): Promise<Verdict> {
    const { patience, repositories, forceUpdateCandles } = this.#options
    const { rawTrades, marketData } = repositories
    // The caller has grouped them by kind.
    const call = (): Promise<WriteResult | undefined> => {
      if (kind === 'trade')
        return Promise.resolve(rawTrades && saveTrades(rawTrades, rows as Parameters<RawTradeRepository['saveTrades']>[0]))
      if (kind === 'frame')
        return Promise.resolve(rawTrades?.saveFrames?.(rows as Parameters<NonNullable<RawTradeRepository['saveFrames']>>[0]))
      if (kind === 'gap')
        return Promise.resolve(rawTrades?.saveGaps?.(rows as Parameters<NonNullable<RawTradeRepository['saveGaps']>>[0]))
      return Promise.resolve(
        marketData?.saveCandles(rows as Parameters<MarketDataRepository['saveCandles']>[0], { forceUpdateCandles }),
      )
    }
    try {
      return { is: 'stored', result: countsOf(await patience.run(call)) }
    } catch (error) {
      return this.#judge(error, OPERATIONS[kind], kind === 'candle' ? marketData : rawTrades)
    }
  }

  async saveCursor({ stream, cursor }: StreamCursor): Promise<Verdict> {
    const { patience, repositories } = this.#options
    try {
      await patience.run(async () => repositories.rawTrades?.cursor?.(stream).save(cursor))
      return { is: 'stored', result: NOTHING }
    } catch (error) {
      return this.#judge(error, OPERATIONS.cursor, repositories.rawTrades)
    }
  }

  /** @throws DatabaseOperationError */
  async loadCursor(stream: string): Promise<TapeCursor | undefined> {
    const load = async (): ReturnType<StoredCursor['load']> => this.#options.repositories.rawTrades?.cursor?.(stream).load()
    try {
      return await this.#options.patience.run(load)
    } catch (error) {
      throw DatabaseOperationError.of(error, { operation: 'cursor.load', table: 'cursors' })
    }
  }

  /** @throws DatabaseOperationError */
  async openGaps(stream: string): Promise<readonly Gap[]> {
    try {
      return (await this.#options.patience.run(async () => this.#options.repositories.rawTrades?.openGaps?.(stream))) ?? []
    } catch (error) {
      throw DatabaseOperationError.of(error, { operation: 'openGaps', table: 'gaps' })
    }
  }

  async #judge(cause: unknown, operation: Operation, repository: Repository | undefined): Promise<Verdict> {
    this.failures++
    const error = DatabaseOperationError.of(cause, operation)
    if (error.fault !== 'unknown') return { is: error.fault, error }
    return { is: (await this.#isHealthy(repository)) ? 'unclear' : 'away', error }
  }

  async #isHealthy(repository: Repository | undefined): Promise<boolean> {
    const { patience, operationTimeoutMs } = this.#options
    try {
      const health = await patience.run(
        async () => repository?.healthCheck(),
        Math.min(operationTimeoutMs, LONGEST_HEALTH_CHECK_MS),
      )
      return health?.isHealthy === true
    } catch {
      // One that cannot even say how it is, is not well.
      return false
    }
  }
}

/** Whether a repository declares that it stores gaps, and can. */
export const keepsGaps = (repository: RawTradeRepository): boolean =>
  repository.saveGaps !== undefined && repository.openGaps !== undefined && repository.capabilities.stores.includes('gaps')

interface Operation {
  readonly operation: string
  readonly table: string
}

const OPERATIONS: Readonly<Record<StorageRecord['kind'], Operation>> = {
  trade: { operation: 'saveTrades', table: 'trades' },
  candle: { operation: 'saveCandles', table: 'candles' },
  frame: { operation: 'saveFrames', table: 'frames' },
  cursor: { operation: 'cursor.save', table: 'cursors' },
  gap: { operation: 'saveGaps', table: 'gaps' },
}

const NOTHING: WriteResult = { inserted: 0, kept: 0, overwritten: 0 }

/** A user's adapter may answer anything. */
function countsOf(result: Partial<WriteResult> | undefined): WriteResult {
  const count = (value: unknown): number => (typeof value === 'number' && value >= 0 ? value : 0)
  return { inserted: count(result?.inserted), kept: count(result?.kept), overwritten: count(result?.overwritten) }
}
