import type { StorageRecord } from '../storage-record.ts'
import { isCursor, isGap, keyOf, type CursorEntry, type Entry } from './entry.ts'

/** What waits in memory, in order. The front of it may be on its way somewhere: that stays until it has arrived. */
export class WaitingRows {
  #entries: Entry[] = []
  #taken = 0
  /** On their way into the repository, and into the spool; counted from the front, at most one way is the longer. */
  #storing = 0
  #spooling = 0
  /** The newest of each stream. */
  readonly #cursors = new Map<string, CursorEntry>()
  /** The newest of each candle, by its key. */
  readonly #candles = new Map<string, Entry>()

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
    if (record.kind === 'candle' && this.#isRevised(entry)) return
    this.#entries.push(entry)
    if (isCursor(entry)) this.#cursors.set(entry.record.row.stream, entry)
  }

  /**
   * A revision takes the place of the same candle that still waits: it would overwrite it. The trades of an absence, read again in one
   * go, revise each candle many times over.
   */
  #isRevised(entry: Entry): boolean {
    const key = keyOf(entry)
    const older = this.#candles.get(key)
    const at = older === undefined || !isRevision(entry) ? -1 : this.#idleAt(older)
    const newest = older === undefined || at < 0 ? entry : { ...entry, order: older.order }
    this.#candles.set(key, newest)
    if (at >= 0) this.#entries[at] = newest
    return at >= 0
  }

  /** Where it is, unless it is on its way. */
  #idleAt({ order }: Entry): number {
    let [low, high] = [this.#busy, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle]?.order ?? Infinity) < order) low = middle + 1
      else high = middle
    }
    return this.#entries[low]?.order === order ? low : -1
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
    this.#forget(batch.filter((entry) => resolved.has(entry)))
  }

  /** All of it, for the spool. */
  startSpooling(): readonly Entry[] {
    this.#spooling = this.#entries.length
    return this.#entries.slice()
  }

  /** When it has arrived there, it matters no more what becomes of it on the other way. */
  endSpooling(arrived: boolean): void {
    if (arrived) {
      this.#forget(this.#entries.splice(0, this.#spooling))
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
    this.#forget(gone)
    return gone
  }

  /**
   * Takes out the oldest rows that are not on their way, until no more than so many are left. Cursors take no harm: an outdated one
   * gives way to the newest of its stream, and that one may be one too many. Gaps are the last to go: what they tell, nothing else does.
   */
  dropDownTo(count: number): readonly Entry[] {
    const dropped: Entry[] = []
    while (this.#entries.length > count) {
      const entry = this.#takeOldest(false) ?? this.#takeOldest(true)
      if (entry === undefined) break
      if (isCursor(entry)) this.#cursors.get(entry.record.row.stream)?.waiters.push(...entry.waiters.splice(0))
      else dropped.push(entry)
    }
    return dropped
  }

  #takeOldest(alsoGaps: boolean): Entry | undefined {
    for (let i = this.#busy; i < this.#entries.length; i++) {
      const entry = this.#entries[i]
      if (entry === undefined) break
      if (isGap(entry) && !alsoGaps) continue
      if (isCursor(entry) && !this.#isOutdated(entry)) continue
      this.#entries.splice(i, 1)
      if (entry.record.kind === 'candle') this.#forgetCandle(entry)
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

  #forget(gone: readonly Entry[]): void {
    for (const entry of gone) {
      if (isCursor(entry) && !this.#isOutdated(entry)) this.#cursors.delete(entry.record.row.stream)
      if (entry.record.kind === 'candle') this.#forgetCandle(entry)
    }
  }

  #forgetCandle(entry: Entry): void {
    const key = keyOf(entry)
    if (this.#candles.get(key) === entry) this.#candles.delete(key)
  }
}

const isRevision = ({ record }: Entry): boolean => record.kind === 'candle' && record.row.status === 'revised'
