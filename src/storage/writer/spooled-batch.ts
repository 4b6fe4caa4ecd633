import { decodeRecord, kindOfLine } from '../record-codec.ts'
import { WAITS_FOR, type RecordKind, type StorageRecord } from '../storage-record.ts'
import type { Entry } from './entry.ts'
import type { SpoolKeeper } from './spool-keeper.ts'
import { SpooledKinds } from './spooled-kinds.ts'

/** A batch of which something is stuck is extended by what comes behind it, up to so many lines. */
const MAX_LINES = 50_000

interface SpooledBatchOptions {
  readonly spool: SpoolKeeper
  readonly maxRows: number
  readonly takes: (kind: RecordKind) => boolean
  readonly onDamaged: (line: string, cause: unknown) => Promise<void>
}

/** The oldest lines of the spool, as far as they are not stored yet. They leave the spool together. */
export class SpooledBatch {
  entries: readonly Entry[] = []

  readonly #options: SpooledBatchOptions
  /** Of the batch, also of what has been stored: after a crash it comes again. */
  readonly #kinds = new Set<RecordKind>()
  readonly #behind = new SpooledKinds()
  #lines = 0
  /** Rows in it are doubted: others may prove them wrong. */
  #isHeld = false

  constructor(options: SpooledBatchOptions) {
    this.#options = options
  }

  /** What an earlier process left. */
  found(lines: number): void {
    this.#behind.found(lines)
  }

  appended(lines: readonly string[]): void {
    this.#behind.appended(lines)
  }

  /** The spool has lines of this kind: whatever comes later has to wait behind them. */
  has(kind: RecordKind): boolean {
    return this.#kinds.has(kind) || this.#behind.has(kind)
  }

  /** The next round can do something for this kind: it is in the batch, or behind it where the batch can grow. */
  offers(kind: RecordKind): boolean {
    return this.#isReady(kind) ?? (this.#canGrow && this.#behind.has(kind))
  }

  /** Undefined when none is in the batch, nor anything that it would have to wait for. */
  #isReady(kind: RecordKind): boolean | undefined {
    const first = this.entries.find(({ record }) => record.kind === kind || WAITS_FOR[kind].includes(record.kind))
    return first && first.record.kind === kind
  }

  /** Nothing of it is left to be stored: it has to leave. */
  get isDone(): boolean {
    return this.#lines > 0 && this.entries.length === 0
  }

  get #canGrow(): boolean {
    return this.#lines < Math.min(MAX_LINES, this.#options.spool.lines)
  }

  /** Is there anything to be had behind it that can be stored while this waits? */
  #hasToGrow(kinds: readonly RecordKind[]): boolean {
    if (this.isDone || !this.#canGrow) return false
    if (this.#lines === 0 || this.#isHeld) return true
    return kinds.some((kind) => this.#behind.has(kind) && this.#isReady(kind) === undefined)
  }

  /**
   * Reads lines where there are none, or more of them.
   *
   * @param kinds that can be stored now.
   * @returns false when they cannot be read.
   */
  async fill(kinds: readonly RecordKind[]): Promise<boolean> {
    const { spool, maxRows } = this.#options
    if (!this.#hasToGrow(kinds)) return true
    const lines = await spool.read(this.#lines + maxRows)
    if (lines === undefined) return false
    const fresh = lines.slice(this.#lines)
    this.#lines = lines.length
    this.#behind.read(fresh)
    const entries: Entry[] = [...this.entries]
    for (const kind of fresh.map(kindOfLine)) if (kind !== undefined) this.#kinds.add(kind)
    for (const line of fresh) {
      const record = await this.#decode(line)
      // Entries of the spool are never told apart by their order.
      if (record !== undefined) entries.push({ order: 0, record, waiters: [] })
    }
    this.entries = entries
    return true
  }

  settle(resolved: ReadonlySet<Entry>, isHeld: boolean): void {
    this.entries = this.entries.filter((entry) => !resolved.has(entry))
    this.#isHeld = isHeld
  }

  /** When nothing of it is left to be stored. @returns false when the spool cannot let go of it now. */
  async leave(): Promise<boolean> {
    if (!(await this.#options.spool.drop(this.#lines))) return false
    this.#lines = 0
    this.#kinds.clear()
    this.#isHeld = false
    return true
  }

  async #decode(line: string): Promise<StorageRecord | undefined> {
    try {
      const record = decodeRecord(line)
      if (this.#options.takes(record.kind)) return record
      // An outdated cursor is worth nothing; a row that has lost its place is for people to look at.
      if (record.kind === 'cursor') return undefined
      throw new Error(`no repository takes a ${record.kind}`)
    } catch (cause) {
      await this.#options.onDamaged(line, cause)
      return undefined
    }
  }
}
