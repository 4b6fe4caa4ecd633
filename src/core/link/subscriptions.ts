import type { RejectedFrame } from '../frame.ts'
import type { Topic } from '../exchange-definition.ts'

/**
 * - `wanted`: to be asked for
 * - `pending`: asked, not yet acknowledged
 * - `confirmed`: acknowledged
 * - `leaving`: unsubscribed, not yet acknowledged
 */
export type TopicStatus = 'wanted' | 'pending' | 'confirmed' | 'leaving'

interface Entry {
  readonly topic: Topic
  status: TopicStatus
  /** The request that awaits its answer. */
  requestId: string | undefined
  /** Every request about it on this connection, the latest last: an answer may come late, and must name one of them. */
  readonly asks: string[]
  /** How many topics that request asked for. */
  company: number
  /** Halved each time a request with several topics failed without saying which, until the culprit stands alone. */
  maxBatch: number
  attempts: number
  /** Not asked for before this time. */
  notBefore: number
  sentAt: number
  /** Data came since the request; proof of a subscription whose ack got lost. */
  sawData: boolean
  /** Wanted again while the unsubscribe is on its way. */
  wantedAgain: boolean
}

export interface Request {
  readonly id: string
  readonly op: 'subscribe' | 'unsubscribe'
  readonly topics: readonly Topic[]
  readonly text: string
}

export interface Wire {
  subscribe(topics: readonly Topic[], requestId: string): string
  unsubscribe(topics: readonly Topic[], requestId: string): string
  /** No request is longer. Bytes. */
  readonly requestBytes: number
  /** An ack that has not come after this long is not coming. Milliseconds. */
  readonly ackTimeoutMs: number
  /** Wait before asking again after the given number of attempts. Milliseconds. */
  retryDelay(attempts: number): number
}

/** What became of topics: only these changes are news to whoever wants them. */
export type TopicChange =
  | { readonly type: 'confirmed'; readonly key: string }
  | { readonly type: 'rejected'; readonly key: string; readonly frame: RejectedFrame }
  /** Refused for now; asked for again later. */
  | { readonly type: 'delayed'; readonly key: string; readonly frame: RejectedFrame }

/** An answer that belongs to nothing we asked for on this connection; it changes nothing. */
export type Stray = 'stray'

/** Answers to older requests than these are not waited for. */
const MOST_ASKS = 8

/** Acks of the good topics of a failed batch may still be on their way; those that stay silent this long are asked for one by one. */
const SETTLE_MS = 250

/**
 * Which topics one connection has, wants, and awaits acks for. Holds no timer and sends nothing: `next` gives the request to
 * send now, `wakeAt` says when to ask again. Times are elapsed time.
 */
export class Subscriptions {
  readonly #wire: Wire
  readonly #entries = new Map<string, Entry>()
  #lastId = 0
  /** The last id of the connection before. */
  #idsBefore = 0
  #pausedUntil = 0
  #pauses = 0

  constructor(wire: Wire) {
    this.#wire = wire
  }

  /** Topics on this connection, including those that are leaving. */
  get size(): number {
    return this.#entries.size
  }

  keys(): string[] {
    return [...this.#entries.keys()]
  }

  status(key: string): TopicStatus | undefined {
    return this.#entries.get(key)?.status
  }

  /** Every topic that is wanted has been confirmed. */
  get settled(): boolean {
    for (const entry of this.#entries.values()) if (entry.status === 'wanted' || entry.status === 'pending') return false
    return true
  }

  add(topic: Topic): void {
    const entry = this.#entries.get(topic.key)
    if (entry === undefined) this.#entries.set(topic.key, fresh(topic))
    else if (entry.status === 'leaving') entry.wantedAgain = true
  }

  /** Forgets a topic; an unsubscribe follows where the server may know it. */
  remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.wantedAgain = false
    if (entry.status === 'wanted' && entry.attempts === 0) this.#entries.delete(key)
    else if (entry.status !== 'leaving') Object.assign(entry, { status: 'leaving', requestId: undefined, sentAt: 0 })
  }

  /** A new connection knows nothing: everything has to be asked for again. */
  reset(): void {
    this.#pausedUntil = 0
    this.#idsBefore = this.#lastId
    for (const [key, entry] of this.#entries) {
      if (entry.status === 'leaving' && !entry.wantedAgain) this.#entries.delete(key)
      else this.#entries.set(key, fresh(entry.topic))
    }
  }

  sawData(key: string): void {
    const entry = this.#entries.get(key)
    if (entry !== undefined) entry.sawData = true
  }

  /** The request to send now, marked as sent; undefined when there is nothing to send yet. */
  next(now: number): Request | undefined {
    if (now < this.#pausedUntil) return undefined
    const leaving = [...this.#entries.values()].filter((entry) => entry.status === 'leaving' && entry.requestId === undefined)
    if (leaving.length > 0) return this.#request('unsubscribe', leaving, now)
    const wanted = [...this.#entries.values()].filter((entry) => entry.status === 'wanted' && entry.notBefore <= now)
    // The largest batches first: what was never refused is not to wait for the search of a culprit.
    const largest = Math.max(...wanted.map(({ maxBatch }) => maxBatch))
    const batch = wanted.filter(({ maxBatch }) => maxBatch === largest).slice(0, largest)
    return batch.length === 0 ? undefined : this.#request('subscribe', batch, now)
  }

  /** A topic would be asked for now, if a request were allowed. */
  waiting(now: number): boolean {
    for (const entry of this.#entries.values()) if (entry.status === 'wanted' && entry.notBefore <= now) return true
    return false
  }

  /** When `next` or `expire` has something to do without any frame arriving. */
  wakeAt(): number | undefined {
    let at: number | undefined
    for (const entry of this.#entries.values()) {
      const due = this.#dueAt(entry)
      if (due !== undefined && (at === undefined || due < at)) at = due
    }
    return at
  }

  /** The server has a topic. By its request where the answer names one, else by the topic alone. */
  acknowledged(key: string, requestId?: string): TopicChange | Stray | undefined {
    if (requestId !== undefined && !this.hasAsked(requestId)) return 'stray'
    const entry = this.#asked(key, requestId)
    return entry?.status === 'pending' || entry?.status === 'wanted' ? this.#confirm(entry) : undefined
  }

  /** The server has a topic no more. */
  unsubscribed(key: string, requestId?: string): Stray | undefined {
    if (requestId !== undefined && !this.hasAsked(requestId)) return 'stray'
    const entry = this.#asked(key, requestId)
    if (entry?.status === 'leaving') this.#leave(entry)
    return undefined
  }

  /** Whether an id is that of a request of this connection. */
  hasAsked(requestId: string): boolean {
    const number = numberOf(requestId)
    return number !== undefined && number > this.#idsBefore && number <= this.#lastId
  }

  /**
   * The server refused something. Says which topics are lost for good; the rest is asked for again. A refusal is meant for the request
   * that it names, there for the topic that it names; without a request, for the exact topic that it names, and else for nobody.
   */
  refused(frame: RejectedFrame, now: number): TopicChange[] | Stray {
    if (frame.reaction === 'ignore') return []
    if (frame.requestId !== undefined && !this.hasAsked(frame.requestId)) return 'stray'
    const named = frame.topicKey === undefined ? undefined : this.#asked(frame.topicKey, frame.requestId)
    if (frame.requestId === undefined && named === undefined) {
      // Too many requests is said of the connection, and costs a pause at most.
      if (frame.reaction === 'slow-down') this.#pause(now)
      return 'stray'
    }
    const concerned = named === undefined ? this.#awaiting(frame.requestId) : [named]
    for (const entry of concerned.filter(({ status }) => status === 'leaving')) {
      // Asked too often: the unsubscribe goes out again after the pause. Any other refusal means there is nothing to leave.
      if (frame.reaction === 'slow-down') entry.requestId = undefined
      else this.#leave(entry)
    }
    const pending = concerned.filter(({ status }) => status === 'pending' || status === 'confirmed')
    switch (frame.reaction) {
      case 'slow-down':
        this.#pause(now)
        this.#again(pending, now, false)
        return pending.map(({ topic }) => ({ type: 'delayed', key: topic.key, frame }))
      case 'reject':
      case 'auth':
        // Others of the request may have left or been acknowledged meanwhile: who remains need not be the culprit.
        if (named === undefined && pending.some(({ company }) => company > 1)) {
          this.#again(pending, now + SETTLE_MS)
          return []
        }
        for (const entry of pending) this.#entries.delete(entry.topic.key)
        return pending.map(({ topic }) => ({ type: 'rejected', key: topic.key, frame }))
      case 'retry':
      case 'clock':
      case 'login-needed':
        this.#again(pending, now + this.#wire.retryDelay(mostAttempts(pending)))
        return pending.map(({ topic }) => ({ type: 'delayed', key: topic.key, frame }))
    }
  }

  /** Takes stock of acks that did not come in time. */
  expire(now: number): TopicChange[] {
    const changes: TopicChange[] = []
    const silent: Entry[] = []
    for (const entry of this.#entries.values()) {
      if (entry.requestId === undefined || entry.sentAt + this.#wire.ackTimeoutMs > now) continue
      if (entry.status === 'leaving') {
        this.#leave(entry)
      } else if (entry.sawData) {
        changes.push(this.#confirm(entry))
      } else if (entry.status === 'pending') {
        silent.push(entry)
      }
    }
    this.#again(silent, now + this.#wire.retryDelay(mostAttempts(silent) - 1))
    return changes
  }

  #dueAt(entry: Entry): number | undefined {
    if (entry.status === 'wanted') return Math.max(entry.notBefore, this.#pausedUntil)
    if (entry.status === 'leaving' && entry.requestId === undefined) return this.#pausedUntil
    return entry.requestId === undefined ? undefined : entry.sentAt + this.#wire.ackTimeoutMs
  }

  #again(entries: readonly Entry[], notBefore: number, split = true): void {
    const maxBatch = split ? Math.max(1, Math.ceil(entries.length / 2)) : Infinity
    for (const entry of entries) {
      entry.status = 'wanted'
      entry.requestId = undefined
      entry.notBefore = notBefore
      entry.maxBatch = Math.min(entry.maxBatch, maxBatch)
    }
  }

  /** The topic that an answer names, when it was asked for on this connection, and by that request if the answer names one. */
  #asked(key: string, requestId: string | undefined): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.asks.length === 0) return undefined
    return requestId === undefined || entry.asks.includes(requestId) ? entry : undefined
  }

  /** What awaits the answer to a request; what was acknowledged does not. */
  #awaiting(requestId: string | undefined): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.requestId !== undefined && entry.requestId === requestId)
  }

  #confirm(entry: Entry): TopicChange {
    this.#pauses = 0
    entry.status = 'confirmed'
    entry.requestId = undefined
    return { type: 'confirmed', key: entry.topic.key }
  }

  #leave({ topic, wantedAgain }: Entry): void {
    if (wantedAgain) this.#entries.set(topic.key, fresh(topic))
    else this.#entries.delete(topic.key)
  }

  #pause(now: number): void {
    this.#pausedUntil = now + this.#wire.retryDelay(this.#pauses++)
  }

  #request(op: Request['op'], entries: readonly Entry[], now: number): Request {
    const id = idOf(++this.#lastId)
    const write = this.#wire[op].bind(this.#wire)
    let count = entries.length
    let text = write(topicsOf(entries, count), id)
    while (count > 1 && byteLength(text) > this.#wire.requestBytes) {
      // Shrink in proportion, with a little air; a second round is rare.
      count = Math.max(1, Math.min(count - 1, Math.floor((count * this.#wire.requestBytes * 0.95) / byteLength(text))))
      text = write(topicsOf(entries, count), id)
    }
    const sent = entries.slice(0, count)
    for (const entry of sent) {
      if (op === 'subscribe') Object.assign(entry, { status: 'pending', sawData: false, attempts: entry.attempts + 1 })
      Object.assign(entry, { requestId: id, company: sent.length, sentAt: now })
      entry.asks.push(id)
      if (entry.asks.length > MOST_ASKS) entry.asks.shift()
    }
    return { id, op, topics: topicsOf(sent, count), text }
  }
}

function fresh(topic: Topic): Entry {
  return {
    topic,
    status: 'wanted',
    requestId: undefined,
    asks: [],
    company: 0,
    maxBatch: Infinity,
    attempts: 0,
    notBefore: 0,
    sentAt: 0,
    sawData: false,
    wantedAgain: false,
  }
}

/** Letters and digits alone: exchanges take no others. */
const idOf = (number: number): string => `t${number.toString(36)}`

function numberOf(requestId: string): number | undefined {
  const number = Number.parseInt(requestId.slice(1), 36)
  return idOf(number) === requestId ? number : undefined
}

const mostAttempts = (entries: readonly Entry[]): number => Math.max(1, ...entries.map(({ attempts }) => attempts))

const topicsOf = (entries: readonly Entry[], count: number): Topic[] => entries.slice(0, count).map(({ topic }) => topic)

const encoder = new TextEncoder()
const byteLength = (text: string): number => encoder.encode(text).length
