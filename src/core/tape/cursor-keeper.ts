import type { Gap } from '../../domain/gap.ts'
import { gapKey, withoutTrades } from '../../domain/stored-gaps.ts'
import { compareTradeIds, idPlus, idValue, type IdValue } from '../../domain/trade-id.ts'
import { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Cancel, Clock } from '../../ports/clock.ts'
import type { CursorStore, TapeCursor } from '../../ports/cursor-store.ts'
import type { Random } from '../../ports/random.ts'
import { LateLoad, loadInTime } from './late-load.ts'

export interface KeptTape {
  readonly stream: string
  readonly clock: Clock
  readonly random: Random
  readonly cursorStore: CursorStore | undefined
  readonly onError: (error: TapekeeperError) => void
  /** Up to where everything was delivered or declared missing; undefined before the tape has begun. */
  readonly position: () => TapeCursor | undefined
  /** What else belongs to this moment (`TapeCursor.state`). */
  readonly state: () => string | undefined
  /** The stored cursor could not be read at the beginning, and has come. */
  readonly onLateCursor: (cursor: TapeCursor | undefined) => void
  /** Gaps that earlier tapes have left open. */
  readonly onOpenGaps: (gaps: readonly Gap[]) => void
}

const SAVE_EVERY_MS = 1_000
/** Gaps that wait to be stored; beyond it the oldest neighbours become one. */
const MOST_WAITING = 1_000

/**
 * Keeps a tape's cursor and its gaps in a store, so that whoever comes next misses nothing: a cursor goes behind a gap only when the gap
 * is stored; where no gaps are stored, only when it is looked for no longer.
 */
export class CursorKeeper {
  readonly #tape: KeptTape
  readonly #cursor: LateLoad<TapeCursor | undefined>
  readonly #openGaps: LateLoad<readonly Gap[]>
  /** Gaps on their way into a store that keeps them. */
  readonly #waiting = new Map<string, Gap>()
  readonly #onTheWay = new Set<string>()
  /** Of a store that keeps none: where the tape stood before each gap that is still looked for. */
  readonly #holds = new Map<string, TapeCursor>()
  #kept: TapeCursor | undefined
  #hasAsked = false
  #isEnded = false
  #timer: Cancel | undefined
  #saving: Promise<boolean> | undefined
  #moves = 0

  constructor(tape: KeptTape) {
    this.#tape = tape
    this.#cursor = new LateLoad(
      tape,
      () => this.#load(),
      (cursor) => tape.onLateCursor(cursor),
    )
    this.#openGaps = new LateLoad(
      tape,
      () => this.#loadGaps(),
      (gaps) => tape.onOpenGaps(gaps),
    )
  }

  /** The stored cursor is not known yet: it tells of a hole that nobody has seen. */
  get isPending(): boolean {
    return this.#cursor.isPending
  }

  /** Where to begin. When that cannot be had in time it is asked for again, beside the tape. Never rejects. */
  async load(): Promise<TapeCursor | undefined> {
    try {
      return await this.#load()
    } catch (error) {
      this.#report(error)
      this.#cursor.begin()
      return undefined
    }
  }

  /** Asks for the gaps of earlier tapes, once; goes on with what was paused. */
  resume(): void {
    this.#cursor.resume()
    this.#openGaps.resume()
    if (this.#hasAsked || !this.#keepsGaps) return
    this.#hasAsked = true
    this.#openGaps.begin()
  }

  pause(): void {
    this.#cursor.pause()
    this.#openGaps.pause()
  }

  /** The tape begins here, and no cursor is stored: without this one a crash soon after would leave a hole that nobody can see. */
  begin(cursor: TapeCursor): void {
    if (this.#tape.cursorStore === undefined || this.#cursor.isPending || this.#saving !== undefined) return
    // At once, so that it is in the queue before the first trade.
    void this.#run(() => this.#store({ ...cursor, state: this.#tape.state() }))
  }

  /** Hot path. Saved at most once a second. */
  moved(): void {
    this.#moves++
    if (this.#timer === undefined && this.#saving === undefined) this.#saveSoon()
  }

  /** Before the gap is told to anybody. @param isLookedFor whether it may still be filled. */
  declared(gap: Gap, isLookedFor: boolean): void {
    if (this.#keepsGaps) this.#put(gap)
    else if (isLookedFor) this.#hold(gap)
    this.moved()
  }

  /** After the trades have been handed to whoever stores them. */
  filled(gap: Gap): void {
    if (this.#keepsGaps) this.#put(gap)
    this.givenUp(gap)
  }

  /** It is looked for no longer. */
  givenUp(gap: Gap): void {
    this.#holds.delete(gapKey(gap))
    this.moved()
  }

  /** No gap is looked for any longer. */
  allGivenUp(): void {
    this.#holds.clear()
  }

  /** Now. One after the other, so that an older cursor never overwrites a newer one. False when it could not be kept. */
  async save(): Promise<boolean> {
    while (this.#saving !== undefined) await this.#saving
    if (this.#cursor.isPending) return false
    return this.#run(() => this.#saveAll())
  }

  /** Nothing is saved any more. */
  end(): void {
    this.#isEnded = true
    this.#timer?.()
    this.#timer = undefined
  }

  get #keepsGaps(): boolean {
    const { cursorStore } = this.#tape
    return cursorStore?.saveGaps !== undefined && cursorStore.openGaps !== undefined
  }

  #saveSoon(): void {
    if (this.#isEnded || this.#tape.cursorStore === undefined) return
    this.#timer ??= this.#tape.clock.after(SAVE_EVERY_MS, () => void this.save())
  }

  async #run(task: () => Promise<boolean>): Promise<boolean> {
    this.#timer?.()
    this.#timer = undefined
    const moves = this.#moves
    this.#saving = task()
    const isKept = await this.#saving
    this.#saving = undefined
    if (this.#moves !== moves || this.#waiting.size > 0) this.#saveSoon()
    return isKept
  }

  async #saveAll(): Promise<boolean> {
    if (!(await this.#saveGaps())) return false
    // Between these two nothing can happen.
    const cursor = this.#lowestHold() ?? this.#withState(this.#tape.position())
    return cursor === undefined || cursor === this.#kept || this.#store(cursor)
  }

  #withState(cursor: TapeCursor | undefined): TapeCursor | undefined {
    return cursor && { ...cursor, state: this.#tape.state() }
  }

  async #store(cursor: TapeCursor): Promise<boolean> {
    const { cursorStore, stream } = this.#tape
    try {
      await cursorStore?.save(stream, cursor)
      this.#kept = cursor
      return true
    } catch (error) {
      this.#report(error)
      return false
    }
  }

  /** Until none waits. */
  async #saveGaps(): Promise<boolean> {
    while (this.#waiting.size > 0) {
      const results = await Promise.all([...this.#waiting].map(([key, gap]) => this.#saveGap(key, gap)))
      const failed = results.find((result) => result !== undefined)
      if (failed === undefined) continue
      this.#report(failed.error)
      return false
    }
    return true
  }

  /** @returns what went wrong. */
  async #saveGap(key: string, gap: Gap): Promise<{ readonly error: unknown } | undefined> {
    this.#onTheWay.add(key)
    try {
      await this.#tape.cursorStore?.saveGaps?.([gap])
    } catch (error) {
      // One that the database refuses for what it is has been reported, and would be refused for ever.
      if (!DatabaseOperationError.is(error) || error.fault !== 'row') return { error }
    } finally {
      this.#onTheWay.delete(key)
    }
    if (this.#waiting.get(key) === gap) this.#waiting.delete(key)
    return undefined
  }

  #put(gap: Gap): void {
    this.#waiting.set(gapKey(gap), withoutTrades(gap))
    if (this.#waiting.size - this.#onTheWay.size <= MOST_WAITING) return
    const [first, second] = this.#idle()
    if (first === undefined || second === undefined) return
    const joined = joinedGap(first[1], second[1])
    this.#waiting.delete(first[0])
    this.#waiting.delete(second[0])
    this.#waiting.set(gapKey(joined), joined)
  }

  *#idle(): Generator<readonly [key: string, gap: Gap], undefined> {
    for (const entry of this.#waiting) if (!this.#onTheWay.has(entry[0])) yield entry
  }

  #hold(gap: Gap): void {
    const id = gap.fromId === undefined ? undefined : idValue(gap.fromId)
    if (id === undefined) return
    // Candles of a later moment would count what comes again twice.
    const isNow = gap.reason !== 'cursor-late' && this.#holds.size === 0
    this.#holds.set(gapKey(gap), {
      id: String(idPlus(id, -1)),
      timestamp: gap.fromTime ?? gap.at,
      state: isNow ? this.#tape.state() : undefined,
    })
  }

  #lowestHold(): TapeCursor | undefined {
    let lowest: TapeCursor | undefined
    for (const hold of this.#holds.values()) if (lowest === undefined || valueOf(hold) < valueOf(lowest)) lowest = hold
    return lowest
  }

  async #load(): Promise<TapeCursor | undefined> {
    const { cursorStore, stream, clock } = this.#tape
    return cursorStore && loadInTime('the stored cursor', () => cursorStore.load(stream), clock)
  }

  async #loadGaps(): Promise<readonly Gap[]> {
    const { cursorStore, stream, clock } = this.#tape
    return loadInTime('the stored gaps', async () => (await cursorStore?.openGaps?.(stream)) ?? [], clock)
  }

  #report(error: unknown): void {
    this.#tape.onError(TapekeeperError.from(error, 'CURSOR_FAILED', { stream: this.#tape.stream }))
  }
}

const valueOf = ({ id }: TapeCursor): IdValue => idValue(id) ?? -Infinity

/** Somewhere from the first of one to the last of the other so much is missing. A filled one adds nothing. */
function joinedGap(one: Gap, other: Gap): Gap {
  if (one.filled || other.filled) return one.filled ? other : one
  const [first, last] = compareTradeIds(one.fromId ?? '', other.fromId ?? '') <= 0 ? [one, other] : [other, one]
  const hasIds = first.fromId !== undefined && last.toId !== undefined
  return {
    ...first,
    fromId: hasIds ? first.fromId : undefined,
    toId: hasIds ? last.toId : undefined,
    toTime: last.toTime,
    missing: first.missing === undefined || last.missing === undefined ? undefined : first.missing + last.missing,
  }
}
