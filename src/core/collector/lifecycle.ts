import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { momentOf, sleep, type Cancel, type Clock, type Moment } from '../../ports/clock.ts'
import { canFollow, type CollectorStatus } from './collector-state.ts'
import type { RestartNotice, RestartTrigger, StatusChange } from './events.ts'

/** How far a start got: everything, a part that keeps trying, or nothing. */
export type StartOutcome = 'up' | 'partly' | 'failed'

/** What a lifecycle runs, and whom it tells. */
export interface LifecycleHooks {
  /** May reject; that is a failed start. */
  bringUp(signal: AbortSignal): Promise<StartOutcome>
  unsubscribe(): Promise<unknown>
  disconnect(): Promise<void>
  /** Stopped for good, from whatever state: what a restart keeps is let go of. */
  release(): Promise<void>
  /** It is being stopped for good. */
  onStopping(): void
  /** Brings what waits in sinks where it belongs, until the signal aborts. Undefined where there are none. */
  readonly settle: ((signal: AbortSignal) => Promise<void>) | undefined
  onStopped(): void
  /** Why a start ended as it did, in words. */
  reason(): string | undefined
  /** One turn of the message loop. */
  handleMessages(signal: AbortSignal): Promise<void>
  onTurn(): void
  onLoopFailed(error: TapekeeperError): void
  onError(error: TapekeeperError): void
  onStatus(change: StatusChange): void
  onRestart(notice: RestartNotice): void
  /** It may be in the error state now. */
  onRestartFailed(): void
  /** Everything runs: supervision may begin. */
  onUp(): void
  /** Nothing runs any more. */
  onDown(): void
}

/** Each thing that is ended politely gets this long before it is left behind. */
const GRACE_MS = 5_000
/** A change of what is collected that takes longer must not keep a restart waiting. */
const FOLLOW_LIMIT_MS = 15_000
/** What waits for a database that is away is given this long at the stop, and then goes to the spool or is given up. */
const SETTLE_LIMIT_MS = 10_000
/** Nobody waits for an automatic restart: one that hangs has failed. */
const RESTART_LIMIT_MS = 120_000
/** A `handleMessages` that returns at once must not keep timers and sockets from their turn. */
const TURNS_BEFORE_YIELD = 64

/**
 * Start, stop and restart of one collector, one after the other whoever calls them in whatever order. The last word counts:
 * a stop ends a start that is under way, and a start after it begins anew.
 */
export class Lifecycle {
  readonly #hooks: LifecycleHooks
  readonly #clock: Clock
  #status: CollectorStatus = 'stopped'
  #wanted = false
  #queue: Promise<unknown> = Promise.resolve()
  #starting: Promise<boolean> | undefined
  #stopping: Promise<void> | undefined
  #restarting: Promise<boolean> | undefined
  #run: AbortController | undefined
  /** Ends every polite wait that is under way, until the stop that asked for it is done. */
  #force: () => void = () => undefined
  #isForced = false
  #forced = new Promise<void>((resolve) => (this.#force = resolve))
  #loop: Promise<void> = Promise.resolve()
  #loopFailed = false
  #started: Moment | undefined

  constructor(hooks: LifecycleHooks, clock: Clock) {
    this.#hooks = hooks
    this.#clock = clock
  }

  get status(): CollectorStatus {
    return this.#status
  }

  /** Whether it should be running. */
  get wanted(): boolean {
    return this.#wanted
  }

  /** When the present run came up; undefined when nothing runs. */
  get started(): Moment | undefined {
    return this.#started
  }

  /** The message loop has ended by an error and does not run any more. */
  get loopFailed(): boolean {
    return this.#loopFailed
  }

  start(): Promise<boolean> {
    if (this.#starting !== undefined) return this.#starting
    this.#wanted = true
    this.#stopping = undefined
    const starting = this.#enqueue(() => this.#bringUp('starting')).finally(() => {
      if (this.#starting === starting) this.#starting = undefined
    })
    this.#starting = starting
    return starting
  }

  stop(force: boolean, reason?: string): Promise<void> {
    this.#wanted = false
    this.#starting = undefined
    this.#restarting = undefined
    if (this.#stopping === undefined) {
      this.#run?.abort(new TapekeeperError('ABORTED', 'the collector was stopped'))
      this.#stopping = this.#enqueue(async () => {
        await this.#bringDown('stopping', reason)
        this.#hooks.onStopped()
        this.#stopping = undefined
        this.#isForced = false
        this.#forced = new Promise((resolve) => (this.#force = resolve))
      })
    }
    if (force) {
      this.#isForced = true
      this.#force()
    }
    return this.#stopping
  }

  /** `manual` makes it wanted; an automatic restart happens only while it is. */
  restart(trigger: RestartTrigger, reason: string, attempt = 0, delayMs = 0): Promise<boolean> {
    if (trigger === 'manual') {
      this.#wanted = true
      this.#stopping = undefined
    }
    const cancelPatience = this.#cutShort()
    this.#restarting ??= this.#enqueue(async () => {
      cancelPatience()
      this.#restarting = undefined
      if (!this.wanted) return false
      this.#hooks.onRestart({ trigger, reason, attempt, delayMs, at: this.#clock.now() })
      await this.#bringDown('restarting')
      const limitMs = trigger === 'manual' ? undefined : RESTART_LIMIT_MS
      const ok = await this.#bringUp(this.#status === 'restarting' ? 'restarting' : 'starting', limitMs)
      if (!ok) this.#hooks.onRestartFailed()
      return ok
    })
    return this.#restarting
  }

  /** Ends what runs and leaves the collector in the error state, from which `start` and `restart` lead out. */
  giveUp(reason: string): void {
    void this.#enqueue(async () => {
      if (!this.wanted) return
      await this.#bringDown('restarting')
      this.setStatus('error', reason)
    })
  }

  /**
   * Runs a task of the collector's own between the lifecycle operations, while it is up. It is left behind when the run ends, or when
   * it takes too long; `isCurrent` tells whether the run goes on.
   */
  follow(task: (isCurrent: () => boolean) => Promise<void>): void {
    void this.#enqueue(async () => {
      const run = this.#run
      if (this.#started === undefined || run === undefined) return
      await this.#politely(() => task(() => !run.signal.aborted), FOLLOW_LIMIT_MS, run.signal)
    })
  }

  #enqueue<R>(task: () => Promise<R>): Promise<R> {
    const result = this.#queue.then(task)
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** A bring-up that is under way may end by itself for a moment; one that hangs must not keep a restart waiting for ever. */
  #cutShort(): Cancel {
    const run = this.#run
    if (run === undefined || this.#started !== undefined || this.#restarting !== undefined) return () => undefined
    return this.#clock.after(GRACE_MS, () => {
      if (this.#started === undefined) run.abort()
    })
  }

  setStatus(to: CollectorStatus, reason?: string): void {
    const from = this.#status
    if (from === to || !canFollow(from, to)) return
    this.#status = to
    this.#hooks.onStatus({ from, to, at: this.#clock.now(), reason })
  }

  async #bringUp(status: 'starting' | 'restarting', limitMs?: number): Promise<boolean> {
    if (this.#started !== undefined) return this.#status === 'running'
    if (!this.#wanted) return false
    const run = new AbortController()
    this.#run = run
    this.setStatus(status)
    const tooLate = new TapekeeperError('START_TIMEOUT', `not up after ${String(limitMs)} ms`)
    const cancelLimit = limitMs === undefined ? undefined : this.#clock.after(limitMs, () => run.abort(tooLate))
    const [outcome, reason] = await this.#tryBringUp(run.signal)
    cancelLimit?.()
    const isLate = run.signal.reason === tooLate
    const isStopped = run.signal.aborted && !isLate
    if (isLate) this.#hooks.onError(tooLate)
    if (outcome === 'failed' || run.signal.aborted) {
      run.abort()
      this.#hooks.onDown()
      await this.#politely(() => this.#hooks.disconnect())
      // When it was stopped, nobody failed, and the stop that follows says what becomes of it.
      if (!isStopped) this.setStatus('error', isLate ? tooLate.message : reason)
      return false
    }
    this.#started = momentOf(this.#clock)
    this.#hooks.onTurn()
    this.setStatus(outcome === 'up' ? 'running' : 'degraded', reason)
    this.#loopFailed = false
    this.#loop = this.#runLoop(run.signal)
    this.#hooks.onUp()
    return outcome === 'up'
  }

  async #tryBringUp(signal: AbortSignal): Promise<readonly [StartOutcome, string | undefined]> {
    const isStopped = (): boolean => signal.aborted
    // Whoever heard that it starts may have stopped it.
    if (isStopped()) return ['failed', undefined]
    try {
      return [await this.#unlessStopped(this.#hooks.bringUp(signal), signal), this.#hooks.reason()]
    } catch (thrown) {
      const error = TapekeeperError.from(thrown, 'COLLECTOR_FAILED')
      if (!isStopped()) this.#hooks.onError(error)
      return ['failed', error.message]
    }
  }

  /**
   * A `bringUp` that does not heed its signal is left behind; should it come up after all, it is taken down again, unless another
   * run has begun meanwhile: that one's end will be its end too.
   */
  #unlessStopped(bringUp: Promise<StartOutcome>, signal: AbortSignal): Promise<StartOutcome> {
    return new Promise((resolve, reject) => {
      let cancel: Cancel = () => undefined
      let isLeft = false
      const leave = (): void => {
        isLeft = true
        cancel()
        resolve('failed')
      }
      const onAbort = (): void => {
        cancel = this.#clock.after(GRACE_MS, leave)
        void this.#forced.then(leave)
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
      bringUp
        .then(
          (outcome) => {
            if (!isLeft) resolve(outcome)
            else if (this.#run?.signal === signal) void this.#politely(() => this.#hooks.disconnect())
          },
          (error: unknown) => reject(TapekeeperError.from(error, 'COLLECTOR_FAILED')),
        )
        .finally(() => {
          cancel()
          signal.removeEventListener('abort', onAbort)
        })
    })
  }

  async #bringDown(status: 'stopping' | 'restarting', reason?: string): Promise<void> {
    if (this.#status === 'stopped') return
    this.#run?.abort()
    if (status === 'stopping') this.#hooks.onStopping()
    this.#hooks.onDown()
    this.setStatus(status, reason)
    if (this.#started !== undefined) {
      if (!this.#isForced) await this.#politely(() => this.#hooks.unsubscribe())
      await this.#politely(() => this.#loop)
      await this.#politely(() => this.#hooks.disconnect())
    }
    this.#started = undefined
    if (status !== 'stopping') return
    await this.#politely(() => this.#hooks.release())
    if (this.#hooks.settle !== undefined) await this.#settle(this.#hooks.settle)
    this.setStatus('stopped', reason)
  }

  async #settle(settle: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const giveUp = new AbortController()
    const settled = settle(giveUp.signal)
    if (!this.#isForced) await this.#politely(() => settled, SETTLE_LIMIT_MS)
    giveUp.abort()
    await this.#politely(() => settled)
  }

  async #runLoop(signal: AbortSignal): Promise<void> {
    const ended = (): boolean => signal.aborted
    for (let turn = 1; !ended(); turn++) {
      this.#hooks.onTurn()
      try {
        await this.#hooks.handleMessages(signal)
        if (turn % TURNS_BEFORE_YIELD === 0) await sleep(this.#clock, 1, signal)
      } catch (error) {
        if (ended()) return
        this.#loopFailed = true
        this.#hooks.onLoopFailed(TapekeeperError.from(error, 'COLLECTOR_FAILED'))
        return
      }
    }
  }

  /** Waits for a task to end well, for its grace to be over, or for a forced stop, whichever is first. What it throws is reported. */
  async #politely(task: () => Promise<unknown>, graceMs = GRACE_MS, signal?: AbortSignal): Promise<void> {
    let cancel: Cancel = () => undefined
    const grace = new Promise<void>((resolve) => {
      const leave = (): void => resolve()
      const cancelTimer = this.#clock.after(graceMs, leave)
      signal?.addEventListener('abort', leave, { once: true })
      cancel = () => {
        cancelTimer()
        signal?.removeEventListener('abort', leave)
      }
    })
    const ended = callFencedAsync(task, (error) => this.#hooks.onError(TapekeeperError.from(error, 'COLLECTOR_FAILED')))
    await Promise.race([ended, grace, this.#forced])
    cancel()
  }
}

async function callFencedAsync(task: () => Promise<unknown>, onFault: (error: unknown) => void): Promise<void> {
  try {
    await task()
  } catch (error) {
    onFault(error)
  }
}
