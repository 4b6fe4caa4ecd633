import type { Random } from '../../ports/random.ts'
import { resolveChannel, type ChannelTarget } from './channels.ts'
import { MAX_REQUEST_BYTES, parseClientRequest, type ChannelArg, type ClientRequest } from './client-request.ts'
import type { InstrumentList } from './instruments.ts'
import { checkLogin, type FakeCredentials } from './login.ts'
import type { Session } from './session.ts'
import type { SessionFaults } from './session-faults.ts'
import { errorFrame, malformedRequest, noticeFrame, wireError, type WireError } from './wire-errors.ts'

export interface ConversationOptions {
  readonly credentials: FakeCredentials
  readonly shuffleAcks: boolean
  readonly dataBeforeAck: boolean
  readonly onResubscribe: 'nothing' | 'snapshot'
  readonly enforceRequestLimit: boolean
}

/** What a conversation sets in motion. */
export interface Desk {
  readonly instruments: InstrumentList
  now(): number
  /** Runs while no tick of the market can happen. */
  atOneInstant(run: () => void): void
  begin(session: Session, target: ChannelTarget): void
  end(session: Session, target: ChannelTarget): void
  sendInitial(session: Session, target: ChannelTarget): void
  /** How many connections have this private channel. */
  countPrivate(channel: string): number
  noteRequest(session: Session, request: ClientRequest, text: string): void
}

/** An acknowledgement or an error, and the data that belongs to it. */
type Reply = readonly [answer: (() => void) | undefined, data: (() => void) | undefined]

/** More connections with one private channel than this are told so. */
const PRIVATE_CHANNEL_LIMIT = 30

/** Answers what clients say, as OKX does. */
export class Conversation {
  readonly #desk: Desk
  readonly #faults: SessionFaults
  readonly #random: Random
  readonly #options: ConversationOptions

  constructor(desk: Desk, faults: SessionFaults, random: Random, options: ConversationOptions) {
    this.#desk = desk
    this.#faults = faults
    this.#random = random
    this.#options = options
  }

  receive(session: Session, text: string): void {
    if (new TextEncoder().encode(text).length > MAX_REQUEST_BYTES) {
      session.close(1009, 'Request message too long')
      return
    }
    const request = parseClientRequest(text)
    this.#desk.noteRequest(session, request, text)
    if (request.kind === 'ping') session.send('pong')
    else if (request.kind === 'malformed') {
      const error = request.code === '60012' ? malformedRequest(text) : wireError('60013')
      session.send(errorFrame(error, session.id, request.id))
    } else if (this.#options.enforceRequestLimit && !session.requestBudget.tryTake()) {
      session.send(errorFrame(wireError('60014'), session.id, request.id))
    } else if (request.kind === 'login') this.#login(session, request)
    else this.#desk.atOneInstant(() => this.#changeSubscriptions(session, request))
  }

  #login(session: Session, { arg, id }: Extract<ClientRequest, { kind: 'login' }>): void {
    const error = session.loggedIn
      ? wireError('60031')
      : (this.#faults.loginError ?? checkLogin(arg, this.#options.credentials, this.#desk.now()))
    if (error !== undefined) session.send(errorFrame(error, session.id, id))
    else
      session.send(
        JSON.stringify({ event: 'login', code: '0', msg: '', connId: session.id, ...(id === undefined ? {} : { id }) }),
      )
    if (error !== undefined && !session.loggedIn) session.close(4001, 'Login failed')
    session.loggedIn ||= error === undefined
  }

  #changeSubscriptions(session: Session, { op, id, args }: Extract<ClientRequest, { kind: 'channels' }>): void {
    const replies = args.map((arg) =>
      op === 'subscribe' ? this.#subscribe(session, arg, id) : this.#unsubscribe(session, arg, id),
    )
    const closeCode = op === 'subscribe' ? this.#faults.closeAfterAck : undefined
    for (const [answer, data] of this.#options.shuffleAcks ? shuffled(replies, this.#random) : replies) {
      const wanted = closeCode === undefined ? data : undefined
      if (this.#options.dataBeforeAck) wanted?.()
      answer?.()
      if (!this.#options.dataBeforeAck) wanted?.()
    }
    if (op === 'subscribe' && this.#faults.noticeAfterAck) session.send(noticeFrame(session.id))
    if (closeCode !== undefined) session.close(closeCode, '')
  }

  #subscribe(session: Session, arg: ChannelArg, id: string | undefined): Reply {
    const fate = this.#faults.ackFate(arg['instId'])
    if (fate.kind === 'silence') return [undefined, undefined]
    const target = this.#resolve(session, arg)
    if (fate.kind === 'reject') return [this.#error(session, fate.error, id), undefined]
    if ('code' in target) return [this.#error(session, target, id), undefined]

    const isNew = !session.subscriptions.has(target.key)
    session.subscriptions.set(target.key, arg)
    const acknowledge = (): void => {
      session.send(acknowledgement('subscribe', arg, session.id, id))
      this.#countConnections(session, target)
    }
    // The subscription starts with its answer: an acknowledgement that comes later in the shuffle is not overtaken by a tick.
    if (isNew) this.#desk.begin(session, target)
    const wantsData = isNew || this.#options.onResubscribe === 'snapshot'
    return [fate.kind === 'ack' ? acknowledge : undefined, wantsData ? () => this.#desk.sendInitial(session, target) : undefined]
  }

  #unsubscribe(session: Session, arg: ChannelArg, id: string | undefined): Reply {
    const target = this.#resolve(session, arg)
    if ('code' in target) return [this.#error(session, target, id), undefined]
    if (session.subscriptions.delete(target.key)) this.#desk.end(session, target)
    return [() => session.send(acknowledgement('unsubscribe', arg, session.id, id)), undefined]
  }

  #resolve(session: Session, arg: ChannelArg): ChannelTarget | WireError {
    return resolveChannel(arg, session.path, session.loggedIn, this.#desk.instruments)
  }

  #error(session: Session, error: WireError, id: string | undefined): () => void {
    return () => session.send(errorFrame(error, session.id, id))
  }

  /** Private channels tell how many connections have them; the one too many is told so after a normal acknowledgement. */
  #countConnections(session: Session, target: ChannelTarget): void {
    const channel =
      target.kind === 'account' ? 'account' : target.kind === 'quiet' && target.isPrivate ? target.channel : undefined
    if (channel === undefined) return
    const connCount = this.#desk.countPrivate(channel)
    const event = connCount > PRIVATE_CHANNEL_LIMIT ? 'channel-conn-count-error' : 'channel-conn-count'
    session.send(JSON.stringify({ event, channel, connCount: String(connCount), connId: session.id }))
  }
}

function acknowledgement(event: 'subscribe' | 'unsubscribe', arg: ChannelArg, connId: string, id: string | undefined): string {
  return JSON.stringify({ ...(id === undefined ? {} : { id }), event, arg, connId })
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [result[i], result[j]]
    if (a !== undefined && b !== undefined) [result[i], result[j]] = [b, a]
  }
  return result
}
