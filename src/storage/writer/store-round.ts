import type { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Random } from '../../ports/random.ts'
import type { Gap } from '../../domain/gap.ts'
import { RECORD_KINDS, WAITS_FOR, type RecordKind, type StreamCursor } from '../storage-record.ts'
import { isCursor, isGap, keyOf, settle, type CursorEntry, type Entry } from './entry.ts'
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

/** What came of one kind. */
export interface KindOutcome {
  /** Times that the repository was asked to store something. */
  readonly attempts: number
  /** Rows that need not be tried again. */
  readonly resolved: number
  /** Why not all is resolved. */
  readonly stop: Stop | undefined
}

export interface RoundOutcome {
  /** Need not be tried again: stored or rejected. */
  readonly resolved: ReadonlySet<Entry>
  readonly rejected: readonly { readonly entry: Entry; readonly error: DatabaseOperationError }[]
  readonly stored: number
  readonly inserted: number
  readonly kept: number
  readonly overwritten: number
  readonly kinds: ReadonlyMap<RecordKind, KindOutcome>
}

const ROW_KINDS: readonly RowKind[] = RECORD_KINDS.filter((kind) => kind !== 'cursor' && kind !== 'gap')

/** One attempt to store a batch. Neither method ever rejects. */
export class StoreRound implements RoundOutcome {
  readonly resolved = new Set<Entry>()
  readonly rejected: { entry: Entry; error: DatabaseOperationError }[] = []
  stored = 0
  inserted = 0
  kept = 0
  overwritten = 0
  readonly kinds = new Map<RecordKind, { attempts: number; resolved: number; stop: Stop | undefined }>()

  readonly #batch: readonly Entry[]
  readonly #tools: RoundTools
  readonly #isDue: (kind: RecordKind) => boolean

  /** @param isDue what else is in the batch stays as it is. */
  constructor(batch: readonly Entry[], tools: RoundTools, isDue: (kind: RecordKind) => boolean = () => true) {
    this.#batch = batch
    this.#tools = tools
    this.#isDue = isDue
  }

  /** All but the cursors, each kind for itself: what one has to wait for, the others have not. Then the gaps before which none is left. */
  async storeRows(): Promise<void> {
    const ofKind = (kind: RowKind): readonly Entry[] => this.#batch.filter(({ record }) => record.kind === kind)
    await Promise.all(ROW_KINDS.filter(this.#isDue).map((kind) => this.#storeRows(kind, ofKind(kind))))
    if (this.#isDue('gap')) await this.#storeGaps()
  }

  async #storeGaps(): Promise<void> {
    const ready = this.#readyOf('gap').filter(isGap)
    if (this.#tools.gate.takes('gap')) await this.#storeRows('gap', ready)
    else for (const entry of ready) this.resolved.add(entry)
    for (const entry of ready) {
      if (!this.resolved.has(entry)) continue
      this.#tools.onGapStored(entry.record.row)
      settle(entry, this.rejected.find((other) => other.entry === entry)?.error)
    }
  }

  async #storeRows(kind: RowKind, entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return
    const { gate, histories, random } = this.#tools
    const outcome = this.#outcomeOf(kind)
    outcome.stop = await storeIsolating(entries, {
      history: histories[kind],
      random,
      keyOf,
      attempt: (some) => {
        outcome.attempts++
        const rows = some.map(({ record }) => record.row)
        return gate.save(kind, rows)
      },
      onStored: (some, result) => {
        for (const entry of some) this.resolved.add(entry)
        outcome.resolved += some.length
        this.stored += some.length
        this.inserted += result.inserted
        this.kept += result.kept
        this.overwritten += result.overwritten
      },
      onRejected: (entry, error) => {
        this.resolved.add(entry)
        outcome.resolved++
        this.rejected.push({ entry, error })
      },
    })
  }

  /** Those before which no row and no gap is left. Comes last, so that the rejected rows have been reported. */
  async storeCursors(): Promise<void> {
    if (!this.#isDue('cursor')) return
    const outcome = this.#outcomeOf('cursor')
    for (const cursors of this.#readyCursors().values()) {
      const newest = cursors.at(-1)
      if (newest === undefined) continue
      const error = await this.#storeCursor(newest, outcome)
      if (outcome.stop !== undefined) return
      for (const cursor of cursors) {
        this.resolved.add(cursor)
        outcome.resolved++
        settle(cursor, error)
      }
    }
  }

  /** Those before which nothing is left that they wait for. */
  #readyOf(kind: RecordKind): readonly Entry[] {
    const isBefore = (entry: Entry): boolean => WAITS_FOR[kind].includes(entry.record.kind) && !this.resolved.has(entry)
    const end = this.#batch.findIndex(isBefore)
    return (end < 0 ? this.#batch : this.#batch.slice(0, end)).filter(({ record }) => record.kind === kind)
  }

  /** By stream, oldest first. */
  #readyCursors(): ReadonlyMap<string, readonly CursorEntry[]> {
    const byStream = new Map<string, CursorEntry[]>()
    for (const entry of this.#readyOf('cursor').filter(isCursor)) {
      const { stream } = entry.record.row
      const others = byStream.get(stream)
      if (others === undefined) byStream.set(stream, [entry])
      else others.push(entry)
    }
    return byStream
  }

  /** One that can never be stored blocks nothing: the next one comes soon, and the older one is safe. */
  async #storeCursor({ record: { row } }: CursorEntry, outcome: { attempts: number; stop: Stop | undefined }) {
    const tools = this.#tools
    if (!tools.gate.takes('cursor')) return undefined
    outcome.attempts++
    const verdict = await tools.gate.saveCursor(row)
    if (verdict.is === 'stored') {
      tools.onCursorStored(row)
      return undefined
    }
    if (verdict.is === 'row') tools.onCursorFailed(row, verdict.error)
    else outcome.stop = { is: verdict.is === 'unclear' ? 'held' : verdict.is, error: verdict.error }
    return verdict.error
  }

  #outcomeOf(kind: RecordKind): { attempts: number; resolved: number; stop: Stop | undefined } {
    const outcome = this.kinds.get(kind) ?? { attempts: 0, resolved: 0, stop: undefined }
    this.kinds.set(kind, outcome)
    return outcome
  }
}
