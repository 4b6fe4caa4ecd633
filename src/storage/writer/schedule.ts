import type { Clock } from '../../ports/clock.ts'
import { RECORD_KINDS, WAITS_FOR, type RecordKind } from '../storage-record.ts'
import type { Outages } from './outages.ts'
import type { SpoolKeeper } from './spool-keeper.ts'
import type { SpooledBatch } from './spooled-batch.ts'
import type { WaitingRows } from './waiting-rows.ts'

interface Plan {
  readonly batchRows: number
  readonly maxDelayMs: number
  readonly maxQueuedRows: number
  readonly rows: WaitingRows
  readonly outages: Outages
  readonly spool: SpoolKeeper | undefined
  /** The head of the spool. */
  readonly spooled: SpooledBatch | undefined
  readonly clock: Clock
  /** Somebody waits until everything is in safety. */
  readonly isAwaited: () => boolean
}

/** What a writer does next with what waits: keep it waiting, store it, bring it into the spool, empty that. */
export class Schedule {
  /** The kinds that are on their way from memory into the repository. */
  readonly storing = new Set<RecordKind>()
  isDraining = false
  isSpooling = false

  readonly #plan: Plan
  /** Since when the first row of a kind waits that is in no batch; elapsed milliseconds. */
  readonly #waitingSince = new Map<RecordKind, number>()

  constructor(plan: Plan) {
    this.#plan = plan
  }

  /** So many rows in memory are half of what it may hold. */
  get spillAt(): number {
    return Math.ceil(this.#plan.maxQueuedRows / 2)
  }

  /** A repository that is slow, or has not said yet that it is away. */
  get #spillAnywayAt(): number {
    return Math.ceil((this.#plan.maxQueuedRows * 3) / 4)
  }

  noteArrival(kind: RecordKind): void {
    if (!this.#waitingSince.has(kind)) this.#waitingSince.set(kind, this.#plan.clock.elapsed())
  }

  /** A row of this kind has arrived: only when a bound was crossed can there be something new to do. */
  isNews(kind: RecordKind): boolean {
    const { rows, batchRows } = this.#plan
    const { length } = rows
    const idle = rows.idleOf(kind)
    return idle <= 1 || idle === batchRows || length === this.spillAt || length === this.#spillAnywayAt
  }

  /** What is left of a kind is due at once. */
  waitAnew(kind: RecordKind): void {
    if (this.#plan.rows.idleOf(kind) > 0) this.#waitingSince.set(kind, Number.NEGATIVE_INFINITY)
    else this.#waitingSince.delete(kind)
  }

  /** They have gone another way. */
  waitNoMore(kinds: Iterable<RecordKind>): void {
    for (const kind of kinds) this.#waitingSince.delete(kind)
  }

  #isRowDue(kind: RecordKind): boolean {
    const idle = this.#plan.rows.idleOf(kind)
    if (idle === 0) return false
    if (idle >= this.#plan.batchRows || this.#plan.isAwaited()) return true
    return this.#plan.clock.elapsed() >= (this.#waitingSince.get(kind) ?? 0) + this.#plan.maxDelayMs
  }

  get hasSpooled(): boolean {
    return this.#plan.spool?.isOpen === true && this.#plan.spool.lines > 0
  }

  /** What the spool has is older than what is in memory: of the same kind, or of one that has to be waited for. */
  #isBehindSpool(kind: RecordKind): boolean {
    if (!this.hasSpooled) return false
    const isSpooled = (each: RecordKind): boolean => this.#plan.spooled?.has(each) === true
    return isSpooled(kind) || WAITS_FOR[kind].some(isSpooled)
  }

  /** Empty while nothing needs to go there. */
  kindsToSpool(): ReadonlySet<RecordKind> {
    const spool = this.#plan.spool
    const kinds = new Set<RecordKind>()
    if (spool?.isOpen !== true || this.isSpooling || !spool.isDue('append')) return kinds
    const { length } = this.#plan.rows
    for (const kind of RECORD_KINDS) {
      const outage = this.#plan.outages.of(kind)
      const isCrowded = length >= this.spillAt || this.#plan.isAwaited()
      const isMeant = outage.isFinal || length >= this.#spillAnywayAt || (outage.isAway && isCrowded)
      if (this.#plan.rows.lengthOf(kind) > 0 && (isMeant || (this.#isBehindSpool(kind) && this.#isRowDue(kind)))) kinds.add(kind)
    }
    // In one go with what they wait for.
    for (const kind of RECORD_KINDS) if (WAITS_FOR[kind].some((other) => kinds.has(other))) kinds.add(kind)
    const isEmpty = [...kinds].every((kind) => this.#plan.rows.spoolableOf(kind, kinds) === 0)
    return isEmpty ? new Set() : kinds
  }

  wantsStoring(kind: RecordKind): boolean {
    if (!this.isFree(kind) || this.isSpooling || this.#plan.rows.storableOf(kind) === 0) return false
    if (this.#isBehindSpool(kind) || this.#hasToFollow(kind)) return false
    return (
      this.#plan.outages.of(kind).isAway || this.#isRowDue(kind) || (kind === 'cursor' && WAITS_FOR.cursor.some(this.#isHeldUp))
    )
  }

  /**
   * The cursor before them goes ahead of trades and candles: rows without one would be found by a process that begins live, and would not see
   * the hole behind them. One that cannot be stored is not waited for.
   */
  #hasToFollow(kind: RecordKind): boolean {
    return WAITS_FOR.cursor.includes(kind) && this.#plan.rows.hasCursorAhead(kind) && !this.#plan.outages.of('cursor').isAway
  }

  readonly #isHeldUp = (kind: RecordKind): boolean => this.#isRowDue(kind) && this.#hasToFollow(kind)

  get wantsDraining(): boolean {
    if (this.isDraining || !this.hasSpooled || this.#plan.spool?.isDue('read', 'drop') !== true) return false
    return (
      this.#plan.spooled?.isDone === true || RECORD_KINDS.some((kind) => this.isFree(kind) && this.#plan.spooled?.offers(kind))
    )
  }

  isFree(kind: RecordKind): boolean {
    return !this.storing.has(kind) && this.#plan.outages.of(kind).isDue
  }

  /** @param hasNews something else has to be told soon. @returns elapsed milliseconds, none of them past. */
  wakeTimes(hasNews: boolean): readonly number[] {
    const now = this.#plan.clock.elapsed()
    const times: (number | undefined)[] = []
    const spool = this.#plan.spool
    for (const kind of RECORD_KINDS) {
      const since = this.#waitingSince.get(kind)
      if (since !== undefined && this.#plan.rows.idleOf(kind) > 0) times.push(since + this.#plan.maxDelayMs)
      const outage = this.#plan.outages.of(kind)
      if (outage.isAway && (this.#plan.rows.lengthOf(kind) > 0 || this.#isBehindSpool(kind))) times.push(outage.retryAt)
    }
    if (spool?.isOpen === false) times.push(spool.retryAt('open'))
    if (spool?.isOpen === true) times.push(spool.retryAt('append'), spool.retryAt('read', 'drop'))
    // What is past has been looked at just now: something else has to change first.
    const future = times.filter((at) => at !== undefined && at > now) as number[]
    return hasNews ? [...future, now + this.#plan.maxDelayMs] : future
  }
}
