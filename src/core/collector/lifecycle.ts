import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { sleep, type Cancel, type Clock } from '../../ports/clock.ts'
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
  /** One turn of the message loop. */
  handleMessages(signal: AbortSignal): Promise<void>
  onTurn(): void
  onLoopFailed(error: TapekeeperError): void
  onError(error: TapekeeperError): void
  onStatus(change: StatusChange): void
  onRestart(notice: RestartNotice): void
  /** Everything runs: supervision may begin. */
  onUp(): void
  /** Nothing runs any more. */
  onDown(): void
}

/** A message loop that is ended politely gets this long. */
const LOOP_GRACE_MS = 5_000
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
  #loop: Promise<void> = Promise.resolve()
  #startedAt: number | undefined

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
  get startedAt(): number | undefined {
    return this.#startedAt
  }

  start(): Promise<boolean> {
    if (this.#starting !== undefined) return this.#starting
    this.#wanted = true
    this.#stopping = undefined
    const starting = this.enqueue(() => this.#bringUp('starting')).finally(() => {
      if (this.#starting === starting) this.#starting = undefined
    })
    this.#starting = starting
    return starting
  }

  stop(force: boolean, onStopped: () => void): Promise<void> {
    this.#wanted = false
    this.#starting = undefined
    this.#restarting = undefined
    this.#run?.abort(new TapekeeperError('ABORTED', 'the collector was stopped'))
    this.#stopping ??= this.enqueue(async () => {
      await this.#bringDown(force, 'stopping')
      onStopped()
    })
    return this.#stopping
  }

  /** `manual` makes it wanted; an automatic restart happens only while it is. */
  restart(trigger: RestartTrigger, reason: string, attempt = 0, delayMs = 0): Promise<boolean> {
    if (trigger === 'manual') {
      this.#wanted = true
      this.#stopping = undefined
    }
    this.#restarting ??= this.enqueue(async () => {
      this.#restarting = undefined
      if (!this.wanted) return false
      this.#hooks.onRestart({ trigger, reason, attempt, delayMs, at: this.#clock.now() })
      await this.#bringDown(false, 'restarting')
      return this.#bringUp(this.#status === 'restarting' ? 'restarting' : 'starting')
    })
    return this.#restarting
  }

  /** Ends what runs and leaves the collector in the error state, from which `start` and `restart` lead out. */
  giveUp(reason: string): void {
    void this.enqueue(async () => {
      if (!this.wanted) return
      await this.#bringDown(false, 'restarting')
      this.setStatus('error', reason)
    })
  }

  /** Runs a task of the collector's own between the lifecycle operations. */
  enqueue<R>(task: () => Promise<R>): Promise<R> {
    const result = this.#queue.then(task)
    this.#queue = result.catch(() => undefined)
    return result
  }

  setStatus(to: CollectorStatus, reason?: string): void {
    const from = this.#status
    if (from === to || !canFollow(from, to)) return
    this.#status = to
    this.#hooks.onStatus({ from, to, at: this.#clock.now(), reason })
  }

  async #bringUp(status: 'starting' | 'restarting'): Promise<boolean> {
    if (this.#startedAt !== undefined) return this.#status === 'running'
    if (!this.#wanted) return false
    const run = new AbortController()
    this.#run = run
    this.setStatus(status)
    const [outcome, reason] = await this.#tryBringUp(run.signal)
    if (outcome === 'failed' || run.signal.aborted) {
      run.abort()
      this.#hooks.onDown()
      await this.#quietly(() => this.#hooks.disconnect())
      if (this.wanted) this.setStatus('error', reason)
      return false
    }
    this.#startedAt = this.#clock.now()
    this.#hooks.onTurn()
    this.setStatus(outcome === 'up' ? 'running' : 'degraded')
    this.#loop = this.#runLoop(run.signal)
    this.#hooks.onUp()
    return outcome === 'up'
  }

  async #tryBringUp(signal: AbortSignal): Promise<readonly [StartOutcome, string | undefined]> {
    try {
      return [await this.#hooks.bringUp(signal), undefined]
    } catch (thrown) {
      const error = TapekeeperError.from(thrown, 'COLLECTOR_FAILED')
      if (!signal.aborted) this.#hooks.onError(error)
      return ['failed', error.message]
    }
  }

  async #bringDown(force: boolean, status: 'stopping' | 'restarting'): Promise<void> {
    if (this.#status === 'stopped') return
    this.#run?.abort()
    this.#hooks.onDown()
    this.setStatus(status)
    if (this.#startedAt !== undefined) {
      if (!force) {
        await this.#quietly(() => this.#hooks.unsubscribe())
        await this.#endLoop()
      }
      await this.#quietly(() => this.#hooks.disconnect())
    }
    this.#startedAt = undefined
    if (status === 'stopping') this.setStatus('stopped')
  }

  async #endLoop(): Promise<void> {
    let cancel: Cancel = () => undefined
    const grace = new Promise<void>((resolve) => (cancel = this.#clock.after(LOOP_GRACE_MS, resolve)))
    await Promise.race([this.#loop, grace])
    cancel()
  }

  async #runLoop(signal: AbortSignal): Promise<void> {
    const ended = (): boolean => signal.aborted
    for (let turn = 1; !ended(); turn++) {
      this.#hooks.onTurn()
      try {
        await this.#hooks.handleMessages(signal)
        if (turn % TURNS_BEFORE_YIELD === 0) await sleep(this.#clock, 0, signal)
      } catch (error) {
        if (!ended()) this.#hooks.onLoopFailed(TapekeeperError.from(error, 'COLLECTOR_FAILED'))
        return
      }
    }
  }

  async #quietly(task: () => Promise<unknown>): Promise<void> {
    try {
      await task()
    } catch (error) {
      this.#hooks.onError(TapekeeperError.from(error, 'COLLECTOR_FAILED'))
    }
  }
}
