import type { PointOf, RawTradeRepository } from 'tapekeeper'

export type BenchRow = PointOf<'trade'>

/** A database, and the two ways into it that are compared. */
export interface StorageSubject {
  /** For example `SQLite`. */
  readonly name: string
  /** The driver with its version, and what its own fastest bulk insert is. */
  readonly path: string
  /** Both with our table, empty. */
  open(): Promise<OpenStorage>
  /** After the last measurement. */
  close(): Promise<void>
}

export interface OpenStorage {
  /** The driver's own fastest way to insert a batch: committed when it resolves. */
  readonly insert: (batch: readonly BenchRow[]) => Promise<void>
  readonly repository: RawTradeRepository
  /** Trades in the table, counted. */
  count(): Promise<number>
  close(): Promise<void>
}
