import type { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import { RECORD_KINDS, type RecordKind } from '../storage-record.ts'
import { Outage } from './outage.ts'
import type { KindOutcome } from './store-round.ts'

/** One table may refuse everything while the others work: each kind of rows has its own outage, and its own back-off. */
export class Outages {
  readonly #kinds: ReadonlyMap<RecordKind, Outage>
  readonly #onBegin: (error: DatabaseOperationError) => void
  #last: DatabaseOperationError | undefined

  constructor(clock: Clock, random: Random, onBegin: (error: DatabaseOperationError) => void) {
    this.#kinds = new Map(RECORD_KINDS.map((kind) => [kind, new Outage(clock, random)] as const))
    this.#onBegin = onBegin
  }

  of(kind: RecordKind): Outage {
    const outage = this.#kinds.get(kind)
    if (outage === undefined) throw new RangeError(`no kind of rows: ${kind}`)
    return outage
  }

  /** Of any kind. */
  get isAway(): boolean {
    return this.away.length > 0
  }

  /** The kinds that cannot be stored, the longest first. */
  get away(): readonly (readonly [RecordKind, Outage])[] {
    return [...this.#kinds].filter(([, { isAway }]) => isAway).sort(([, one], [, other]) => other.ageMs - one.ageMs)
  }

  get lastError(): string | undefined {
    return this.#last?.message
  }

  hurry(): void {
    for (const outage of this.#kinds.values()) outage.hurry()
  }

  /** An outage is told once: that of the database, or that of each table that fails while others work. */
  note(kind: RecordKind, outcome: KindOutcome): void {
    const outage = this.of(kind)
    outage.note(outcome)
    const error = outcome.stop?.error
    if (error === undefined) return
    this.#last = error
    if (outage.isTold || (this.away.length > 1 && !this.isAlone(kind))) return
    outage.isTold = true
    this.#onBegin(error)
  }

  /** It is this kind alone: others have been stored since it began to fail. */
  isAlone(kind: RecordKind): boolean {
    const { ageMs } = this.of(kind)
    return [...this.#kinds].some(([other, outage]) => other !== kind && outage.hasWorked(ageMs))
  }
}
