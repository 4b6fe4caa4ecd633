import type { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { SinkStatus } from '../../ports/sink.ts'
import type { Spool } from '../spool.ts'
import type { StorageRecord } from '../storage-record.ts'
import type { LossReason } from './entry.ts'
import type { WriterRepositories } from './repository-gate.ts'

/** How a writer batches and waits. Every key has a default. */
export interface WriterTuning {
  /** So many rows are written at once, as soon as they wait. Default 1,000. */
  readonly batchRows?: number | undefined
  /** More that wait go along, up to so many. Default 5,000. */
  readonly maxBatchRows?: number | undefined
  /** Fewer rows than a batch wait this long. Milliseconds; default 250. */
  readonly maxDelayMs?: number | undefined
  /** Rows held in memory; with a spool they go there from half of that on. Default 20,000. */
  readonly maxQueuedRows?: number | undefined
  /** A repository or spool that takes longer than this has failed. Milliseconds; default 30,000. */
  readonly operationTimeoutMs?: number | undefined
}

export interface StorageWriterOptions extends WriterTuning {
  /** Whose rows they are; for status and errors. */
  readonly name: string
  readonly repositories: WriterRepositories
  /** Where rows wait while the database is away. Default: nowhere but in memory. */
  readonly spool?: Spool | undefined
  /** The name of its lane, the same after a restart. Default: `name`. */
  readonly lane?: string | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  /** A closed candle overwrites a stored one, revision or not. Default false. */
  readonly forceUpdateCandles?: boolean | undefined
  /** `DATABASE_FAILED` and `SPOOL_FAILED` once for each outage, `ROW_REJECTED` for each row, `STORAGE_OVERFLOW` once for each spell. */
  readonly onError?: ((error: TapekeeperError) => void) | undefined
  /** Rows that will never be stored, in order, and why. */
  readonly onLost?: ((records: readonly StorageRecord[], reason: LossReason) => void) | undefined
}

/** How a writer is doing. */
export interface StorageStatus extends SinkStatus {
  readonly inserted: number
  /** Were there already, and stayed as they were. */
  readonly kept: number
  readonly overwritten: number
}

export const TUNING = {
  batchRows: 1_000,
  maxBatchRows: 5_000,
  maxDelayMs: 250,
  maxQueuedRows: 20_000,
  operationTimeoutMs: 30_000,
} as const satisfies WriterTuning
