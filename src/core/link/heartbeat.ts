import type { Cancel, Clock } from '../../ports/clock.ts'
import { KEEPALIVE_START, keepaliveRule, stepKeepalive } from './keepalive.ts'

export interface HeartbeatHooks {
  readonly onPing: () => void
  readonly onDead: (silentMs: number) => void
}

/** Runs the keepalive of one connection: asks `stepKeepalive` at each tick whether to ping or to call it dead. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #periodMs: number
  readonly #hooks: HeartbeatHooks
  #heard = false
  #cancel: Cancel | undefined

  constructor(clock: Clock, periodMs: number, hooks: HeartbeatHooks) {
    this.#clock = clock
    this.#periodMs = periodMs
    this.#hooks = hooks
  }

  /** Anything at all was received. */
  heard(): void {
    this.#heard = true
  }

  start(): void {
    this.stop()
    const { tickMs, rule } = keepaliveRule(this.#periodMs)
    let state = KEEPALIVE_START
    const tick = (): void => {
      const [next, verdict] = stepKeepalive(state, this.#heard, rule)
      state = next
      this.#heard = false
      if (verdict === 'dead') {
        this.#hooks.onDead(rule.deadAfter * tickMs)
        return
      }
      if (verdict === 'ping') this.#hooks.onPing()
      this.#cancel = this.#clock.after(tickMs, tick)
    }
    this.#cancel = this.#clock.after(tickMs, tick)
  }

  stop(): void {
    this.#cancel?.()
  }
}
