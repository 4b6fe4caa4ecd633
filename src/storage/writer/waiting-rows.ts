import type { StorageRecord } from '../storage-record.ts'
import { isCursor, type CursorEntry, type Entry } from './entry.ts'

/** What waits in memory, in order. The front of it may be on its way somewhere: that stays until it has arrived. */
export class WaitingRows {
  #entries: Entry[] = []
  #taken = 0
  /** On their way into the repository, and into the spool; counted from the front, at most one way is the longer. */
  #storing = 0
  #spooling = 0
  /** The newest of each stream. */
  readonly #cursors = new Map<string, CursorEntry>()

  get length(): number {
    return this.#entries.length
  }

  /** Neither on the way to the repository nor to the spool. */
  get idle(): number {
    return this.#entries.length - this.#busy
  }

  get lastOrder(): number {
    return this.#taken
  }

  get firstOrder(): number | undefined {
    return this.#entries[0]?.order
  }

  get #busy(): number {
    return Math.max(this.#storing, this.#spooling)
  }

  push(record: StorageRecord, waiter?: (error?: Error) => void): void {
    const entry: Entry = { order: ++this.#taken, record, waiters: waiter === undefined ? [] : [waiter] }
    this.#entries.push(entry)
    if (isCursor(entry)) this.#cursors.set(entry.record.row.stream, entry)
  }

  /** The next batch for the repository. */
  startStoring(count: number): readonly Entry[] {
    const batch = this.#entries.slice(0, count)
    this.#storing = batch.length
    return batch
  }

  /** What is resolved leaves; the rest stays where it was. */
  endStoring(resolved: ReadonlySet<Entry>): void {
    const batch = this.#entries.slice(0, this.#storing)
    this.#entries = [...batch.filter((entry) => !resolved.has(entry)), ...this.#entries.slice(this.#storing)]
    this.#storing = 0
    this.#forgetCursors(batch.filter((entry) => resolved.has(entry)))
  }

  /** All of it, for the spool. */
  startSpooling(): readonly Entry[] {
    this.#spooling = this.#entries.length
    return this.#entries.slice()
  }

  /** When it has arrived there, it matters no more what becomes of it on the other way. */
  endSpooling(arrived: boolean): void {
    if (arrived) {
      this.#forgetCursors(this.#entries.splice(0, this.#spooling))
      this.#storing = 0
    }
    this.#spooling = 0
  }

  /** Takes out all up to `order`. */
  giveUp(order: number): readonly Entry[] {
    const end = this.#entries.findIndex((entry) => entry.order > order)
    const gone = this.#entries.splice(0, end < 0 ? this.#entries.length : end)
    this.#storing = 0
    this.#spooling = 0
    this.#forgetCursors(gone)
    return gone
  }

  /**
   * Takes out the oldest rows that are not on their way, until no more than so many are left. Cursors take no harm: an outdated one
   * gives way to the newest of its stream, and that one may be one too many.
   */
  dropDownTo(count: number): readonly StorageRecord[] {
    const dropped: StorageRecord[] = []
    while (this.#entries.length > count) {
      const entry = this.#takeOldest()
      if (entry === undefined) break
      if (isCursor(entry)) this.#cursors.get(entry.record.row.stream)?.waiters.push(...entry.waiters.splice(0))
      else dropped.push(entry.record)
    }
    return dropped
  }

  #takeOldest(): Entry | undefined {
    for (let i = this.#busy; i < this.#entries.length; i++) {
      const entry = this.#entries[i]
      if (entry === undefined) break
      if (isCursor(entry) && !this.#isOutdated(entry)) continue
      this.#entries.splice(i, 1)
      return entry
    }
    return undefined
  }

  /** The cursor of a stream that waits here. */
  cursor(stream: string): CursorEntry | undefined {
    return this.#cursors.get(stream)
  }

  #isOutdated(entry: CursorEntry): boolean {
    return this.#cursors.get(entry.record.row.stream) !== entry
  }

  #forgetCursors(gone: readonly Entry[]): void {
    for (const entry of gone) if (isCursor(entry) && !this.#isOutdated(entry)) this.#cursors.delete(entry.record.row.stream)
  }
}
