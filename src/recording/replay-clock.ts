import { systemClock, type Cancel, type Clock } from '../ports/clock.ts'
import { TimerQueue } from './timer-queue.ts'

/** Turns of the event loop in which promises, and what hops through `setImmediate` once, come to rest. */
const SETTLE_TURNS = 2

/** Waits, in real time, until the replay has got to this virtual time. */
export type Pace = (at: number) => Promise<void>

/** The clock of a replay: stands still until it is moved, and goes on by itself when the recording is over. */
export class ReplayClock implements Clock {
  readonly #timers = new TimerQueue()
  readonly #pace: Pace
  #now: number
  #goesOn = false
  #disarm: Cancel = () => undefined

  constructor(startsAt: number, pace: Pace) {
    this.#now = startsAt
    this.#pace = pace
  }

  now(): number {
    return this.#now
  }

  /** A recording knows one time, which never goes back. */
  elapsed(): number {
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

  /** Fires what falls due until `at`, each at its time, and leaves the clock there. */
  async advanceTo(at: number): Promise<void> {
    await this.#fireUntil((due) => due <= at)
    await this.#pace(at)
    this.moveTo(at)
  }

  /** Fires what falls due before `at`, each at its time. */
  async advanceUntil(at: number): Promise<void> {
    await this.#fireUntil((due) => due < at)
    await this.#pace(at)
    this.moveTo(at)
  }

  /** Time goes on amid an event; nothing falls due meanwhile. */
  moveTo(at: number): void {
    this.#now = Math.max(this.#now, at)
  }

  /** From `from` on nothing fired until `at`; then each due timer does, at that time. */
  async stall(from: number, at: number): Promise<void> {
    await this.#fireUntil((due) => due < from)
    await this.#pace(at)
    this.moveTo(at)
    await this.advanceTo(at)
  }

  /** Lets what is in motion come to rest; time does not pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /**
   * The recording is over. Who still waits for something, a `stop` for example, gets there: timers fire after their real delay.
   * In between time still stands still, so that when a replay is stopped does not depend on the machine.
   */
  goOn(): void {
    this.#goesOn = true
    this.#arm()
  }

  async #fireUntil(isDue: (at: number) => boolean): Promise<void> {
    for (let due = this.#timers.nextAt; isDue(due); due = this.#timers.nextAt) {
      await this.#pace(due)
      this.moveTo(due)
      this.#timers.takeDue(due)?.()
      await this.settle()
    }
  }

  #arm(): void {
    if (!this.#goesOn) return
    this.#disarm()
    this.#disarm = () => undefined
    const next = this.#timers.nextAt
    if (next === Infinity) return
    this.#disarm = systemClock.after(next - this.#now, () => {
      this.moveTo(next)
      this.#timers.takeDue(next)?.()
      this.#arm()
    })
  }
}

/** Real time divided by `speed`; `max` waits for nothing. */
export function paceOf(speed: number | 'max', startsAt: number): Pace {
  if (speed === 'max') return () => Promise.resolve()
  let startedAt: number | undefined
  return async (at) => {
    startedAt ??= systemClock.elapsed()
    const leftMs = startedAt + (at - startsAt) / speed - systemClock.elapsed()
    if (leftMs >= 1) await new Promise((resolve) => setTimeout(resolve, leftMs))
  }
}
