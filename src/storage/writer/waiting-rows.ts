import { RECORD_KINDS, WAITS_FOR, type RecordKind, type StorageRecord } from '../storage-record.ts'
import { isCursor, isGap, keyOf, type CursorEntry, type Entry } from './entry.ts'
import { KindQueue } from './kind-queue.ts'

/** What waits in memory: a queue for each kind, so that a table that takes nothing holds up no other. */
export class WaitingRows {
  readonly #queues = new Map(RECORD_KINDS.map((kind) => [kind, new KindQueue()] as const))
  #taken = 0
  /** The newest of each stream. */
  readonly #cursors = new Map<string, CursorEntry>()
  /** The newest of each candle, by its key. */
  readonly #candles = new Map<string, Entry>()

  get length(): number {
    let length = 0
    for (const queue of this.#queues.values()) length += queue.length
    return length
  }

  get lastOrder(): number {
    return this.#taken
  }

  get firstOrder(): number {
    return this.#firstOrderOf(RECORD_KINDS)
  }

  /** Of this kind, also what is on its way. */
  lengthOf(kind: RecordKind): number {
    return this.#queue(kind).length
  }

  /** Neither on the way to the repository nor to the spool. */
  idleOf(kind: RecordKind): number {
    return this.#queue(kind).idle
  }

  /** Changes when rows that are being stored have gone another way. */
  epochOf(kind: RecordKind): number {
    return this.#queue(kind).epoch
  }

  /** How many of a kind may be stored now: those before which nothing is left that they wait for. */
  storableOf(kind: RecordKind): number {
    return this.#queue(kind).lengthUpTo(this.#firstOrderOf(WAITS_FOR[kind]))
  }

  /** A cursor that could be stored came before the first row of this kind: whoever finds the rows must find it. */
  hasCursorAhead(kind: RecordKind): boolean {
    const cursor = this.#queue('cursor').firstOrder
    return cursor !== undefined && cursor < this.#firstOrderOf(WAITS_FOR.cursor) && cursor < this.#firstOrderOf([kind])
  }

  push(record: StorageRecord, waiter?: (error?: Error) => void): void {
    const entry: Entry = { order: ++this.#taken, record, waiters: waiter === undefined ? [] : [waiter] }
    const queue = this.#queue(record.kind)
    if (record.kind === 'candle' && this.#isRevised(queue, entry)) return
    queue.push(entry)
    if (isCursor(entry)) this.#cursors.set(entry.record.row.stream, entry)
  }

  /**
   * A revision takes the place of the same candle that still waits: it would overwrite it. The trades of an absence, read again in one
   * go, revise each candle many times over.
   */
  #isRevised(queue: KindQueue, entry: Entry): boolean {
    const key = keyOf(entry)
    const older = this.#candles.get(key)
    const newest = older === undefined || !isRevision(entry) ? undefined : { ...entry, order: older.order }
    const isInPlace = newest !== undefined && queue.replaceIdle(newest)
    this.#candles.set(key, isInPlace ? newest : entry)
    return isInPlace
  }

  /** The next batch for the repository. */
  startStoring(kind: RecordKind, count: number): readonly Entry[] {
    return this.#queue(kind).startStoring(Math.min(count, this.storableOf(kind)))
  }

  /** What is resolved leaves; the rest stays where it was. */
  endStoring(kind: RecordKind, resolved: ReadonlySet<Entry>): void {
    this.#forget(this.#queue(kind).endStoring(resolved))
  }

  /** How many of a kind may go into the spool, together with all that waits of these kinds. */
  spoolableOf(kind: RecordKind, kinds: ReadonlySet<RecordKind>): number {
    return this.#queue(kind).lengthUpTo(this.#firstOrderOf(WAITS_FOR[kind].filter((other) => !kinds.has(other))))
  }

  /** What may go there of these kinds, in the order in which it came. */
  startSpooling(kinds: ReadonlySet<RecordKind>): readonly Entry[] {
    return inOrder([...kinds].flatMap((kind) => this.#queue(kind).startSpooling(this.spoolableOf(kind, kinds))))
  }

  /** When it has arrived there, it matters no more what becomes of it on the other way. */
  endSpooling(kinds: ReadonlySet<RecordKind>, arrived: boolean): void {
    for (const kind of kinds) this.#forget(this.#queue(kind).endSpooling(arrived))
  }

  /** Takes out all of these kinds up to `order`, and what waits for something of that. */
  giveUp(kinds: readonly RecordKind[], order: number): readonly Entry[] {
    const gone = kinds.flatMap((kind) => this.#queue(kind).takeOut((entry) => entry.order <= order))
    for (const kind of ['gap', 'cursor'] as const) {
      let first = Infinity
      for (const entry of gone) if (WAITS_FOR[kind].includes(entry.record.kind)) first = Math.min(first, entry.order)
      gone.push(...this.#queue(kind).takeOut((entry) => entry.order > first && entry.order <= order))
    }
    this.#forget(gone)
    return inOrder(gone)
  }

  /**
   * Takes out the oldest rows that are not on their way, until no more than so many are left. Cursors take no harm: an outdated one
   * gives way to the newest of its stream, and that one may be one too many. Gaps are the last to go: what they tell, nothing else does.
   */
  dropDownTo(count: number): readonly Entry[] {
    const dropped: Entry[] = []
    while (this.length > count) {
      const entry = this.#takeOldest(false) ?? this.#takeOldest(true)
      if (entry === undefined) break
      if (isCursor(entry)) this.#cursors.get(entry.record.row.stream)?.waiters.push(...entry.waiters.splice(0))
      else dropped.push(entry)
    }
    return dropped
  }

  #takeOldest(alsoGaps: boolean): Entry | undefined {
    const isSpare = (entry: Entry): boolean => (isCursor(entry) ? this.#isOutdated(entry) : alsoGaps || !isGap(entry))
    let oldest: { readonly queue: KindQueue; readonly entry: Entry } | undefined
    for (const queue of this.#queues.values()) {
      const entry = queue.firstIdle(isSpare)
      if (entry !== undefined && (oldest === undefined || entry.order < oldest.entry.order)) oldest = { queue, entry }
    }
    oldest?.queue.remove(oldest.entry)
    if (oldest?.entry.record.kind === 'candle') this.#forgetCandle(oldest.entry)
    return oldest?.entry
  }

  #queue(kind: RecordKind): KindQueue {
    const queue = this.#queues.get(kind)
    if (queue === undefined) throw new RangeError(`no kind of rows: ${kind}`)
    return queue
  }

  #firstOrderOf(kinds: readonly RecordKind[]): number {
    let first = Infinity
    for (const kind of kinds) first = Math.min(first, this.#queue(kind).firstOrder ?? Infinity)
    return first
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

const inOrder = (entries: readonly Entry[]): readonly Entry[] => entries.toSorted((a, b) => a.order - b.order)
