import type { Clock } from '../../ports/clock.ts'
import type { WireError } from './wire-errors.ts'

export type Refusal =
  { readonly hang: true } | { readonly hang: false; readonly status: number; readonly retryAfterSeconds?: number | undefined }

interface Rejection {
  readonly instId: string | undefined
  readonly error: WireError
  left: number
}

/** What becomes of the acknowledgement of a subscription. */
export type AckFate = { readonly kind: 'ack' | 'silence' | 'data-only' } | { readonly kind: 'reject'; readonly error: WireError }

/** Faults of connections and requests. Those with an end compare times; no timer is needed. */
export class SessionFaults {
  readonly #clock: Clock
  #refusal: (Refusal & { readonly until: number }) | undefined
  #closeAfterAck: { readonly code: number; readonly until: number } | undefined
  #noticeAfterAck: { readonly until: number } | undefined
  #rejections: Rejection[] = []
  #silenced: { readonly instId: string | undefined; readonly withData: boolean }[] = []
  loginError: WireError | undefined
  newConnectionsDeaf = false
  delayMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get refusal(): Refusal | undefined {
    return this.#isOver(this.#refusal) ? undefined : this.#refusal
  }

  refuse(refusal: Refusal | undefined, forMs = Infinity): void {
    this.#refusal = refusal && { ...refusal, until: this.#clock.now() + forMs }
  }

  /** The close code, while the fault lasts. */
  get closeAfterAck(): number | undefined {
    return this.#isOver(this.#closeAfterAck) ? undefined : this.#closeAfterAck?.code
  }

  setCloseAfterAck(code: number | undefined, forMs = Infinity): void {
    this.#closeAfterAck = code === undefined ? undefined : { code, until: this.#clock.now() + forMs }
  }

  get noticeAfterAck(): boolean {
    return !this.#isOver(this.#noticeAfterAck)
  }

  setNoticeAfterAck(on: boolean, forMs = Infinity): void {
    this.#noticeAfterAck = on ? { until: this.#clock.now() + forMs } : undefined
  }

  reject(error: WireError, instId: string | undefined, times = Infinity): void {
    this.#rejections.push({ error, instId, left: times })
  }

  silence(instId: string | undefined, withData: boolean): void {
    this.#silenced.push({ instId, withData })
  }

  acceptSubscriptions(): void {
    this.#rejections = []
    this.#silenced = []
    this.loginError = undefined
  }

  ackFate(instId: unknown): AckFate {
    const rejection = this.#rejections.find((other) => other.left > 0 && (other.instId === undefined || other.instId === instId))
    if (rejection !== undefined) {
      rejection.left--
      return { kind: 'reject', error: rejection.error }
    }
    const silence = this.#silenced.find((other) => other.instId === undefined || other.instId === instId)
    return { kind: silence === undefined ? 'ack' : silence.withData ? 'data-only' : 'silence' }
  }

  clear(): void {
    this.#refusal = undefined
    this.#closeAfterAck = undefined
    this.#noticeAfterAck = undefined
    this.newConnectionsDeaf = false
    this.delayMs = 0
    this.acceptSubscriptions()
  }

  #isOver(fault: { readonly until: number } | undefined): boolean {
    return fault === undefined || this.#clock.now() >= fault.until
  }
}
