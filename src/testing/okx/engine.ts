import type { Cancel, Clock } from '../../ports/clock.ts'
import type { Random } from '../../ports/random.ts'
import type { FakeDial, FakeRequest } from '../fake-exchange.ts'
import { seededRandom } from '../seeded-random.ts'
import { createTimerScope, type TimerScope } from '../timer-scope.ts'
import type { ConnectionSink, DialAnswer, Venue, VenueRequest, VenueResponse } from '../venue.ts'
import { Account } from './account.ts'
import { MarketBoard } from './board.ts'
import { PATHS, type ChannelTarget } from './channels.ts'
import type { ClientRequest } from './client-request.ts'
import { Conversation, type Desk } from './conversation.ts'
import { DataFaults } from './data-faults.ts'
import { Journal } from './journal.ts'
import { RateWindow } from './rate-window.ts'
import { RestApi } from './rest-api.ts'
import { SessionFaults } from './session-faults.ts'
import { Session, type SessionHost } from './session.ts'
import type { Settings } from './settings.ts'

const DIALS_PER_SECOND = 3
const SERVED_PATHS: ReadonlySet<string> = new Set(Object.values(PATHS))

interface Subscriber {
  readonly session: Session
  readonly target: ChannelTarget
}

/** The fake OKX without transport: connections, subscriptions, markets and REST, driven by a clock and a seed. */
export class OkxEngine implements Venue, Desk, SessionHost {
  readonly timers: TimerScope
  readonly sessions = new Set<Session>()
  readonly dials = new Journal<FakeDial>()
  readonly requests = new Journal<FakeRequest>()
  readonly sessionFaults: SessionFaults
  readonly dataFaults = new DataFaults()
  readonly board: MarketBoard
  readonly account: Account
  readonly restApi: RestApi
  readonly instruments
  readonly idleTimeoutMs
  readonly #settings: Settings
  readonly #conversation: Conversation
  readonly #random: Random
  readonly #dialBudget: RateWindow
  /** By session and subscription key: what has been begun and must be ended. */
  readonly #subscribers = new Map<Session, Map<string, Subscriber>>()
  #accountTimer: Cancel | undefined
  #isShutDown = false

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings
    this.instruments = settings.instruments
    this.idleTimeoutMs = settings.idleTimeoutMs
    this.timers = createTimerScope(clock)
    this.#random = seededRandom(`${settings.seed}/connections`)
    this.#dialBudget = new RateWindow(clock, DIALS_PER_SECOND, 1_000)
    this.sessionFaults = new SessionFaults(clock)
    this.board = new MarketBoard(this.timers, this.dataFaults, settings)
    this.account = new Account(Math.max(1, settings.accountPageSize), clock.now())
    const world = { instruments: settings.instruments, now: () => clock.now(), market: this.board.market.bind(this.board) }
    this.restApi = new RestApi(world, this.timers, settings.enforceRestLimits)
    this.#conversation = new Conversation(this, this.sessionFaults, this.#random, settings)
  }

  // The transports' side

  dial(path: string): DialAnswer {
    const answer = this.#decide(path)
    const status = answer.kind === 'refused' ? answer.status : undefined
    this.dials.add({ at: this.now(), path, accepted: answer.kind === 'accepted', status })
    return answer
  }

  rest(request: VenueRequest, answer: (response: VenueResponse | undefined) => void): Cancel {
    return this.restApi.handle(request, this.sessionFaults.delayMs, answer)
  }

  shutDown(): void {
    this.#isShutDown = true
    for (const session of [...this.sessions]) session.terminate()
    this.timers.cancelAll()
  }

  #decide(path: string): DialAnswer {
    const refusal = this.sessionFaults.refusal
    if (this.#isShutDown) return { kind: 'refused', status: 503, retryAfterSeconds: undefined }
    if (!SERVED_PATHS.has(path)) return { kind: 'refused', status: 404, retryAfterSeconds: undefined }
    if (refusal?.hang === true) return { kind: 'hang' }
    if (refusal !== undefined) return { kind: 'refused', status: refusal.status, retryAfterSeconds: refusal.retryAfterSeconds }
    if (this.#settings.enforceDialLimit && !this.#dialBudget.tryTake()) {
      return { kind: 'refused', status: 429, retryAfterSeconds: undefined }
    }
    return { kind: 'accepted', open: (sink) => this.#open(path, sink) }
  }

  #open(path: string, sink: ConnectionSink): Session {
    const id = Math.floor(this.#random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
    const session = new Session(id, path, sink, this)
    this.sessions.add(session)
    if (this.sessionFaults.newConnectionsDeaf) session.goDeaf()
    return session
  }

  // The sessions' side

  delayMs(): number {
    return this.sessionFaults.delayMs
  }

  received(session: Session, text: string): void {
    this.#conversation.receive(session, text)
  }

  ended(session: Session): void {
    this.sessions.delete(session)
    for (const { target } of this.#subscribers.get(session)?.values() ?? []) this.end(session, target)
    this.#subscribers.delete(session)
  }

  // The conversation's side

  now(): number {
    return this.timers.now()
  }

  atOneInstant(run: () => void): void {
    this.board.atOneInstant(run)
  }

  begin(session: Session, target: ChannelTarget): void {
    const own = this.#subscribers.get(session) ?? new Map<string, Subscriber>()
    this.#subscribers.set(session, own.set(target.key, { session, target }))
    if (target.kind === 'market') {
      this.dataFaults.subscribed(target.instrument.native.instId, target.channel, session.openedAt)
      this.board.watch(session, target.instrument, target.channel)
    }
    if (target.kind === 'account') this.#scheduleAccount()
  }

  end(session: Session, target: ChannelTarget): void {
    this.#subscribers.get(session)?.delete(target.key)
    if (target.kind === 'market') this.board.unwatch(session, target.instrument, target.channel)
    if (target.kind !== 'account' || this.#accountSubscribers().length > 0) return
    this.#accountTimer?.()
    this.#accountTimer = undefined
  }

  sendInitial(session: Session, target: ChannelTarget): void {
    if (target.kind === 'market') this.board.feeds(target.instrument).sendInitial(session, target.channel, this.now())
    if (target.kind === 'account') {
      for (const frame of this.account.frames('snapshot', target.ccy, this.now())) session.send(frame)
    }
  }

  countPrivate(channel: string): number {
    return [...this.sessions].filter((session) => [...session.subscriptions.values()].some((arg) => arg.channel === channel))
      .length
  }

  noteRequest(session: Session, request: ClientRequest, text: string): void {
    const { kind } = request
    this.requests.add({
      at: this.now(),
      connectionId: session.id,
      path: session.path,
      op: kind === 'channels' ? request.op : kind,
      id: kind === 'ping' ? undefined : request.id,
      args: kind === 'channels' ? request.args : kind === 'login' ? [request.arg] : [],
      text,
    })
  }

  // The account

  /** Pushes what changed to everyone who has the `account` channel. */
  pushAccount(assets: readonly string[]): void {
    for (const { session, target } of this.#accountSubscribers()) {
      for (const frame of this.account.frames('event_update', target.ccy, this.now(), assets)) session.send(frame)
    }
  }

  #scheduleAccount(): void {
    if (this.#settings.accountIntervalMs === 0) return
    this.#accountTimer ??= this.timers.after(this.#settings.accountIntervalMs, () => {
      this.#accountTimer = undefined
      for (const { session, target } of this.#accountSubscribers()) {
        if (target.periodic) this.sendInitial(session, target)
      }
      this.#scheduleAccount()
    })
  }

  #accountSubscribers(): { readonly session: Session; readonly target: Extract<ChannelTarget, { kind: 'account' }> }[] {
    return [...this.#subscribers.values()].flatMap((own) =>
      [...own.values()].flatMap(({ session, target }) => (target.kind === 'account' ? [{ session, target }] : [])),
    )
  }
}
