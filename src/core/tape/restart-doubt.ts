import { countIds, idPlus, type IdRange, type IdValue } from '../../domain/trade-id.ts'
import { sleep, type Clock } from '../../ports/clock.ts'
import { idsOf, type TradePoint } from './continuity.ts'
import type { PageBefore } from './hole-filler.ts'
import { WITNESSES } from './witnesses.ts'

/** A trade whose ids are known although it is new. */
export interface Newcomer {
  readonly point: TradePoint
  readonly ids: IdRange
}

/** The tape whose ids may have begun anew. */
export interface DoubtedTape {
  readonly clock: Clock
  readonly pageBefore: PageBefore | undefined
  /** A doubt that has not ended within this time ends in a gap. Milliseconds. */
  readonly timeoutMs: number
  /** More newcomers than this do not wait either. */
  readonly maxWaiting: number
  readonly cursor: () => IdValue | undefined
  /** The highest id seen. */
  readonly highest: () => IdValue
  /** Whether a trade with this id was delivered just now. */
  readonly isRecent: (id: IdValue) => boolean
  /** Exchange time that several trades of the tape have reached. */
  readonly reached: () => number
  /** Exchange time at which a trade that comes now was received, at the earliest. */
  readonly receivedTime: (point: TradePoint) => number
  /** Whether a trade that comes now was made just now. */
  readonly isOfNow: (point: TradePoint) => boolean
  /** The exchange counts anew, and these are the first of the new ones. */
  readonly onRestart: (newcomers: readonly Newcomer[]) => void
  /** Nothing began anew: these were copies, or their ids were damaged and the tape has the trades themselves. */
  readonly onDamaged: (newcomers: readonly Newcomer[]) => void
  /** Nobody can tell. */
  readonly onUnproven: (newcomers: readonly Newcomer[]) => void
}

/** Between two looks at what has come. A line that is silent for so long, while the other one goes on, has ended. */
const LOOK_MS = 1_000
/** A trade that is newer by this was made after the other one was received. Clocks and ways differ. */
const CLEARLY_MS = 2_000
/** So many ids behind a newcomer are looked at. */
const AROUND = 50
/** Neighbours on a line are no further apart, even when some between them were lost. */
const NEAR = 1_000
/** REST is asked on the side; a slow one is not waited for. */
const ASK_MS = 3_000
/** Between two trades of a line that count as witnesses of its pace; and by how much their stamps may go faster or slower than time. */
const PACE_MS = 1_000
const OFF_PACE_MS = 1_000

interface Arrival extends Newcomer {
  /** Elapsed time. */
  readonly at: number
  /** It was made just now, by the exchange's time as the tape knows it. */
  readonly isOfNow: boolean
}

/**
 * A trade comes whose id is known, and it is newer than the tape: that is no copy. Either the exchange counts anew, or the id or the
 * time was damaged on the way. The newcomers wait until several of them in a row, or REST, tell that they are a stream; or until the
 * tape itself goes on with trades that are newer still. When neither happens in time, they become a gap.
 *
 * Newer than the tape are copies, too, after the exchange has set its clock back. So a newcomer counts at once only when it was made just
 * now; else the line must go on as time does, which no repetition of what was sent before does.
 */
export class RestartDoubt {
  readonly #tape: DoubtedTape
  #waiting: Arrival[] = []
  /** Of those that wait: exchange times by id. */
  #times = new Map<IdValue, number>()
  /** The last ones, whether they wait or are in a gap. */
  #latest: Arrival[] = []
  /** Of the line that they are on, as far apart as witnesses of its pace must be. */
  #paced: Arrival[] = []
  /** Elapsed time since when they wait. */
  #since = 0
  /** Exchange time at which the last one was received. */
  #receivedTime = -Infinity
  #looking: Promise<void> | undefined
  #position: readonly unknown[] = []
  #signal: AbortSignal

  constructor(tape: DoubtedTape, signal: AbortSignal) {
    this.#tape = tape
    this.#signal = signal
  }

  /** Some newcomers are neither delivered nor in a gap. */
  get isOpen(): boolean {
    return this.#waiting.length > 0
  }

  /** False for a copy of one that waits. */
  add(newcomer: Newcomer): boolean {
    const { point, ids } = newcomer
    if (this.#times.get(ids.last) === point.timestamp) return false
    if (!this.isOpen) {
      this.#since = this.#tape.clock.elapsed()
      this.#position = this.#whereTheTapeIs()
      this.#receivedTime = -Infinity
    }
    this.#times.set(ids.last, point.timestamp)
    const arrival = { point, ids, at: this.#tape.clock.elapsed(), isOfNow: this.#tape.isOfNow(point) }
    this.#waiting.push(arrival)
    this.#witness(arrival)
    this.#receivedTime = Math.max(this.#receivedTime, this.#tape.receivedTime(point))
    if (this.#waiting.length > this.#tape.maxWaiting) this.#tell()
    this.#lookSoon()
    return true
  }

  resume(signal: AbortSignal): void {
    this.#signal = signal
    this.#lookSoon()
  }

  /** Nobody will look any more: a line that is one counts, the rest becomes a gap. */
  end(): void {
    if (!this.isOpen) return
    if (this.#isLine && !this.#hasTapeGoneOn()) this.#restart()
    else this.#tell()
  }

  #lookSoon(): void {
    if (this.#looking !== undefined || !this.isOpen || this.#signal.aborted) return
    const signal = this.#signal
    this.#looking = this.#look(signal)
      .catch(() => undefined) // Only when it was stopped.
      .finally(() => {
        this.#looking = undefined
        this.#lookSoon()
      })
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { clock, reached, timeoutMs } = this.#tape
    while (this.#waiting.length > 0) {
      await sleep(clock, LOOK_MS, signal)
      if (reached() > this.#receivedTime + CLEARLY_MS) {
        this.#damaged()
        return
      }
      const word = this.#hasTapeGoneOn() ? undefined : await this.#askRest(signal)
      const isSilent = !this.#hasTapeGoneOn()
      this.#position = this.#whereTheTapeIs()
      if (word === 'copies') this.#damaged()
      else if (isSilent && (word === 'restart' || this.#isLine)) this.#restart()
      else if (clock.elapsed() - this.#since >= timeoutMs) this.#tell()
    }
  }

  #whereTheTapeIs(): readonly unknown[] {
    return [this.#tape.cursor(), this.#tape.highest()]
  }

  #hasTapeGoneOn(): boolean {
    return this.#whereTheTapeIs().some((at, i) => at !== this.#position[i])
  }

  #witness(arrival: Arrival): void {
    if (!follows(this.#latest.at(-1), arrival)) this.#paced = []
    this.#latest = [...this.#latest, arrival].slice(-WITNESSES)
    const before = this.#paced.at(-1)
    const passedMs = arrival.at - (before?.at ?? -Infinity)
    if (passedMs < PACE_MS) return
    const isInPace = before && Math.abs(arrival.point.timestamp - before.point.timestamp - passedMs) <= OFF_PACE_MS
    this.#paced = isInPace === true ? [...this.#paced, arrival].slice(-WITNESSES) : [arrival]
  }

  /**
   * Several follow each other closely, each with a higher id than the one before and none of them older, and they are of now or go on as
   * time does: so a stream counts.
   */
  get #isLine(): boolean {
    const latest = this.#latest
    if (latest.length < WITNESSES || latest.some((arrival, i) => i > 0 && !follows(latest[i - 1], arrival))) return false
    return latest.every(({ isOfNow }) => isOfNow) || this.#paced.length === WITNESSES
  }

  /**
   * What REST has under these ids. When our last trade is not older than the newcomer, whose id is lower, the newcomer was a copy. When
   * the newcomer's id is that of a trade of its time, which is now, and the last one of its line, the exchange counts anew; unless that id
   * was delivered just now, for then it was that one's time that was wrong.
   */
  async #askRest(signal: AbortSignal): Promise<'restart' | 'copies' | undefined> {
    const { pageBefore, cursor, isRecent } = this.#tape
    const newcomer = this.#waiting.at(-1)
    const at = cursor()
    if (pageBefore === undefined || newcomer === undefined || at === undefined) return undefined
    const { point, ids, isOfNow } = newcomer
    const isLater = (row: TradePoint): boolean => row.timestamp >= point.timestamp && (idsOf(row)?.last ?? ids.last) > ids.last
    try {
      const newest = await this.#inTime(pageBefore, at, signal)
      if (newest.filter(isLater).length >= WITNESSES && newest.some((row) => idsOf(row)?.last === at)) return 'copies'
      const around = await this.#inTime(pageBefore, idPlus(ids.last, AROUND), signal)
      const own = around.find((row) => idsOf(row)?.last === ids.last)
      if (own?.timestamp !== point.timestamp) return undefined
      if (isRecent(ids.last)) return 'copies'
      return isOfNow && around.filter(isLater).length < WITNESSES ? 'restart' : undefined
    } catch (error) {
      if (signal.aborted) throw error
      return undefined
    }
  }

  /** The page that ends with this id. */
  async #inTime(pageBefore: PageBefore, id: IdValue, signal: AbortSignal): Promise<readonly TradePoint[]> {
    const control = new AbortController()
    const late = this.#tape.clock.after(ASK_MS, () => control.abort(new Error('REST is not waited for')))
    try {
      return await pageBefore(String(idPlus(id, 1)), AbortSignal.any([signal, control.signal]))
    } finally {
      late()
    }
  }

  /** With the line that the last one ends; what came before it was something else, and lies in the gap between. */
  #restart(): void {
    this.#forgetLine()
    this.#settle((newcomers) => {
      let first = newcomers.length - 1
      while (first > 0 && follows(newcomers[first - 1], newcomers[first])) first--
      this.#tape.onRestart(newcomers.slice(first))
    })
  }

  #damaged(): void {
    this.#forgetLine()
    this.#settle(this.#tape.onDamaged)
  }

  #forgetLine(): void {
    this.#latest = []
    this.#paced = []
  }

  /** What comes next still follows them, and may show that they were a line. */
  #tell(): void {
    this.#settle(this.#tape.onUnproven)
  }

  #settle(how: (newcomers: readonly Newcomer[]) => void): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#times.clear()
    if (waiting.length > 0) how(waiting)
  }
}

/** As neighbours on a line do. */
function follows(before: Newcomer | undefined, newcomer: Newcomer | undefined): boolean {
  if (before === undefined || newcomer === undefined) return false
  const { point, ids } = newcomer
  const step = countIds(before.ids.last, ids.first)
  return step > 1 && step <= NEAR && point.timestamp >= before.point.timestamp
}
