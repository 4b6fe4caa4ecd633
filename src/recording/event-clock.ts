import type { Cancel, Clock } from '../ports/clock.ts'
import { TimerQueue } from './timer-queue.ts'

/** Hands an event to our code. `sameTurn`: nothing could settle since the event before it. */
type Deliver = (at: number, sameTurn: boolean) => void

interface Job {
  readonly at: number
  /** None: only timers are due. */
  readonly deliver?: Deliver
}

/** A timer that is later than this was held up, and that is recorded; one that is less late is taken to have been on time. */
const STALL_MS = 100

/**
 * The clock of a recorded run: real time, in steps that a replay can repeat exactly.
 * - The wall clock is read once, at the start, so that a recording has one time, which never goes back when that clock is stepped.
 * - Time stands still while an event (a frame, an answer, a timer) and what follows from it at once is worked on.
 * - A timer sees the very time at which it was due, and fires before every event that came later. To keep that order, an event that
 *   finds a due timer waits for it: one turn of the event loop. Otherwise events pass straight through.
 * - After a stall each due timer fires once, at the time of waking up, as real timers do; the recording says so.
 */
export class EventClock implements Clock {
  readonly #base: Clock
  /** Our time at elapsed 0. */
  readonly #startsAt: number
  readonly #onStall: (from: number, until: number) => void
  readonly #timers = new TimerQueue()
  readonly #jobs: Job[] = []
  #now = -Infinity
  /** Time stands still until this turn of the event loop is over. */
  #pinned = false
  /** An event was delivered, and no promise could settle since. */
  #fresh = false
  #working = false
  #disarm: Cancel = () => undefined
  #armedFor = Infinity

  constructor(base: Clock, onStall: (from: number, until: number) => void) {
    this.#base = base
    this.#startsAt = base.now() - base.elapsed()
    this.#onStall = onStall
  }

  /** Real time as the recording knows it: what the wall clock showed at the beginning, and what has elapsed since. */
  #time(): number {
    return this.#startsAt + this.#base.elapsed()
  }

  elapsed(): number {
    return this.now()
  }

  now(): number {
    if (!this.#pinned) this.#pin(Math.min(this.#time(), this.#timers.nextAt))
    return this.#now
  }

  after(delayMs: number, callback: () => void): Cancel {
    const cancel = this.#timers.add(this.now(), delayMs, callback)
    this.#arm()
    return () => {
      cancel()
      this.#arm()
    }
  }

  /** Something arrived from outside, in a task of its own: delivered at once when nothing is due before it. */
  dispatch(deliver: Deliver): void {
    const at = Math.max(this.#now, this.#time())
    if (this.#working || this.#timers.nextAt <= at) this.#enqueue({ at, deliver })
    else this.#deliver(at, deliver)
  }

  /** The same for what arrives amid the promises of something else: delivered in a turn of its own. */
  dispatchSoon(deliver: Deliver): void {
    this.#enqueue({ at: Math.max(this.#now, this.#time()), deliver })
  }

  #deliver(at: number, deliver: Deliver): void {
    const sameTurn = this.#fresh
    if (!sameTurn) {
      this.#fresh = true
      queueMicrotask(() => (this.#fresh = false))
    }
    this.#pin(at)
    deliver(this.#now, sameTurn)
  }

  #enqueue(job: Job): void {
    this.#jobs.push(job)
    if (this.#working) return
    this.#working = true
    setImmediate(this.#step)
  }

  /** One timer or one event; promises settle before the next step. */
  readonly #step = (): void => {
    const [job] = this.#jobs
    if (job === undefined) {
      this.#working = false
      this.#arm()
      return
    }
    setImmediate(this.#step)
    const due = this.#timers.nextAt
    if (due <= job.at) {
      const at = Math.max(this.#now, due)
      if (at < job.at - STALL_MS) {
        this.#pin(job.at)
        this.#onStall(due, job.at)
      } else {
        this.#pin(at)
      }
      this.#timers.takeDue(due)?.()
      return
    }
    this.#jobs.shift()
    if (job.deliver !== undefined) this.#deliver(job.at, job.deliver)
  }

  #pin(at: number): void {
    this.#now = Math.max(this.#now, at)
    if (this.#pinned) return
    this.#pinned = true
    setImmediate(() => (this.#pinned = false))
  }

  /** One timer of the real clock, for whichever of ours is next. */
  #arm(): void {
    const next = this.#timers.nextAt
    if (this.#working || next === this.#armedFor) return
    this.#disarm()
    this.#armedFor = next
    this.#disarm = () => undefined
    if (next === Infinity) return
    this.#disarm = this.#base.after(Math.max(0, next - Math.max(this.#now, this.#time())), () => {
      this.#armedFor = Infinity
      this.#jobs.push({ at: Math.max(this.#now, this.#time(), next) })
      if (this.#working) return
      this.#working = true
      this.#step()
    })
  }
}
