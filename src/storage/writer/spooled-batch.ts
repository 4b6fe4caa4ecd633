import { isCursorLine, decodeRecord } from '../record-codec.ts'
import type { StorageRecord } from '../storage-record.ts'
import type { Entry } from './entry.ts'
import type { SpoolKeeper } from './spool-keeper.ts'

/** A batch whose rows are stuck is extended by others that may prove them wrong, up to so many lines. */
const MAX_LINES = 50_000

interface SpooledBatchOptions {
  readonly spool: SpoolKeeper
  readonly maxRows: number
  readonly takes: (kind: StorageRecord['kind']) => boolean
  readonly onDamaged: (line: string, cause: unknown) => Promise<void>
}

/** The oldest lines of the spool, as far as they are not stored yet. They leave the spool together. */
export class SpooledBatch {
  entries: readonly Entry[] = []

  readonly #options: SpooledBatchOptions
  #lines = 0
  #isStuck = false

  constructor(options: SpooledBatchOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#lines === 0
  }

  /** Reads lines where there are none, or more of them. @returns false when they cannot be read. */
  async fill(): Promise<boolean> {
    const { spool, maxRows } = this.#options
    const canGrow = this.#isStuck && this.#lines < Math.min(MAX_LINES, spool.lines) && this.entries.length < maxRows
    if (this.#lines > 0 && !canGrow) return true
    const lines = await spool.read(this.#lines + maxRows)
    if (lines === undefined) return false
    const fresh = lines.slice(this.#lines)
    this.#lines = lines.length
    const entries: Entry[] = [...this.entries]
    for (const line of fresh) {
      const record = await this.#decode(line)
      // Entries of the spool are never told apart by their order.
      if (record !== undefined) entries.push({ order: 0, record, waiters: [] })
    }
    this.entries = entries
    return true
  }

  settle(resolved: ReadonlySet<Entry>, isStuck: boolean): void {
    this.entries = this.entries.filter((entry) => !resolved.has(entry))
    this.#isStuck = isStuck
  }

  /** When nothing of it is left to be stored. @returns false when the spool cannot let go of it now. */
  async leave(): Promise<boolean> {
    if (!(await this.#options.spool.drop(this.#lines))) return false
    this.#lines = 0
    this.#isStuck = false
    return true
  }

  async #decode(line: string): Promise<StorageRecord | undefined> {
    try {
      const record = decodeRecord(line)
      if (this.#options.takes(record.kind)) return record
      // An outdated cursor is worth nothing; a row that has lost its place is for people to look at.
      if (isCursorLine(line)) return undefined
      throw new Error(`no repository takes a ${record.kind}`)
    } catch (cause) {
      await this.#options.onDamaged(line, cause)
      return undefined
    }
  }
}
