import { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Gap } from '../../domain/gap.ts'
import { withoutTrades } from '../../domain/stored-gaps.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { systemClock } from '../../ports/clock.ts'
import type { TapeCursor } from '../../ports/cursor-store.ts'
import { AbortListener } from '../../ports/on-abort.ts'
import { systemRandom } from '../../ports/random.ts'
import { RECORD_KINDS, type RecordKind, type StorageRecord } from '../storage-record.ts'
import { Alarm } from './alarm.ts'
import { isGap, isMark, keyFieldsOf, settle, type Entry, type LossReason } from './entry.ts'
import { fenced } from './fenced.ts'
import { flawOf } from './flaw-of.ts'
import type { Flush } from './flush.ts'
import { linesOf } from './lines-of.ts'
import { Losses } from './losses.ts'
import { Outages } from './outages.ts'
import { Patience } from './patience.ts'
import { RepositoryGate } from './repository-gate.ts'
import { Schedule } from './schedule.ts'
import { SpooledBatch } from './spooled-batch.ts'
import { SpoolKeeper } from './spool-keeper.ts'
import { newHistories, StoreRound, type RoundOutcome, type RoundTools } from './store-round.ts'
import { openOf, WaitingMarks } from './waiting-marks.ts'
import { WaitingRows } from './waiting-rows.ts'
import { writerIssues } from './writer-issues.ts'
import { TUNING, type StorageStatus, type StorageWriterOptions } from './writer-options.ts'

/**
 * Brings rows into a repository, in order and in batches, and loses none: what cannot be stored now waits in memory up to a bound,
 * then in the spool; what can never be stored is found, reported and left out. Each kind of rows goes its own way, so that a table that
 * takes nothing costs the others nothing; only cursors wait for the trades and candles before them.
 *
 * @example
 * ```ts
 * import { StorageWriter, type RawTradeRepository, type PointOf } from 'tapekeeper'
 * async function keep(rawTrades: RawTradeRepository, trades: readonly PointOf<'trade'>[]) {
 *   const writer = new StorageWriter({ name: 'import', repositories: { rawTrades }, onError: (error) => console.error(error.message) })
 *   for (const row of trades) writer.write({ kind: 'trade', row })
 *   await writer.close()
 *   console.log(writer.status().inserted)
 * }
 * ```
 */
export class StorageWriter {
  readonly #name: string
  readonly #onError: (error: TapekeeperError) => void
  readonly #onLost: (records: readonly StorageRecord[], reason: LossReason) => void
  readonly #maxBatchRows: number
  readonly #maxQueuedRows: number
  readonly #alarm: Alarm
  readonly #patience: Patience
  readonly #gate: RepositoryGate
  readonly #spool: SpoolKeeper | undefined
  readonly #outages: Outages
  readonly #losses: Losses
  readonly #rows = new WaitingRows()
  readonly #round: RoundTools
  readonly #marks = new WaitingMarks()
  readonly #flushes = new Set<Flush>()
  /** The head of the spool while it is drained. */
  readonly #spooled: SpooledBatch | undefined
  readonly #counts = { delivered: 0, rejected: 0, inserted: 0, kept: 0, overwritten: 0 }
  #opening: Promise<void> | undefined
  #isOpened = false
  readonly #schedule: Schedule
  #spooling: Promise<void> | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(options: StorageWriterOptions) {
    const { name, repositories, spool, lane = name, clock = systemClock, random = systemRandom } = options
    const { onError = () => undefined, onLost = () => undefined } = options
    this.#name = name
    this.#alarm = new Alarm(clock, () => this.#wake())
    this.#onError = fenced(onError)
    this.#onLost = fenced(onLost)
    const { batchRows = TUNING.batchRows, maxDelayMs = TUNING.maxDelayMs, maxQueuedRows = TUNING.maxQueuedRows } = options
    this.#maxBatchRows = Math.max(batchRows, options.maxBatchRows ?? TUNING.maxBatchRows)
    this.#maxQueuedRows = maxQueuedRows
    const operationTimeoutMs = options.operationTimeoutMs ?? TUNING.operationTimeoutMs
    const patience = new Patience(clock, operationTimeoutMs)
    this.#patience = patience
    const forceUpdateCandles = options.forceUpdateCandles ?? false
    const gate = new RepositoryGate({ repositories, patience, operationTimeoutMs, forceUpdateCandles })
    this.#gate = gate
    this.#outages = new Outages(clock, random, (error) => this.#onError(error))
    this.#losses = new Losses({ name, onError: (error) => this.#onError(error), onLost: (...lost) => this.#onLost(...lost) })
    this.#round = {
      gate,
      random,
      histories: newHistories(),
      onCursorStored: (row) => this.#marks.forgetCursor(row),
      onGapStored: (gap) => this.#marks.forgetGap(gap),
      onCursorFailed: ({ stream }, error) =>
        this.#onError(new TapekeeperError('CURSOR_FAILED', error.message, { stream }, { cause: error })),
    }
    if (spool !== undefined) {
      const makeLane = () => spool.lane(lane)
      this.#spool = new SpoolKeeper({ makeLane, clock, random, patience, onError: (error) => this.#onError(error) })
      this.#spooled = new SpooledBatch({
        spool: this.#spool,
        maxRows: this.#maxBatchRows,
        takes: (kind) => gate.takes(kind),
        onDamaged: (line, cause) => this.#setAsideDamaged(line, cause),
      })
    }
    const bounds = { batchRows, maxDelayMs, maxQueuedRows }
    const places = { rows: this.#rows, outages: this.#outages, spool: this.#spool, spooled: this.#spooled }
    this.#schedule = new Schedule({ ...bounds, ...places, clock, isAwaited: () => this.#flushes.size > 0 })
  }

  /** Finds what an earlier process left in the spool, and begins to store it. Needs not be called: the first row does it. Never rejects. */
  open(): Promise<void> {
    this.#opening ??= this.#openSpool().finally(() => {
      this.#isOpened = true
      this.#turn()
    })
    return this.#opening
  }

  /** Takes a row. Returns at once and never throws. A kind that no repository takes is left out. */
  write(record: StorageRecord): void {
    if (!this.#gate.takes(record.kind)) return
    if (this.#state !== 'open') {
      this.#losses.refuse(record)
      return
    }
    const flaw = flawOf(record)
    if (flaw === undefined) this.#push(record.kind === 'gap' ? this.#noted(record.row) : record)
    else void this.#leaveOut(record, new TapekeeperError('ROW_REJECTED', `this is no ${record.kind}: ${flaw}`))
  }

  /**
   * Resolves when the cursor is stored, or in the spool, and everything written before it is as well. Where no cursors are stored,
   * it resolves when the rows are.
   *
   * @throws TapekeeperError when rows before it were given up, or the repository does not take it.
   */
  saveCursor(stream: string, cursor: TapeCursor): Promise<void> {
    const row = { stream, cursor }
    if (this.#state === 'open' && this.#gate.takes('cursor')) this.#marks.setCursor(row)
    return this.#pushMark({ kind: 'cursor', row }, stream)
  }

  /**
   * Resolves when the gaps are stored, or in the spool, and everything written before them is as well: an open one before the cursor
   * behind it, a filled one behind the trades that fill it. Where no gaps are stored, it resolves when the rows are.
   *
   * @throws TapekeeperError when a gap or rows before it were given up, or the repository does not take it.
   */
  async saveGaps(gaps: readonly Gap[]): Promise<void> {
    await Promise.all(gaps.map((gap) => this.#pushMark(this.#noted(gap), gap.stream)))
  }

  #noted(gap: Gap): StorageRecord {
    const row = withoutTrades(gap)
    if (this.#state === 'open' && this.#gate.takes('gap')) this.#marks.setGap(row)
    return { kind: 'gap', row }
  }

  #pushMark(record: StorageRecord, stream: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const settled = (error?: Error): void => (error === undefined ? resolve() : reject(error))
      if (this.#state !== 'open') settled(new TapekeeperError('CURSOR_FAILED', `${this.#name} is closed`, { stream }))
      else if (this.#gate.takes(record.kind) || this.#rows.length > 0) this.#push(record, settled)
      else settled()
    })
  }

  /**
   * The newest there is, be it that it waits in memory or in the spool.
   *
   * @throws DatabaseOperationError when the repository has to be asked, and does not answer.
   */
  async loadCursor(stream: string): Promise<TapeCursor | undefined> {
    if (!this.#gate.takes('cursor')) return undefined
    await this.open()
    return (await this.#marks.cursor(stream)) ?? this.#gate.loadCursor(stream)
  }

  /**
   * The gaps of a stream that were not filled, oldest first: those that are stored, and those that wait in memory or in the spool.
   *
   * @throws DatabaseOperationError when the repository does not answer.
   */
  async openGaps(stream: string): Promise<readonly Gap[]> {
    if (!this.#gate.takes('gap')) return []
    await this.open()
    // In this order: what is stored between the two questions must be in one of the answers.
    const waiting = await this.#marks.gaps(stream)
    return openOf(await this.#gate.openGaps(stream), waiting)
  }

  /**
   * Resolves when everything taken so far is in the repository; while that is away, when it is in the spool. Without a spool it waits.
   * When the signal aborts, what is left goes to the spool, and is given up where that is impossible. Never rejects.
   */
  flush(signal?: AbortSignal): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve()
    void this.open()
    this.#outages.hurry()
    return new Promise((resolve) => {
      const done = (): void => {
        listener.leave()
        resolve()
      }
      const flush: Flush = { order: this.#rows.lastOrder, dropped: undefined, isAborted: false, isLastTry: false, done }
      const listener = new AbortListener(signal, () => {
        flush.isAborted = true
        this.#turn()
      })
      this.#flushes.add(flush)
      if (listener.listen()) this.#turn()
    })
  }

  /** Flushes, and lets go of the spool; the repository stays open. Takes nothing more from the call on. Idempotent. Never rejects. */
  async close(signal?: AbortSignal): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closing'
    await this.flush(signal)
    await this.#finish()
  }

  /** No row waits in memory. */
  get isEmpty(): boolean {
    return this.#rows.length === 0
  }

  status(): StorageStatus {
    const spooled = this.#spool?.lines ?? 0
    return {
      name: `${this.#name} > ${this.#gate.name}`,
      state: this.#state === 'closed' ? 'closed' : this.#outages.isAway ? 'away' : spooled > 0 ? 'draining' : 'working',
      queued: this.#rows.length,
      maxQueued: this.#maxQueuedRows,
      spooled,
      spooledBytes: this.#spool?.bytes ?? 0,
      lost: this.#losses.total,
      failures: this.#gate.failures,
      awaySince: this.#outages.away[0]?.[1].since,
      lastError: this.#outages.lastError,
      ...this.#counts,
    }
  }

  issues(): readonly string[] {
    return writerIssues({
      repository: this.#gate.name,
      status: this.status(),
      outages: this.#outages,
      lostInSpell: this.#losses.inSpell,
      spoolProblem: this.#spool?.problem,
    })
  }

  #push(record: StorageRecord, waiter?: (error?: Error) => void): void {
    this.#rows.push(record, waiter)
    this.#schedule.noteArrival(record.kind)
    if (this.#rows.length > this.#maxQueuedRows) this.#overflow()
    if (this.#schedule.isNews(record.kind)) this.#turn()
  }

  #overflow(): void {
    const hadPending = this.#losses.hasPending
    for (const entry of this.#rows.dropDownTo(this.#maxQueuedRows)) {
      this.#losses.overflow(entry.record)
      this.#settleLost(entry, 'there is no room for more')
    }
    if (!hadPending) this.#arm()
  }

  /** Also when it happened while something was waited for. */
  get #isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Starts whatever can be done now. Called whenever something has changed. */
  #turn(): void {
    if (this.#state === 'closed') return
    void this.open()
    if (!this.#isOpened) return
    this.#rescue()
    const spoolable = this.#schedule.kindsToSpool()
    if (spoolable.size > 0) this.#startSpooling(spoolable)
    if (this.#schedule.wantsDraining) void this.#drain()
    for (const kind of RECORD_KINDS) if (this.#schedule.wantsStoring(kind)) void this.#store(kind)
    this.#settleFlushes()
    this.#arm()
  }

  async #store(kind: RecordKind): Promise<void> {
    this.#schedule.storing.add(kind)
    await this.#fenced([kind], () => this.#storeWaiting(kind))
    this.#schedule.storing.delete(kind)
    this.#turn()
  }

  async #drain(): Promise<void> {
    this.#schedule.isDraining = true
    const kinds = RECORD_KINDS.filter((kind) => this.#schedule.isFree(kind))
    await this.#fenced(kinds, () => this.#drainSpool(kinds))
    this.#schedule.isDraining = false
    this.#turn()
  }

  /** Everything in there has its own fence. A hole in one must not end the process, nor be tried again without a pause. */
  async #fenced(kinds: readonly RecordKind[], task: () => Promise<void>): Promise<void> {
    try {
      await task()
    } catch (cause) {
      const error = DatabaseOperationError.of(cause, { operation: 'store', table: this.#gate.name })
      for (const kind of kinds) this.#outages.note(kind, { stop: { is: 'held', error }, attempts: 1, resolved: 0 })
    }
  }

  async #storeWaiting(kind: RecordKind): Promise<void> {
    const epoch = this.#rows.epochOf(kind)
    // Whoever reads a cursor must have been told of the holes before it.
    this.#losses.handOver()
    const batch = this.#rows.startStoring(kind, this.#maxBatchRows)
    // What did not fit is due at once.
    this.#schedule.waitAnew(kind)
    const round = new StoreRound(batch, this.#round)
    const isOurs = async (): Promise<boolean> => {
      while (this.#spooling !== undefined) await this.#spooling
      return epoch === this.#rows.epochOf(kind) && !this.#isClosed
    }
    if (await this.#run(round, isOurs)) this.#rows.endStoring(kind, round.resolved)
  }

  async #drainSpool(kinds: readonly RecordKind[]): Promise<void> {
    const batch = this.#spooled
    if (batch === undefined || !(await batch.fill(kinds))) return
    const round = new StoreRound(batch.entries, this.#round, (kind) => kinds.includes(kind))
    if (!(await this.#run(round, () => Promise.resolve(!this.#isClosed)))) return
    batch.settle(
      round.resolved,
      [...round.kinds.values()].some(({ stop }) => stop?.is === 'held'),
    )
    if (batch.isDone) await batch.leave()
  }

  /** @returns false when the rows have meanwhile gone another way. */
  async #run(round: StoreRound, isOurs: () => Promise<boolean>): Promise<boolean> {
    await round.storeRows()
    if (await isOurs()) {
      await this.#take(round)
      await round.storeCursors()
    }
    const isStillOurs = await isOurs()
    if (!this.#isClosed) for (const [kind, outcome] of round.kinds) this.#outages.note(kind, outcome)
    return isStillOurs
  }

  /** Counts and reports what came of a round. */
  async #take({ kinds, stored, inserted, kept, overwritten, rejected }: RoundOutcome): Promise<void> {
    this.#counts.delivered += stored
    this.#counts.inserted += inserted
    this.#counts.kept += kept
    this.#counts.overwritten += overwritten
    const isWell = (kind: RecordKind): boolean =>
      kinds.has(kind) ? kinds.get(kind)?.stop === undefined : !this.#outages.of(kind).isAway
    if (RECORD_KINDS.every(isWell) && this.#rows.length < this.#schedule.spillAt) {
      this.#losses.endSpell()
      if (!this.#schedule.hasSpooled) this.#spool?.forgetAppends()
    }
    for (const { entry, error } of rejected) await this.#reject(entry.record, error)
  }

  async #reject(record: StorageRecord, cause: Error): Promise<void> {
    this.#onLost([record], 'rejected')
    await this.#leaveOut(record, cause)
  }

  async #leaveOut(record: StorageRecord, cause: Error): Promise<void> {
    this.#counts.rejected++
    this.#onError(new TapekeeperError('ROW_REJECTED', `${this.#name}: ${cause.message}`, keyFieldsOf(record), { cause }))
    if (this.#spool?.isOpen === true) await this.#spool.setAsideRecord(record)
  }

  async #setAsideDamaged(line: string, cause: unknown): Promise<void> {
    this.#counts.rejected++
    const { message } = TapekeeperError.from(cause, 'ROW_REJECTED')
    this.#onError(new TapekeeperError('ROW_REJECTED', `${this.#name}: a line of the spool is damaged: ${message}`, {}, { cause }))
    await this.#spool?.setAside([line])
  }

  #startSpooling(kinds: ReadonlySet<RecordKind>): void {
    this.#schedule.isSpooling = true
    this.#spooling = this.#moveToSpool(kinds).finally(() => {
      this.#schedule.isSpooling = false
      this.#spooling = undefined
      this.#turn()
    })
  }

  /** Everything of these kinds that waits, also what is being stored: nobody knows yet what will come of that. */
  async #moveToSpool(kinds: ReadonlySet<RecordKind>): Promise<void> {
    this.#losses.handOver()
    const entries = this.#rows.startSpooling(kinds)
    this.#schedule.waitNoMore(kinds)
    const { lines, unfit } = linesOf(entries.map(({ record }) => record).filter(({ kind }) => this.#gate.takes(kind)))
    const arrived = lines.length === 0 || (await this.#spool?.append(lines)) === true
    this.#rows.endSpooling(kinds, arrived)
    if (!arrived) {
      for (const kind of kinds) this.#schedule.waitAnew(kind)
      return
    }
    this.#spooled?.appended(lines)
    for (const entry of entries) settle(entry)
    for (const { record, cause } of unfit) await this.#reject(record, cause)
  }

  /** What is left when nobody waits any longer: into the spool, or given up. */
  #rescue(): void {
    for (const flush of this.#flushes) {
      if (!flush.isAborted || !this.#isInMemory(flush) || this.#spooling !== undefined) continue
      if (this.#spool?.isOpen === true && !flush.isLastTry) {
        flush.isLastTry = true
        this.#startSpooling(new Set(RECORD_KINDS))
      } else this.#giveUp(RECORD_KINDS, flush.order)
    }
    if (this.#spool !== undefined) return
    const lost = RECORD_KINDS.filter((kind) => this.#outages.of(kind).isFinal && this.#rows.lengthOf(kind) > 0)
    if (lost.length > 0) this.#giveUp(lost, this.#rows.lastOrder)
  }

  #giveUp(kinds: readonly RecordKind[], order: number): void {
    const gone = this.#rows.giveUp(kinds, order)
    const cause = this.#losses.givenUp(gone.filter((entry) => !isMark(entry)).map(({ record }) => record))
    for (const entry of gone) this.#settleLost(entry, 'given up', cause)
  }

  /** A cursor or a gap that will not be stored. A code of its own: rows have been reported already. */
  #settleLost(entry: Entry, why: string, cause?: Error): void {
    if (!isMark(entry)) return
    const { stream } = entry.record.row
    if (isGap(entry)) this.#marks.forgetGap(entry.record.row)
    else this.#marks.forgetCursor(entry.record.row)
    const words = `${this.#name}: a ${entry.record.kind} is not stored: ${why}`
    settle(entry, new TapekeeperError('CURSOR_FAILED', words, { stream }, { cause }))
  }

  #isInMemory({ order }: Flush): boolean {
    return this.#rows.firstOrder <= order
  }

  #settleFlushes(): void {
    for (const flush of [...this.#flushes]) {
      if (!this.#isFlushed(flush)) continue
      this.#flushes.delete(flush)
      this.#losses.handOver()
      flush.done()
    }
  }

  #isFlushed(flush: Flush): boolean {
    if (this.#isInMemory(flush)) return false
    if (flush.isAborted || this.#spool === undefined) return true
    flush.dropped ??= this.#spool.dropped + this.#spool.lines
    if (this.#spool.dropped >= flush.dropped) return true
    // They are safe where they are.
    return this.#outages.isAway || this.#spool.isFailing('read', 'drop')
  }

  async #openSpool(): Promise<void> {
    const spool = this.#spool
    if (spool === undefined || !(await spool.open())) return
    if (spool.lines === 0) return
    this.#spooled?.found(spool.lines)
    this.#marks.findIn(spool)
  }

  #arm(): void {
    const { hasPending } = this.#losses
    this.#alarm.setTo(Math.min(...this.#schedule.wakeTimes(hasPending)))
  }

  #wake(): void {
    this.#losses.handOver()
    if (this.#isOpened && this.#spool?.isOpen === false && this.#spool.isDue('open')) this.#opening = undefined
    this.#turn()
  }

  async #finish(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#alarm.off()
    await this.#spool?.close()
    this.#patience.end()
  }
}
