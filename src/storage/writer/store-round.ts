import type { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Random } from '../../ports/random.ts'
import type { Gap } from '../../domain/gap.ts'
import type { StreamCursor } from '../storage-record.ts'
import { isCursor, isGap, isMark, keyOf, settle, type CursorEntry, type Entry } from './entry.ts'
import { KindHistory, storeIsolating, type Stop } from './isolation.ts'
import type { RepositoryGate, RowKind } from './repository-gate.ts'

export type Histories = Readonly<Record<RowKind, KindHistory<Entry>>>

export const newHistories = (): Histories => ({
  trade: new KindHistory(),
  candle: new KindHistory(),
  frame: new KindHistory(),
  gap: new KindHistory(),
})

export interface RoundTools {
  readonly gate: RepositoryGate
  readonly histories: Histories
  readonly random: Random
  onCursorStored(row: StreamCursor): void
  onGapStored(gap: Gap): void
  onCursorFailed(row: StreamCursor, error: DatabaseOperationError): void
}

export interface RoundOutcome {
  /** Need not be tried again: stored or rejected. */
  readonly resolved: ReadonlySet<Entry>
  readonly rejected: readonly { readonly entry: Entry; readonly error: DatabaseOperationError }[]
  readonly stored: number
  readonly inserted: number
  readonly kept: number
  readonly overwritten: number
  /** Times that the repository was asked to store something. */
  readonly attempts: number
  /** Why not all is resolved. */
  readonly stop: Stop | undefined
}

const ROW_KINDS: readonly RowKind[] = ['trade', 'candle', 'frame']

/** One attempt to store a batch. Neither method ever rejects. */
export class StoreRound implements RoundOutcome {
  readonly resolved = new Set<Entry>()
  readonly rejected: { entry: Entry; error: DatabaseOperationError }[] = []
  stored = 0
  inserted = 0
  kept = 0
  overwritten = 0
  attempts = 0
  stop: Stop | undefined

  readonly #batch: readonly Entry[]
  readonly #tools: RoundTools

  constructor(batch: readonly Entry[], tools: RoundTools) {
    this.#batch = batch
    this.#tools = tools
  }

  /** All but the cursors, kind by kind; gaps last, as far as no row is left before them. What stands before all rows goes first. */
  async storeRows(): Promise<void> {
    await this.#storeGaps()
    await this.storeCursors()
    for (const kind of ROW_KINDS) {
      if (this.#isOver()) return
      const entries = this.#batch.filter((entry) => entry.record.kind === kind)
      if (entries.length > 0) this.stop = (await this.#storeRows(kind, entries)) ?? this.stop
    }
    if (!this.#isOver()) await this.#storeGaps()
  }

  async #storeGaps(): Promise<void> {
    const end = this.#batch.findIndex((entry) => !isMark(entry) && !this.resolved.has(entry))
    const ready = (end < 0 ? this.#batch : this.#batch.slice(0, end)).filter((entry) => isGap(entry) && !this.resolved.has(entry))
    if (ready.length === 0) return
    if (this.#tools.gate.takes('gap')) this.stop = (await this.#storeRows('gap', ready)) ?? this.stop
    else for (const entry of ready) this.resolved.add(entry)
    for (const entry of ready) if (this.resolved.has(entry)) this.#settleGap(entry)
  }

  #settleGap(entry: Entry): void {
    if (entry.record.kind === 'gap') this.#tools.onGapStored(entry.record.row)
    settle(entry, this.rejected.find((other) => other.entry === entry)?.error)
  }

  /** What is only held does not stop the other kinds. */
  #isOver(): boolean {
    return this.stop !== undefined && this.stop.is !== 'held'
  }

  #storeRows(kind: RowKind, entries: readonly Entry[]): Promise<Stop | undefined> {
    const { gate, histories, random } = this.#tools
    return storeIsolating(entries, {
      history: histories[kind],
      random,
      keyOf,
      attempt: (some) => {
        this.attempts++
        const rows = some.map(({ record }) => record.row)
        return gate.save(kind, rows)
      },
      onStored: (some, result) => {
        for (const entry of some) this.resolved.add(entry)
        this.stored += some.length
        this.inserted += result.inserted
        this.kept += result.kept
        this.overwritten += result.overwritten
      },
      onRejected: (entry, error) => {
        this.resolved.add(entry)
        this.rejected.push({ entry, error })
      },
    })
  }

  /** Those before which no row and no gap is left. Comes last, so that the rejected rows have been reported. */
  async storeCursors(): Promise<void> {
    if (this.#isOver()) return
    for (const cursors of this.#readyCursors().values()) {
      const newest = cursors.at(-1)
      if (newest === undefined) continue
      const error = await this.#storeCursor(newest)
      if (this.#isOver()) return
      for (const cursor of cursors) {
        this.resolved.add(cursor)
        settle(cursor, error)
      }
    }
  }

  /** By stream, oldest first: those before which nothing is left to be stored. */
  #readyCursors(): ReadonlyMap<string, readonly CursorEntry[]> {
    const end = this.#batch.findIndex((entry) => !isCursor(entry) && !this.resolved.has(entry))
    const ready = (end < 0 ? this.#batch : this.#batch.slice(0, end))
      .filter(isCursor)
      .filter((entry) => !this.resolved.has(entry))
    const byStream = new Map<string, CursorEntry[]>()
    for (const entry of ready) {
      const { stream } = entry.record.row
      const others = byStream.get(stream)
      if (others === undefined) byStream.set(stream, [entry])
      else others.push(entry)
    }
    return byStream
  }

  /** One that cannot be stored blocks nothing: the next one comes soon, and the older one is safe. */
  async #storeCursor({ record: { row } }: CursorEntry): Promise<DatabaseOperationError | undefined> {
    const tools = this.#tools
    if (!tools.gate.takes('cursor')) return undefined
    this.attempts++
    const verdict = await tools.gate.saveCursor(row)
    if (verdict.is === 'stored') {
      tools.onCursorStored(row)
      return undefined
    }
    if (verdict.is === 'away' || verdict.is === 'closed') this.stop = { is: verdict.is, error: verdict.error }
    else tools.onCursorFailed(row, verdict.error)
    return verdict.error
  }
}
