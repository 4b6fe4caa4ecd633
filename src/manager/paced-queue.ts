import type { Cancel, Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'

export interface PacedQueueOptions {
  readonly clock: Clock
  readonly random: Random
  /** Distance between two starts while few wait. Milliseconds. */
  readonly delayMs: number
}

interface Task {
  readonly run: () => Promise<boolean>
  readonly promise: Promise<boolean>
  readonly resolve: (result: boolean) => void
}

/** Up to this many go one by one. */
const PER_LANE = 20

/**
 * Spreads out what must not happen all at once, such as restarts after an outage. With at most n waiting or running since it was last empty,
 * ceil(n / 20) run at a time and starts are `delayMs / ceil(n / 20)` apart, give or take half: a burst of any size is over
 * after some 20 delays. The first goes at once.
 */
export class PacedQueue<K> {
  readonly #options: PacedQueueOptions
  readonly #waiting = new Map<K, Task>()
  readonly #running = new Map<K, Task>()
  #peak = 0
  /** By elapsed time. */
  #lastStartAt = Number.NEGATIVE_INFINITY
  /** Drawn at each start for the distance to the next one: 0.5 to 1.5. */
  #jitter = 1
  #cancelTimer: Cancel | undefined

  constructor(options: PacedQueueOptions) {
    this.#options = options
  }

  /** Waits or runs. */
  has(key: K): boolean {
    return this.#waiting.has(key) || this.#running.has(key)
  }

  /**
   * Runs a task when its turn comes; what waits or runs under the same key already is shared.
   *
   * @returns what the task says; false when it was dropped or rejected.
   */
  add(key: K, run: () => Promise<boolean>): Promise<boolean> {
    const present = this.#running.get(key) ?? this.#waiting.get(key)
    if (present !== undefined) return present.promise
    let resolve: (result: boolean) => void = () => undefined
    const promise = new Promise<boolean>((done) => (resolve = done))
    this.#waiting.set(key, { run, promise, resolve })
    this.#peak = Math.max(this.#peak, this.#waiting.size + this.#running.size)
    this.#schedule()
    return promise
  }

  /** Lets one go that has not had its turn. */
  drop(key: K): void {
    const task = this.#waiting.get(key)
    if (task === undefined) return
    this.#waiting.delete(key)
    task.resolve(false)
    this.#schedule()
  }

  /** Lets all go that have not had their turn. */
  clear(): void {
    for (const key of [...this.#waiting.keys()]) this.drop(key)
  }

  get #lanes(): number {
    return Math.max(1, Math.ceil(this.#peak / PER_LANE))
  }

  /** Arms the timer for the next start; anew with each change, because more that wait make it come sooner. */
  #schedule(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#waiting.size === 0) {
      if (this.#running.size === 0) this.#peak = 0
      return
    }
    if (this.#running.size >= this.#lanes) return
    const { clock, delayMs } = this.#options
    const waitMs = Math.ceil(this.#lastStartAt + (this.#jitter * delayMs) / this.#lanes - clock.elapsed())
    if (waitMs <= 0) this.#startNext()
    else
      this.#cancelTimer = clock.after(waitMs, () => {
        this.#cancelTimer = undefined
        this.#startNext()
      })
  }

  #startNext(): void {
    const [first] = this.#waiting
    if (first === undefined) return
    const [key, task] = first
    this.#waiting.delete(key)
    this.#running.set(key, task)
    this.#lastStartAt = this.#options.clock.elapsed()
    this.#jitter = 0.5 + this.#options.random()
    const ended = (result: boolean): void => {
      this.#running.delete(key)
      task.resolve(result)
      this.#schedule()
    }
    task.run().then(ended, () => ended(false))
    this.#schedule()
  }
}
