import type { Topic } from '../exchange-definition.ts'
import { fencedDecode, type Frame, type RejectedFrame } from '../frame.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import { callFenced } from '../../ports/emitter.ts'
import { SlidingWindow } from '../sliding-window.ts'
import { messageOf, TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { momentOf, type Cancel, type Moment } from '../../ports/clock.ts'
import type { Socket, SocketClosed } from '../../ports/socket.ts'
import { Heartbeat } from './heartbeat.ts'
import { lossOf } from './link-loss.ts'
import { NamedTimers } from './named-timers.ts'
import type { LinkSettings } from './link-settings.ts'
import { stepLink, type LinkEffect, type LinkInput, type LinkLoss, type LinkState } from './link-state.ts'
import { carries, strayError } from './stray-answer.ts'
import { Subscriptions, type Request, type Stray, type TopicChange } from './subscriptions.ts'

/** News of one link. */
export interface LinkListener {
  onFrame(link: Link, frame: Frame, text: string, receivedAt: number): void
  /** An answer to nothing that was asked here. It has changed nothing, and nobody knows whom it concerns. */
  onStray(link: Link, error: TapekeeperError, text: string, receivedAt: number): void
  onTopic(link: Link, change: TopicChange): void
  /** The link's public status changed; `loss` says why when it was lost. */
  onStatus(link: Link, loss: LinkLoss | undefined): void
  /** The credentials do not work; the link has closed for good. */
  onAuthFailed(link: Link, error: TapekeeperError): void
  /** The server wants us on another connection, or this one's request budget is used up; `isNeeded` tells whether it still is. */
  onMove(link: Link, reason: string, isNeeded?: () => boolean): void
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
  /** Everything that was wanted has been confirmed on this connection at some time. */
  #wasSettled = false
  /**
   * Of a replacement: how many of its predecessors in a row were replaced before they had proved stable. It is dialled under the rules of a
   * redial: a server that sends every newcomer away must not be stormed.
   */
  readonly #failuresBefore: number | undefined
  #loginText = ''
  /** Why this dial's login was refused, when its timestamp was; it is repeated once. */
  #loginRefusal: string | undefined
  readonly #timers: NamedTimers<'dial' | 'wake' | 'deadline' | 'stable' | 'age' | 'pump'>
  #pumpAt = Infinity

  constructor(settings: LinkSettings, listener: LinkListener, failuresBefore?: number) {
    this.#settings = settings
    this.#failuresBefore = failuresBefore
    this.#listener = listener
    this.#timers = new NamedTimers(settings.ports.clock)
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

  /** Replacements in a row that have not proved stable, this one included. */
  get failures(): number {
    return this.#failuresBefore === undefined || this.#proved ? 0 : this.#failuresBefore + 1
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
      now: ports.clock.elapsed(),
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
        this.#timers.set('wake', effect.at - this.#settings.ports.clock.elapsed(), () => {
          this.#apply({ type: 'timer', epoch: effect.epoch })
        })
        return
    }
  }

  #dial(epoch: number, attempt: number): void {
    const { dialer, ports, url } = this.#settings
    let endHandshake: Cancel | undefined
    this.#loginRefusal = undefined
    this.#loginText = ''
    const isRedial = attempt > 0 || this.#failuresBefore !== undefined
    const leaveQueue = dialer.request(isRedial, () => {
      // From here on the dialer hears exactly once how the handshake ended, whoever ends it.
      let settled = false
      const settle = (report: () => void): void => {
        if (settled) return
        settled = true
        report()
      }
      endHandshake = () => settle(() => dialer.failed())
      const isCurrent = (): boolean => 'epoch' in this.#state && this.#state.epoch === epoch
      let wasOpen = false
      const lose = (closed: SocketClosed): void => {
        const isLoggingIn = this.#state.status === 'authenticating'
        const loss = lossOf(closed, wasOpen, isLoggingIn ? this.#loginRefusal : undefined)
        settle(() => dialer.failed(loss))
        this.#lose(epoch, loss)
      }
      this.#deadline(epoch, OPEN_TIMEOUT_MS, 'no answer to the handshake')
      let gone = (): void => undefined
      this.#socketGone = new Promise((resolve) => (gone = resolve))
      try {
        this.#socket = ports.socket(url, {
          onOpen: () => {
            wasOpen = true
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
            // Whoever gave it up before this has told the dialer.
            if (isCurrent() && this.#state.status !== 'waiting') lose(closed)
          },
        })
      } catch (error) {
        gone()
        lose({ code: 1006, reason: `socket could not be made: ${messageOf(error)}` })
      }
    })
    this.#timers.keep('dial', () => (endHandshake ?? leaveQueue)())
  }

  #login(epoch: number): void {
    this.#deadline(epoch, OPEN_TIMEOUT_MS, 'no answer to the login')
    this.#settings.login?.().then(
      (text) => {
        if (this.#state.status !== 'authenticating' || this.#state.epoch !== epoch) return
        this.#loginText = text
        this.#socket?.send(text)
      },
      (error: unknown) => this.#refuseLogin(epoch, TapekeeperError.from(error, 'AUTH_FAILED')),
    )
  }

  #becomeReady(epoch: number): void {
    this.#timers.cancel('deadline')
    const { ports, limits } = this.#settings
    this.#requests = new SlidingWindow(limits.requests.count, limits.requests.perMs)
    if (this.#settings.login !== undefined) this.#requests.note(ports.clock.elapsed())
    this.#wasSettled = false
    this.subscriptions.reset()
    this.#pump()

    this.#heartbeat.start()

    // A tenth of jitter keeps connections that were made together from being replaced together.
    const ageMs = this.#settings.maxAgeMs * (0.9 + 0.1 * ports.random())
    this.#timers.set('age', ageMs, () => this.#listener.onMove(this, `the connection is ${Math.round(ageMs / 1_000)} s old`))

    const proveStable = (): void => {
      if (!this.#dataSeen) {
        this.#timers.set('stable', STABLE_AFTER_MS, proveStable)
        return
      }
      this.#proved = true
      this.#settings.dialer.proved()
      this.#apply({ type: 'proved-stable', epoch })
    }
    this.#dataSeen = false
    this.#timers.set('stable', STABLE_AFTER_MS, proveStable)
  }

  #receive(epoch: number, text: string): void {
    this.#heartbeat.heard()
    this.messages++
    this.bytes += text.length
    this.lastHeard = momentOf(this.#settings.ports.clock)
    const receivedAt = this.lastHeard.at
    const frame = fencedDecode(this.#settings.decode, text, receivedAt)
    if (this.#heed(epoch, frame) === 'stray')
      this.#listener.onStray(this, strayError(frame, this.#settings.hide), text, receivedAt)
    else this.#listener.onFrame(this, frame, text, receivedAt)
  }

  /** Does what a frame asks for, if it is an answer to something that was asked here, or to nothing in particular. */
  #heed(epoch: number, frame: Frame): Stray | undefined {
    switch (frame.kind) {
      case 'data':
        this.#dataSeen = true
        return undefined
      case 'subscribed':
        return this.#news(this.#ifOpen(() => this.subscriptions.acknowledged(frame.topicKey, frame.requestId)))
      case 'unsubscribed':
        this.#pumpSoon()
        return this.#ifOpen(() => this.subscriptions.unsubscribed(frame.topicKey, frame.requestId))
      case 'rejected':
        return this.#refused(epoch, frame)
      case 'logged-in':
        this.#apply({ type: 'logged-in', epoch })
        return undefined
      case 'move':
        if (!this.#isOurs(frame.requestId)) return 'stray'
        this.#listener.onMove(this, this.#settings.hide(frame.message))
        return undefined
      case 'pong':
      case 'ignored':
      case 'invalid':
        return undefined
    }
  }

  /** Before the connection is open nothing was subscribed to on it. */
  #ifOpen<T>(answer: () => T): T | Stray {
    return this.#state.status === 'open' ? answer() : 'stray'
  }

  /** An answer that names no request may be ours. */
  #isOurs(requestId: string | undefined): boolean {
    if (requestId === undefined) return true
    return this.#state.status === 'open' ? this.subscriptions.hasAsked(requestId) : carries(this.#loginText, requestId)
  }

  #receiveBinary(bytes: number): void {
    this.#heartbeat.heard()
    this.messages++
    this.bytes += bytes
    const error = new TapekeeperError('FRAME_INVALID', `a binary message of ${bytes} bytes, where only text is spoken`, { bytes })
    this.#listener.onFrame(this, { kind: 'invalid', error }, '', this.#settings.ports.clock.now())
  }

  #refused(epoch: number, frame: RejectedFrame): Stray | undefined {
    if (this.#state.status === 'authenticating') return this.#loginRefused(epoch, frame)
    if (frame.reaction === 'login-needed' && this.#settings.login !== undefined) {
      if (!this.#isOurs(frame.requestId)) return 'stray'
      this.#lose(epoch, { message: `logged out: ${frame.nativeCode} ${frame.message}` })
      return undefined
    }
    // On an endpoint without a login there is none to be had.
    const refusal: RejectedFrame = frame.reaction === 'login-needed' ? { ...frame, reaction: 'auth' } : frame
    const changes = this.subscriptions.refused(refusal, this.#settings.ports.clock.elapsed())
    this.#pumpSoon()
    if (changes === 'stray') return changes
    for (const change of changes) this.#news(change)
    return undefined
  }

  /** Nothing but the login was sent on this connection. */
  #loginRefused(epoch: number, frame: RejectedFrame): Stray | undefined {
    const { reaction, topicKey, requestId, nativeCode, message } = frame
    if (reaction === 'ignore') return undefined
    if (topicKey !== undefined || !this.#isOurs(requestId)) return 'stray'
    const words = `login refused: ${nativeCode} ${message}`
    if (reaction === 'auth' || reaction === 'reject') this.#refuseLogin(epoch, this.#authError(frame))
    else if (reaction === 'clock' && this.#loginRefusal === undefined) this.#loginWithTheirClock(epoch, words)
    else this.#lose(epoch, { message: words })
    return undefined
  }

  #loginWithTheirClock(epoch: number, refusal: string): void {
    // Exchanges close after a login that failed: then the next dial has the right time.
    this.#loginRefusal = refusal
    this.#settings.syncClock().then(
      (aheadMs) => {
        const words = `${refusal}; the clock of this machine is ${describeOffset(aheadMs)} the exchange's`
        this.#settings.logger.warn(this.#settings.hide(words), { aheadMs })
        if (this.#state.status === 'authenticating' && this.#state.epoch === epoch) this.#login(epoch)
      },
      (error: unknown) => {
        this.#lose(epoch, { message: `${refusal}, and the exchange's time cannot be had: ${messageOf(error)}` })
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

  #news(change: TopicChange | Stray | undefined): Stray | undefined {
    if (change === 'stray') return change
    this.#wasSettled ||= this.subscriptions.settled
    if (change !== undefined) this.#listener.onTopic(this, change)
    return undefined
  }

  #deadline(epoch: number, delayMs: number, message: string): void {
    this.#timers.set('deadline', delayMs, () => this.#lose(epoch, { message }))
  }

  #discard(politely: boolean): void {
    this.#heartbeat.stop()
    this.#timers.clear()
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
    const at = this.#settings.ports.clock.elapsed() + delayMs
    if (this.#state.status !== 'open' || at >= this.#pumpAt) return
    this.#pumpAt = at
    this.#timers.set('pump', delayMs, () => {
      this.#pumpAt = Infinity
      this.#pump()
    })
  }

  /** Sends what is due, within the connection's request budget, and sees to it that what is due later is not forgotten. */
  #pump(): void {
    if (this.#state.status !== 'open') return
    const { clock } = this.#settings.ports
    const now = clock.elapsed()
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
    const isNeeded = (): boolean => this.#isShortOfRequests
    if (isNeeded()) this.#listener.onMove(this, 'the request budget of the connection is used up', isNeeded)
  }

  /** And another connection would help: one that has not got through its first requests would not get through them elsewhere. */
  get #isShortOfRequests(): boolean {
    if (this.#state.status !== 'open' || !this.#wasSettled) return false
    const now = this.#settings.ports.clock.elapsed()
    return this.#requests.nextAt(now) > now && this.subscriptions.waiting(now)
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
}

const describeOffset = (aheadMs: number): string =>
  `${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs < 0 ? 'behind' : 'ahead of'}`
