import type { ExchangeLimits, Keepalive, Topic } from '../exchange-definition.ts'
import { fencedDecode, type Frame, type FrameDecoder, type RejectedFrame } from '../frame.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import { callFenced } from '../../ports/emitter.ts'
import { SlidingWindow } from '../sliding-window.ts'
import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { momentOf, type Cancel, type Moment } from '../../ports/clock.ts'
import type { Logger } from '../../ports/logger.ts'
import type { Ports } from '../../ports/ports.ts'
import type { Socket, SocketClosed } from '../../ports/socket.ts'
import type { Dialer } from './dialer.ts'
import { Heartbeat } from './heartbeat.ts'
import { stepLink, type LinkEffect, type LinkInput, type LinkLoss, type LinkState } from './link-state.ts'
import { Subscriptions, type Request, type TopicChange } from './subscriptions.ts'

/** Everything a link needs to know; one set per pool. */
export interface LinkSettings {
  readonly url: string
  readonly ports: Ports
  readonly dialer: Dialer
  readonly logger: Logger
  /** Takes the secrets of the URL and the credentials out of what others say: they may quote them. */
  readonly hide: (text: string) => string
  readonly limits: ExchangeLimits
  readonly keepalive: Keepalive
  /** A connection asks to be replaced before it is this old. Milliseconds. */
  readonly maxAgeMs: number
  readonly wire: {
    subscribe(topics: readonly Topic[], requestId: string): string
    unsubscribe(topics: readonly Topic[], requestId: string): string
  }
  readonly decode: FrameDecoder
  /** Signs the login request; absent on public endpoints. */
  readonly login: (() => Promise<string>) | undefined
  /** Takes the exchange's time after a login was refused for its timestamp. */
  readonly syncClock: () => Promise<void>
}

/** News of one link. */
export interface LinkListener {
  onFrame(link: Link, frame: Frame, text: string, receivedAt: number): void
  onTopic(link: Link, change: TopicChange): void
  /** The link's public status changed; `loss` says why when it was lost. */
  onStatus(link: Link, loss: LinkLoss | undefined): void
  /** The credentials do not work; the link has closed for good. */
  onAuthFailed(link: Link, error: TapekeeperError): void
  /** The server wants us on another connection, or this one's request budget is used up. */
  onMove(link: Link, reason: string): void
}

const RECONNECT: BackoffPolicy = { baseMs: 1_000, capMs: 30_000 }
const RESUBSCRIBE: BackoffPolicy = { baseMs: 1_000, capMs: 60_000 }
const ACK_TIMEOUT_MS = 5_000
const OPEN_TIMEOUT_MS = 10_000
/** Data must have flowed this long before a loss counts as the first one. */
const STABLE_AFTER_MS = 5_000
/** Subscriptions asked for within this time travel in one request. */
const COALESCE_MS = 5

let lastLink = 0

/** One WebSocket connection: performs what `stepLink` decides, keeps it alive, and keeps its subscriptions. */
export class Link {
  readonly id = `link-${++lastLink}`
  readonly subscriptions: Subscriptions
  /** No new topics: this link is about to be replaced. */
  retiring = false
  bytes = 0
  messages = 0
  reconnects = 0
  opened: Moment | undefined
  /** When anything at all was last received. */
  lastHeard: Moment | undefined

  readonly #settings: LinkSettings
  readonly #listener: LinkListener
  #state: LinkState = { status: 'idle' }
  #socket: Socket | undefined
  #socketGone: Promise<void> = Promise.resolve()
  #requests: SlidingWindow
  readonly #heartbeat: Heartbeat
  #dataSeen = false
  #proved = false
  /** A replacement is dialled under the rules of a redial: a server that sends every newcomer away must not be stormed. */
  readonly #isReplacement: boolean
  #clockSynced = false
  #cancelDial: Cancel | undefined
  #cancelWake: Cancel | undefined
  #cancelDeadline: Cancel | undefined
  #cancelStable: Cancel | undefined
  #cancelAge: Cancel | undefined
  #cancelPump: Cancel | undefined
  #pumpAt = Infinity

  constructor(settings: LinkSettings, listener: LinkListener, isReplacement = false) {
    this.#settings = settings
    this.#isReplacement = isReplacement
    this.#listener = listener
    const { limits, wire, ports, keepalive } = settings
    this.#heartbeat = new Heartbeat(ports.clock, keepalive.periodMs, {
      onPing: () => this.#socket?.send(keepalive.ping),
      onDead: (silentMs) => {
        if ('epoch' in this.#state) this.#lose(this.#state.epoch, { message: `silent for ${silentMs} ms, no answer to the ping` })
      },
    })
    this.#requests = new SlidingWindow(limits.requests.count, limits.requests.perMs)
    this.subscriptions = new Subscriptions({
      subscribe: (topics, id) => wire.subscribe(topics, id),
      unsubscribe: (topics, id) => wire.unsubscribe(topics, id),
      requestBytes: limits.requestBytes,
      ackTimeoutMs: ACK_TIMEOUT_MS,
      retryDelay: (attempts) => backoffDelay(attempts, RESUBSCRIBE, ports.random),
    })
  }

  get status(): LinkState['status'] {
    return this.#state.status
  }

  get attempt(): number {
    return 'attempt' in this.#state ? this.#state.attempt : 0
  }

  get hasRoom(): boolean {
    return (
      !this.retiring && this.status !== 'closed' && this.subscriptions.size < this.#settings.limits.subscriptionsPerConnection
    )
  }

  start(): void {
    this.#apply({ type: 'start' })
  }

  /** Ends the link for good; resolves when its socket is gone. */
  stop(): Promise<void> {
    this.#apply({ type: 'stop' })
    return this.#socketGone
  }

  add(topic: Topic): void {
    this.subscriptions.add(topic)
    this.#pumpSoon()
  }

  remove(key: string): void {
    this.subscriptions.remove(key)
    this.#pumpSoon()
  }

  #apply(input: LinkInput): void {
    const { ports, login } = this.#settings
    const before = this.#state
    const [after, effects] = stepLink(before, input, {
      now: ports.clock.now(),
      needsLogin: login !== undefined,
      delayFor: (attempt) => backoffDelay(attempt, RECONNECT, ports.random),
    })
    this.#state = after
    if (before.status !== after.status) {
      const loss = after.status === 'waiting' ? after.loss : undefined
      callFenced(
        () => this.#listener.onStatus(this, loss),
        (error) => this.#settings.logger.error('a link listener failed', { error: messageOf(error) }),
      )
    }
    // A listener may have stopped the link meanwhile; then the effects of the state that has gone are no longer wanted.
    for (const effect of effects) if (this.#state === after) this.#perform(effect)
  }

  #perform(effect: LinkEffect): void {
    switch (effect.type) {
      case 'dial':
        if (effect.attempt > 0) this.reconnects++
        this.#dial(effect.epoch, effect.attempt)
        return
      case 'login':
        this.#login(effect.epoch)
        return
      case 'ready':
        this.#becomeReady(effect.epoch)
        return
      case 'discard':
        this.#discard(effect.politely)
        return
      case 'wake':
        this.#cancelWake = this.#after(effect.at - this.#settings.ports.clock.now(), () => {
          this.#apply({ type: 'timer', epoch: effect.epoch })
        })
        return
    }
  }

  #dial(epoch: number, attempt: number): void {
    const { dialer, ports, url } = this.#settings
    this.#clockSynced = false
    let endHandshake: Cancel | undefined
    const leaveQueue = dialer.request(attempt > 0 || this.#isReplacement, () => {
      // From here on the dialer hears exactly once how the handshake ended, whoever ends it.
      let settled = false
      const settle = (report: () => void): void => {
        if (settled) return
        settled = true
        report()
      }
      endHandshake = () => settle(() => dialer.failed())
      const isCurrent = (): boolean => 'epoch' in this.#state && this.#state.epoch === epoch
      const lose = (closed: SocketClosed): void => {
        const loss = lossOf(closed)
        settle(() => dialer.failed(loss))
        this.#lose(epoch, loss)
      }
      this.#deadline(epoch, OPEN_TIMEOUT_MS, 'no answer to the handshake')
      let gone = (): void => undefined
      this.#socketGone = new Promise((resolve) => (gone = resolve))
      try {
        this.#socket = ports.socket(url, {
          onOpen: () => {
            settle(() => dialer.opened())
            if (isCurrent() && this.#state.status === 'connecting') this.opened = momentOf(ports.clock)
            this.#apply({ type: 'opened', epoch })
          },
          onText: (text) => {
            if (isCurrent()) this.#receive(epoch, text)
          },
          onBinary: (bytes) => {
            if (isCurrent()) this.#receiveBinary(bytes)
          },
          onClose: (closed) => {
            gone()
            if (isCurrent() && this.#state.status !== 'waiting') lose(closed)
            else settle(() => dialer.failed())
          },
        })
      } catch (error) {
        gone()
        lose({ code: 1006, reason: `socket could not be made: ${messageOf(error)}` })
      }
    })
    this.#cancelDial = () => (endHandshake ?? leaveQueue)()
  }

  #login(epoch: number): void {
    this.#deadline(epoch, OPEN_TIMEOUT_MS, 'no answer to the login')
    this.#settings.login?.().then(
      (text) => {
        if (this.#state.status !== 'authenticating' || this.#state.epoch !== epoch) return
        this.#socket?.send(text)
      },
      (error: unknown) => this.#refuseLogin(epoch, TapekeeperError.from(error, 'AUTH_FAILED')),
    )
  }

  #becomeReady(epoch: number): void {
    this.#cancelDeadline?.()
    const { ports, limits } = this.#settings
    this.#requests = new SlidingWindow(limits.requests.count, limits.requests.perMs)
    if (this.#settings.login !== undefined) this.#requests.note(ports.clock.now())
    this.subscriptions.reset()
    this.#pump()

    this.#heartbeat.start()

    // A tenth of jitter keeps connections that were made together from being replaced together.
    const ageMs = this.#settings.maxAgeMs * (0.9 + 0.1 * ports.random())
    this.#cancelAge = this.#after(ageMs, () =>
      this.#listener.onMove(this, `the connection is ${Math.round(ageMs / 1_000)} s old`),
    )

    const proveStable = (): void => {
      if (!this.#dataSeen) {
        this.#cancelStable = this.#after(STABLE_AFTER_MS, proveStable)
        return
      }
      this.#proved = true
      this.#settings.dialer.proved()
      this.#apply({ type: 'proved-stable', epoch })
    }
    this.#dataSeen = false
    this.#cancelStable = this.#after(STABLE_AFTER_MS, proveStable)
  }

  #receive(epoch: number, text: string): void {
    this.#heartbeat.heard()
    this.messages++
    this.bytes += text.length
    this.lastHeard = momentOf(this.#settings.ports.clock)
    const receivedAt = this.lastHeard.at
    const frame = fencedDecode(this.#settings.decode, text, receivedAt)
    switch (frame.kind) {
      case 'data':
        this.#dataSeen = true
        break
      case 'subscribed':
        this.#news(this.subscriptions.acknowledged(frame.topicKey))
        break
      case 'unsubscribed':
        this.subscriptions.unsubscribed(frame.topicKey)
        this.#pumpSoon()
        break
      case 'rejected':
        this.#refused(epoch, frame)
        break
      case 'logged-in':
        this.#apply({ type: 'logged-in', epoch })
        break
      case 'move':
        this.#listener.onMove(this, this.#settings.hide(frame.message))
        break
      case 'pong':
      case 'ignored':
      case 'invalid':
        break
    }
    this.#listener.onFrame(this, frame, text, receivedAt)
  }

  #receiveBinary(bytes: number): void {
    this.#heartbeat.heard()
    this.messages++
    this.bytes += bytes
    const error = new TapekeeperError('FRAME_INVALID', `a binary message of ${bytes} bytes, where only text is spoken`, { bytes })
    this.#listener.onFrame(this, { kind: 'invalid', error }, '', this.#settings.ports.clock.now())
  }

  #refused(epoch: number, frame: RejectedFrame): void {
    if (this.#state.status === 'authenticating') {
      if (frame.reaction === 'auth' || frame.reaction === 'reject') this.#refuseLogin(epoch, this.#authError(frame))
      else if (frame.reaction === 'clock' && !this.#clockSynced) this.#loginWithTheirClock(epoch)
      else if (frame.reaction !== 'ignore') this.#lose(epoch, { message: `login refused: ${frame.nativeCode} ${frame.message}` })
      return
    }
    if (frame.reaction === 'login-needed' && this.#settings.login !== undefined) {
      this.#lose(epoch, { message: `logged out: ${frame.nativeCode} ${frame.message}` })
      return
    }
    // On an endpoint without a login there is none to be had.
    const refusal: RejectedFrame = frame.reaction === 'login-needed' ? { ...frame, reaction: 'auth' } : frame
    for (const change of this.subscriptions.refused(refusal, this.#settings.ports.clock.now())) this.#news(change)
    this.#pumpSoon()
  }

  #loginWithTheirClock(epoch: number): void {
    this.#clockSynced = true
    this.#settings.syncClock().then(
      () => {
        if (this.#state.status === 'authenticating' && this.#state.epoch === epoch) this.#login(epoch)
      },
      (error: unknown) => {
        this.#lose(epoch, { message: `login timestamp refused, and the exchange's time cannot be had: ${messageOf(error)}` })
      },
    )
  }

  #refuseLogin(epoch: number, error: TapekeeperError): void {
    if (this.#state.status !== 'authenticating' || this.#state.epoch !== epoch) return
    this.#apply({ type: 'auth-failed', epoch })
    this.#listener.onAuthFailed(this, error)
  }

  #authError({ nativeCode, message }: RejectedFrame): TapekeeperError {
    const words = `the exchange refused the login: ${nativeCode} ${this.#settings.hide(message)}`
    return new TapekeeperError('AUTH_FAILED', words, { nativeCode })
  }

  #lose(epoch: number, loss: LinkLoss): void {
    if (!this.#proved) this.#settings.dialer.disproved()
    this.#apply({ type: 'lost', epoch, loss: { ...loss, message: this.#settings.hide(loss.message) } })
  }

  #news(change: TopicChange | undefined): void {
    if (change !== undefined) this.#listener.onTopic(this, change)
  }

  #deadline(epoch: number, delayMs: number, message: string): void {
    this.#cancelDeadline?.()
    this.#cancelDeadline = this.#after(delayMs, () => this.#lose(epoch, { message }))
  }

  #discard(politely: boolean): void {
    this.#heartbeat.stop()
    for (const cancel of [
      this.#cancelDial,
      this.#cancelWake,
      this.#cancelDeadline,
      this.#cancelStable,
      this.#cancelAge,
      this.#cancelPump,
    ]) {
      cancel?.()
    }
    this.#pumpAt = Infinity
    this.opened = undefined
    if (this.#proved) this.#settings.dialer.retired()
    this.#proved = false
    const socket = this.#socket
    this.#socket = undefined
    if (politely) socket?.close()
    else socket?.terminate()
  }

  #pumpSoon(): void {
    this.#pumpIn(COALESCE_MS)
  }

  #pumpIn(delayMs: number): void {
    const at = this.#settings.ports.clock.now() + delayMs
    if (this.#state.status !== 'open' || at >= this.#pumpAt) return
    this.#cancelPump?.()
    this.#pumpAt = at
    this.#cancelPump = this.#after(delayMs, () => {
      this.#pumpAt = Infinity
      this.#pump()
    })
  }

  /** Sends what is due, within the connection's request budget, and sees to it that what is due later is not forgotten. */
  #pump(): void {
    if (this.#state.status !== 'open') return
    const { clock } = this.#settings.ports
    const now = clock.now()
    for (const change of this.subscriptions.expire(now)) this.#news(change)
    while (this.#requests.nextAt(now) <= now) {
      const request = this.#nextRequest(now)
      if (request === 'unwritable') return
      if (request === undefined) {
        const wakeAt = this.subscriptions.wakeAt()
        if (wakeAt !== undefined) this.#pumpIn(Math.max(COALESCE_MS, wakeAt - now))
        return
      }
      this.#requests.note(now)
      this.#socket?.send(request.text)
    }
    this.#pumpIn(this.#requests.nextAt(now) - now)
    if (this.subscriptions.waiting(now)) this.#listener.onMove(this, 'the request budget of the connection is used up')
  }

  /** Our definitions write every request; one registered from outside may throw, and then it costs the connection a back-off. */
  #nextRequest(now: number): Request | undefined | 'unwritable' {
    try {
      return this.subscriptions.next(now)
    } catch (error) {
      if ('epoch' in this.#state)
        this.#lose(this.#state.epoch, { message: `a request could not be written: ${messageOf(error)}` })
      return 'unwritable'
    }
  }

  #after(delayMs: number, callback: () => void): Cancel {
    return this.#settings.ports.clock.after(Math.max(0, delayMs), callback)
  }
}

function lossOf({ code, reason, status, retryAfterMs, error }: SocketClosed): LinkLoss {
  if (status !== undefined) return { message: `handshake refused with HTTP ${status}`, closeCode: code, status, retryAfterMs }
  const why = reason !== '' ? reason : error?.message
  const how = code === 1006 ? 'connection cut off' : `connection closed by the server with ${code}`
  return { message: why === undefined ? how : `${how}: ${why}`, closeCode: code }
}
