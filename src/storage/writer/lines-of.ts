import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { encodeRecord } from '../record-codec.ts'
import type { StorageRecord } from '../storage-record.ts'

interface Unfit {
  readonly record: StorageRecord
  readonly cause: Error
}

/** Records as lines of the spool, and those that cannot be written down. */
export function linesOf(records: readonly StorageRecord[]): {
  readonly lines: readonly string[]
  readonly unfit: readonly Unfit[]
} {
  const lines: string[] = []
  const unfit: Unfit[] = []
  for (const record of records) {
    try {
      lines.push(encodeRecord(record))
    } catch (cause) {
      unfit.push({ record, cause: TapekeeperError.from(cause, 'ROW_REJECTED') })
    }
  }
  return { lines, unfit }
}
