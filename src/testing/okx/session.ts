import type { TimerScope } from '../timer-scope.ts'
import type { Connection, ConnectionSink } from '../venue.ts'
import type { ChannelArg } from './client-request.ts'
import { RateWindow } from './rate-window.ts'

/** Subscribe, unsubscribe and login together. */
const REQUESTS_PER_HOUR = 480
const HOUR = 3_600_000

export interface SessionHost {
  readonly timers: TimerScope
  readonly idleTimeoutMs: number
  /** Latency put on everything sent. Milliseconds. */
  delayMs(): number
  received(session: Session, text: string): void
  ended(session: Session): void
}

/** One connection of one client: what it subscribed to, and an outbox that keeps order under latency. */
export class Session implements Connection {
  readonly subscriptions = new Map<string, ChannelArg>()
  readonly requestBudget: RateWindow
  readonly openedAt: number
  loggedIn = false
  readonly #host: SessionHost
  readonly #sink: ConnectionSink
  #deaf = false
  #ended = false
  #lastSentAt: number
  /** Not yet sent: in order, due times never falling. */
  #outbox: { readonly at: number; readonly run: () => void }[] = []
  #outboxTimer = false

  constructor(
    readonly id: string,
    readonly path: string,
    sink: ConnectionSink,
    host: SessionHost,
  ) {
    this.#sink = sink
    this.#host = host
    this.openedAt = host.timers.now()
    this.#lastSentAt = this.openedAt
    this.requestBudget = new RateWindow(host.timers, REQUESTS_PER_HOUR, HOUR)
    this.#watchIdle(host.idleTimeoutMs)
  }

  get deaf(): boolean {
    return this.#deaf
  }

  receive(text: string): void {
    if (!this.#deaf && !this.#ended) this.#host.received(this, text)
  }

  send(data: string | Uint8Array): void {
    this.#enqueue(() => {
      this.#lastSentAt = this.#host.timers.now()
      this.#sink.send(data)
    })
  }

  close(code: number, reason: string): void {
    this.#enqueue(() => {
      this.#sink.close(code, reason)
      this.ended()
    })
  }

  terminate(): void {
    this.#sink.terminate()
    this.ended()
  }

  /** Half-open from now on: the line is up, nothing passes. */
  goDeaf(): void {
    this.#deaf = true
    this.#outbox = []
    this.#sink.goDeaf()
  }

  ended(): void {
    if (this.#ended) return
    this.#ended = true
    this.#outbox = []
    this.#host.ended(this)
  }

  #enqueue(run: () => void): void {
    if (this.#deaf || this.#ended) return
    const delayMs = this.#host.delayMs()
    if (delayMs === 0 && this.#outbox.length === 0) {
      run()
      return
    }
    const now = this.#host.timers.now()
    this.#outbox.push({ at: Math.max(now + delayMs, this.#outbox.at(-1)?.at ?? 0), run })
    this.#waitForOutbox()
  }

  #waitForOutbox(): void {
    const [first] = this.#outbox
    if (first === undefined || this.#outboxTimer) return
    this.#outboxTimer = true
    this.#host.timers.after(first.at - this.#host.timers.now(), () => {
      this.#outboxTimer = false
      const now = this.#host.timers.now()
      while (this.#outbox[0] !== undefined && this.#outbox[0].at <= now) this.#outbox.shift()?.run()
      this.#waitForOutbox()
    })
  }

  /** One timer per connection, not one per frame: it looks again when the silence would be long enough. */
  #watchIdle(afterMs: number): void {
    this.#host.timers.after(afterMs, () => {
      if (this.#ended || this.#deaf) return
      const leftMs = this.#lastSentAt + this.#host.idleTimeoutMs - this.#host.timers.now()
      if (leftMs > 0) this.#watchIdle(leftMs)
      else this.close(4004, 'No data received in 30s')
    })
  }
}
