/* eslint-disable max-lines */
import { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Gap } from '../../domain/gap.ts'
import { withoutTrades } from '../../domain/stored-gaps.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { systemClock, type Clock } from '../../ports/clock.ts'
import type { TapeCursor } from '../../ports/cursor-store.ts'
import { AbortListener } from '../../ports/on-abort.ts'
import { systemRandom } from '../../ports/random.ts'
import type { StorageRecord } from '../storage-record.ts'
import { Alarm } from './alarm.ts'
import { isGap, isMark, keyFieldsOf, settle, type Entry, type LossReason } from './entry.ts'
import { fenced } from './fenced.ts'
import { flawOf } from './flaw-of.ts'
import type { Flush } from './flush.ts'
import { linesOf } from './lines-of.ts'
import { Losses } from './losses.ts'
import { Outage } from './outage.ts'
import { Patience } from './patience.ts'
import { RepositoryGate } from './repository-gate.ts'
import { SpooledBatch } from './spooled-batch.ts'
import { SpoolKeeper } from './spool-keeper.ts'
import { newHistories, StoreRound, type RoundOutcome, type RoundTools } from './store-round.ts'
import { openOf, WaitingMarks } from './waiting-marks.ts'
import { WaitingRows } from './waiting-rows.ts'
import { writerIssues } from './writer-issues.ts'
import { TUNING, type StorageStatus, type StorageWriterOptions } from './writer-options.ts'

/**
 * Brings rows into a repository, in order and in batches, and loses none: what cannot be stored now waits in memory up to a bound,
 * then in the spool; what can never be stored is found, reported and left out.
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
  readonly #batchRows: number
  readonly #maxBatchRows: number
  readonly #maxDelayMs: number
  readonly #maxQueuedRows: number
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #patience: Patience
  readonly #gate: RepositoryGate
  readonly #spool: SpoolKeeper | undefined
  readonly #outage: Outage
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
  #isStoring = false
  #spooling: Promise<void> | undefined
  /** Changes when rows that are being stored have gone another way. */
  #epoch = 0
  /** Since when the first row waits that is in no batch. */
  #waitingSince: number | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(options: StorageWriterOptions) {
    const { name, repositories, spool, lane = name, clock = systemClock, random = systemRandom } = options
    const { onError = () => undefined, onLost = () => undefined } = options
    this.#name = name
    this.#clock = clock
    this.#alarm = new Alarm(clock, () => this.#wake())
    this.#onError = fenced(onError)
    this.#onLost = fenced(onLost)
    this.#batchRows = options.batchRows ?? TUNING.batchRows
    this.#maxBatchRows = Math.max(this.#batchRows, options.maxBatchRows ?? TUNING.maxBatchRows)
    this.#maxDelayMs = options.maxDelayMs ?? TUNING.maxDelayMs
    this.#maxQueuedRows = options.maxQueuedRows ?? TUNING.maxQueuedRows
    const operationTimeoutMs = options.operationTimeoutMs ?? TUNING.operationTimeoutMs
    const patience = new Patience(clock, operationTimeoutMs)
    this.#patience = patience
    const forceUpdateCandles = options.forceUpdateCandles ?? false
    const gate = new RepositoryGate({ repositories, patience, operationTimeoutMs, forceUpdateCandles })
    this.#gate = gate
    this.#outage = new Outage(clock, random, (error) => this.#onError(error))
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
    if (spool === undefined) return
    const makeLane = () => spool.lane(lane)
    this.#spool = new SpoolKeeper({ makeLane, clock, random, patience, onError: (error) => this.#onError(error) })
    this.#spooled = new SpooledBatch({
      spool: this.#spool,
      maxRows: this.#maxBatchRows,
      takes: (kind) => gate.takes(kind),
      onDamaged: (line, cause) => this.#setAsideDamaged(line, cause),
    })
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
    this.#outage.hurry()
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
      state: this.#state === 'closed' ? 'closed' : this.#outage.isAway ? 'away' : spooled > 0 ? 'draining' : 'working',
      queued: this.#rows.length,
      maxQueued: this.#maxQueuedRows,
      spooled,
      spooledBytes: this.#spool?.bytes ?? 0,
      lost: this.#losses.total,
      failures: this.#gate.failures,
      awaySince: this.#outage.since,
      lastError: this.#outage.lastError,
      ...this.#counts,
    }
  }

  issues(): readonly string[] {
    return writerIssues({
      repository: this.#gate.name,
      status: this.status(),
      now: this.#clock.now(),
      isFinal: this.#outage.isFinal,
      lostInSpell: this.#losses.inSpell,
      spoolProblem: this.#spool?.problem,
    })
  }

  #push(record: StorageRecord, waiter?: (error?: Error) => void): void {
    this.#rows.push(record, waiter)
    this.#waitingSince ??= this.#clock.now()
    if (this.#rows.length > this.#maxQueuedRows) this.#overflow()
    const { length, idle } = this.#rows
    // Only when a bound is crossed can there be something new to do.
    const isNews = idle <= 1 || idle === this.#batchRows || length === this.#spillAt || length === this.#spillAnywayAt
    if (isNews) this.#turn()
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

  get #spillAt(): number {
    return Math.ceil(this.#maxQueuedRows / 2)
  }

  /** A repository that is slow, or has not said yet that it is away. */
  get #spillAnywayAt(): number {
    return Math.ceil((this.#maxQueuedRows * 3) / 4)
  }

  /** Starts whatever can be done now. Called whenever something has changed. */
  #turn(): void {
    if (this.#state === 'closed') return
    void this.open()
    if (!this.#isOpened) return
    this.#rescue()
    if (this.#wantsSpooling) this.#startSpooling()
    if (this.#wantsStoring) void this.#store()
    this.#settleFlushes()
    this.#arm()
  }

  get #isRowDue(): boolean {
    if (this.#rows.idle === 0) return false
    if (this.#rows.idle >= this.#batchRows || this.#flushes.size > 0) return true
    return this.#clock.now() >= (this.#waitingSince ?? 0) + this.#maxDelayMs
  }

  /** What is in the spool is older than what is in memory. */
  get #isBehindSpool(): boolean {
    return this.#spool?.isOpen === true && (this.#spool.lines > 0 || this.#spooled?.isEmpty === false)
  }

  get #wantsSpooling(): boolean {
    if (this.#spool?.isOpen !== true || this.#spooling !== undefined || this.#rows.length === 0) return false
    if (!this.#spool.isDue('append')) return false
    if (this.#isBehindSpool) return this.#isRowDue
    if (this.#outage.isFinal || this.#rows.length >= this.#spillAnywayAt) return true
    return this.#outage.isAway && (this.#rows.length >= this.#spillAt || this.#flushes.size > 0)
  }

  get #wantsStoring(): boolean {
    if (this.#isStoring || !this.#outage.isDue) return false
    if (this.#isBehindSpool) return this.#spool?.isDue('read', 'drop') === true
    if (this.#spooling !== undefined || this.#rows.length === 0) return false
    return this.#outage.isAway || this.#isRowDue
  }

  async #store(): Promise<void> {
    this.#isStoring = true
    try {
      await (this.#isBehindSpool ? this.#drain() : this.#storeWaiting())
    } catch (cause) {
      // Everything in there has its own fence. A hole in one must not end the process, nor be tried again without a pause.
      const error = DatabaseOperationError.of(cause, { operation: 'store', table: this.#gate.name })
      this.#outage.note({ stop: { is: 'held', error }, attempts: 1, resolved: new Set() })
    } finally {
      this.#isStoring = false
      this.#turn()
    }
  }

  async #storeWaiting(): Promise<void> {
    const epoch = this.#epoch
    // Whoever reads a cursor must have been told of the holes before it.
    this.#losses.handOver()
    const batch = this.#rows.startStoring(this.#maxBatchRows)
    // What did not fit is due at once.
    this.#waitingSince = this.#rows.idle > 0 ? Number.NEGATIVE_INFINITY : undefined
    const round = new StoreRound(batch, this.#round)
    const isOurs = async (): Promise<boolean> => {
      while (this.#spooling !== undefined) await this.#spooling
      return epoch === this.#epoch && !this.#isClosed
    }
    if (await this.#run(round, isOurs)) this.#rows.endStoring(round.resolved)
  }

  async #drain(): Promise<void> {
    const batch = this.#spooled
    if (batch === undefined || !(await batch.fill())) return
    const round = new StoreRound(batch.entries, this.#round)
    if (!(await this.#run(round, () => Promise.resolve(!this.#isClosed)))) return
    batch.settle(round.resolved, round.stop?.is === 'held')
    if (batch.entries.length === 0) await batch.leave()
  }

  /** @returns false when the rows have meanwhile gone another way. */
  async #run(round: StoreRound, isOurs: () => Promise<boolean>): Promise<boolean> {
    await round.storeRows()
    if (await isOurs()) {
      await this.#take(round)
      await round.storeCursors()
    }
    const isStillOurs = await isOurs()
    if (!this.#isClosed) this.#outage.note(round)
    return isStillOurs
  }

  /** Counts and reports what came of a round. */
  async #take({ stop, stored, inserted, kept, overwritten, rejected }: RoundOutcome): Promise<void> {
    this.#counts.delivered += stored
    this.#counts.inserted += inserted
    this.#counts.kept += kept
    this.#counts.overwritten += overwritten
    if (stop === undefined && this.#rows.length < this.#spillAt) {
      this.#losses.endSpell()
      if (!this.#isBehindSpool) this.#spool?.forgetAppends()
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

  #startSpooling(): void {
    this.#spooling = this.#moveToSpool().finally(() => {
      this.#spooling = undefined
      this.#turn()
    })
  }

  /** Everything that waits, also what is being stored: nobody knows yet what will come of that. */
  async #moveToSpool(): Promise<void> {
    this.#losses.handOver()
    const entries = this.#rows.startSpooling()
    this.#waitingSince = undefined
    const { lines, unfit } = linesOf(entries.map(({ record }) => record).filter(({ kind }) => this.#gate.takes(kind)))
    const arrived = lines.length === 0 || (await this.#spool?.append(lines)) === true
    this.#rows.endSpooling(arrived)
    if (!arrived) {
      this.#waitingSince = Number.NEGATIVE_INFINITY
      return
    }
    this.#epoch++
    for (const entry of entries) settle(entry)
    for (const { record, cause } of unfit) await this.#reject(record, cause)
  }

  /** What is left when nobody waits any longer: into the spool, or given up. */
  #rescue(): void {
    for (const flush of this.#flushes) {
      if (!flush.isAborted || !this.#isInMemory(flush) || this.#spooling !== undefined) continue
      if (this.#spool?.isOpen === true && !flush.isLastTry) {
        flush.isLastTry = true
        this.#startSpooling()
      } else this.#giveUp(flush.order)
    }
    if (this.#outage.isFinal && this.#spool === undefined && this.#rows.length > 0) this.#giveUp(this.#rows.lastOrder)
  }

  #giveUp(order: number): void {
    this.#epoch++
    const gone = this.#rows.giveUp(order)
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
    const { firstOrder } = this.#rows
    return firstOrder !== undefined && firstOrder <= order
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
    if (flush.isAborted || this.#spool?.isOpen !== true || !this.#isBehindSpool) return true
    flush.dropped ??= this.#spool.dropped + this.#spool.lines
    if (this.#spool.dropped >= flush.dropped) return true
    // They are safe where they are.
    return this.#outage.isAway || this.#spool.isFailing('read', 'drop')
  }

  async #openSpool(): Promise<void> {
    const spool = this.#spool
    if (spool === undefined || !(await spool.open())) return
    if (spool.lines > 0) this.#marks.findIn(spool)
  }

  #arm(): void {
    this.#alarm.setTo(Math.min(...this.#wakeTimes()))
  }

  #wake(): void {
    this.#losses.handOver()
    if (this.#isOpened && this.#spool?.isOpen === false && this.#spool.isDue('open')) this.#opening = undefined
    this.#turn()
  }

  #wakeTimes(): readonly number[] {
    const now = this.#clock.now()
    const times: number[] = []
    const { idle, length } = this.#rows
    const spool = this.#spool
    if (idle > 0 && this.#waitingSince !== undefined) times.push(this.#waitingSince + this.#maxDelayMs)
    if (this.#outage.isAway && (length > 0 || this.#isBehindSpool)) times.push(this.#outage.retryAt ?? now)
    if (spool?.isOpen === false) times.push(spool.retryAt('open') ?? now)
    if (spool?.isOpen === true)
      times.push(...[spool.retryAt('append'), spool.retryAt('read', 'drop')].filter((at) => at !== undefined))
    // What is past has been looked at just now: something else has to change first.
    const future = times.filter((at) => at > now)
    return this.#losses.hasPending ? [...future, now + this.#maxDelayMs] : future
  }

  async #finish(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#alarm.off()
    await this.#spool?.close()
    this.#patience.end()
  }
}
