import type { ConnectionFilter, DataFilter, FakeFaults, MuteEnd, RestFault } from '../fake-exchange.ts'
import type { CorruptKind } from './corrupt.ts'
import type { DataTarget } from './data-faults.ts'
import type { OkxEngine } from './engine.ts'
import type { Session } from './session.ts'
import { noticeFrame } from './wire-errors.ts'

/** The switches of everything that can go wrong; each is documented in `FakeFaults`. */
export class FaultPanel implements FakeFaults {
  protected readonly engine: OkxEngine

  constructor(engine: OkxEngine) {
    this.engine = engine
  }

  drop(filter: ConnectionFilter = {}): number {
    const sessions = this.sessionsAt(filter)
    for (const session of sessions) session.terminate()
    return sessions.length
  }

  closeAfterAck({
    on = true,
    forMs,
    code = 1000,
  }: { readonly on?: boolean; readonly forMs?: number; readonly code?: number } = {}): void {
    this.engine.sessionFaults.setCloseAfterAck(on ? code : undefined, forMs)
  }

  noticeAfterAck({ on = true, forMs }: { readonly on?: boolean; readonly forMs?: number } = {}): void {
    this.engine.sessionFaults.setNoticeAfterAck(on, forMs)
  }

  halfOpen({ includeNew = false, ...filter }: ConnectionFilter & { readonly includeNew?: boolean } = {}): number {
    const sessions = this.sessionsAt(filter)
    for (const session of sessions) session.goDeaf()
    if (includeNew) this.engine.sessionFaults.newConnectionsDeaf = true
    return sessions.length
  }

  refuse(
    options: {
      readonly status?: number
      readonly retryAfterSeconds?: number
      readonly forMs?: number
      readonly hang?: boolean
    } = {},
  ): void {
    const { status = 429, retryAfterSeconds, forMs, hang = false } = options
    this.engine.sessionFaults.refuse(hang ? { hang } : { hang, status, retryAfterSeconds }, forMs)
  }

  accept(): void {
    this.engine.sessionFaults.refuse(undefined)
  }

  mute(target: string | DataFilter, { until }: { readonly until?: MuteEnd } = {}): void {
    this.engine.dataFaults.mute(this.#target(target), until, this.engine.now())
  }

  unmute(target?: string | DataFilter): void {
    this.engine.dataFaults.unmute(target === undefined ? undefined : this.#target(target))
  }

  skip(target: string | DataFilter, count = 1): void {
    this.engine.dataFaults.skip(this.#target(target), count)
  }

  resend(symbol: string, count = 1): void {
    this.engine.board.feeds(this.engine.instruments.find(symbol)).resend(count)
  }

  reorder(symbol: string): void {
    this.engine.dataFaults.swapTrades(this.engine.instruments.find(symbol).native.instId)
  }

  corrupt(kind: CorruptKind = 'truncated', target: string | DataFilter = {}): void {
    this.engine.dataFaults.damage(kind, this.#target(target))
  }

  slow(ms: number): void {
    this.engine.sessionFaults.delayMs = ms
  }

  notice({ closeAfterMs = 60_000, ...filter }: ConnectionFilter & { readonly closeAfterMs?: number } = {}): void {
    const sessions = this.sessionsAt(filter)
    for (const session of sessions) session.send(noticeFrame(session.id))
    this.engine.timers.after(closeAfterMs, () => {
      for (const session of sessions) session.close(1001, 'service upgrade')
    })
  }

  failRest(fault: RestFault = {}): void {
    this.engine.restApi.fail(fault)
  }

  restDelay(ms: number): void {
    this.engine.restApi.delayMs = ms
  }

  healRest(): void {
    this.engine.restApi.heal()
  }

  rejectSubscriptions(
    code: string,
    message = 'rejected by the test',
    { symbol, times }: { readonly symbol?: string; readonly times?: number } = {},
  ): void {
    this.engine.sessionFaults.reject(
      { code, message },
      this.#target({ ...(symbol === undefined ? {} : { symbol }) }).instId,
      times,
    )
  }

  rejectLogins(code: string, message = 'rejected by the test'): void {
    this.engine.sessionFaults.loginError = { code, message }
  }

  acceptSubscriptions(): void {
    this.engine.sessionFaults.acceptSubscriptions()
  }

  silenceAcks(symbol?: string, { withData = false }: { readonly withData?: boolean } = {}): void {
    const { instId } = this.#target({ ...(symbol === undefined ? {} : { symbol }) })
    this.engine.sessionFaults.silence(instId, withData)
  }

  resetSequence(symbol: string): void {
    this.engine.board.market(this.engine.instruments.find(symbol)).restartSequence()
  }

  heal(): void {
    this.engine.sessionFaults.clear()
    this.engine.dataFaults.clear()
    this.engine.restApi.heal()
  }

  protected sessionsAt({ path }: ConnectionFilter = {}): Session[] {
    return [...this.engine.sessions].filter(
      (session) => path === undefined || session.path === path || session.path.endsWith(`/${path}`),
    )
  }

  #target(target: string | DataFilter): DataTarget {
    const { symbol, channel } = typeof target === 'string' ? { symbol: target, channel: undefined } : target
    return { instId: symbol === undefined ? undefined : this.engine.instruments.find(symbol).native.instId, channel }
  }
}
