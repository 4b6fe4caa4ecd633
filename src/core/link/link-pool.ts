import type { Topic } from '../exchange-definition.ts'
import type { DataFrame, Frame, Reaction, RejectedFrame } from '../frame.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Cancel } from '../../ports/clock.ts'
import type { ErrorCode } from '../../errors/consequence.ts'
import { connectionReport, type ConnectionReport } from './connection-report.ts'
import { backoffDelay, type BackoffPolicy } from '../../ports/backoff.ts'
import { publicUrl } from '../../ports/public-url.ts'
import type { LinkSettings } from './link-settings.ts'
import { Link, type LinkListener } from './link.ts'
import type { LinkLoss } from './link-state.ts'
import type { TopicChange } from './subscriptions.ts'

/** What one subscriber hears about its topic. */
export interface TopicListener {
  onData(frame: DataFrame, text: string, receivedAt: number): void
  /** `rejected` is the last word. `pending` carries the loss that undid a confirmed subscription. */
  onStatus(status: 'pending' | 'confirmed' | 'rejected', error?: TapekeeperError): void
  /** A frame that could not be read and may have been this topic's. */
  onBadFrame(error: TapekeeperError, text: string, receivedAt: number, isSurelyMine: boolean): void
}

export interface PoolStatistics {
  readonly links: number
  readonly topics: number
  readonly reconnects: number
}

interface TopicEntry {
  readonly topic: Topic
  listeners: readonly TopicListener[]
  status: 'pending' | 'confirmed'
  /** Where its data is taken from. */
  link: Link
  /** The link that is to take over, during a rollover. */
  next: Link | undefined
}

/** A move that waits, because the moves before it led nowhere. */
interface PendingMove {
  readonly cancel: Cancel
  /** Whether there is still a reason to move when its time has come; always, if undefined. */
  isNeeded: (() => boolean) | undefined
}

/** Between replacements that have not proved stable. */
const MOVE: BackoffPolicy = { baseMs: 1_000, capMs: 30_000 }
/** Once everything is confirmed on a replacement, quiet topics move over after this long. */
const HANDOVER_MS = 1_000
const EXCERPT_LENGTH = 300

/** Many subscriptions over few links: fills a link to its cap before it opens the next, and ends links that nobody needs. */
export class LinkPool {
  readonly #settings: LinkSettings
  readonly #onEmpty: () => void
  readonly #entries = new Map<string, TopicEntry>()
  readonly #links = new Set<Link>()
  /** Replacement by the link it replaces. */
  readonly #replacements = new Map<Link, Link>()
  readonly #handovers = new Map<Link, Cancel>()
  readonly #moves = new Map<Link, PendingMove>()
  #reconnects = 0

  constructor(settings: LinkSettings, onEmpty: () => void) {
    this.#settings = settings
    this.#onEmpty = onEmpty
  }

  get statistics(): PoolStatistics {
    let reconnects = this.#reconnects
    for (const link of this.#links) reconnects += link.reconnects
    return { links: this.#links.size, topics: this.#entries.size, reconnects }
  }

  /**
   * Subscribes; several subscribers of one topic share it. Returns how to leave; that resolves when the socket is gone, if it was the
   * last topic on it.
   */
  subscribe(topic: Topic, listener: TopicListener): () => Promise<void> {
    const known = this.#entries.get(topic.key)
    if (known === undefined) {
      const link = this.#linkWithRoom()
      this.#entries.set(topic.key, { topic, listeners: [listener], status: 'pending', link, next: undefined })
      link.add(topic)
      if (link.status === 'idle') link.start()
    } else {
      known.listeners = [...known.listeners, listener]
      if (known.status === 'confirmed') listener.onStatus('confirmed')
    }
    return () => this.#leave(topic.key, listener)
  }

  /** Unsubscribes from a topic and subscribes again, for all its subscribers. */
  resubscribe(topicKey: string): void {
    const entry = this.#entries.get(topicKey)
    // A link that is not open subscribes anew in any case.
    if (entry?.link.status !== 'open') return
    entry.status = 'pending'
    for (const listener of entry.listeners) listener.onStatus('pending')
    entry.link.remove(topicKey)
    entry.link.add(entry.topic)
  }

  /** Moves everything on this topic's connection to a new one, without a break. */
  rollover(topicKey: string): void {
    const link = this.linkOf(topicKey)
    if (link !== undefined) this.#move(link, 'requested')
  }

  /** The link that carries a topic: its connection facts for status reports. */
  linkOf(topicKey: string): Link | undefined {
    return this.#entries.get(topicKey)?.link
  }

  /** The connection that carries a topic, for status reports. */
  connectionOf(topicKey: string): ConnectionReport | undefined {
    const link = this.linkOf(topicKey)
    return link === undefined ? undefined : connectionReport(this.#settings.url, link)
  }

  async #leave(key: string, listener: TopicListener): Promise<void> {
    const entry = this.#entries.get(key)
    if (entry?.listeners.includes(listener) !== true) return
    entry.listeners = entry.listeners.filter((other) => other !== listener)
    if (entry.listeners.length === 0) await this.#drop(entry)
  }

  #drop({ topic: { key }, link, next }: TopicEntry): Promise<unknown> {
    this.#entries.delete(key)
    const gone = [this.#take(link, key), this.#take(next, key)]
    if (this.#entries.size === 0) this.#onEmpty()
    return Promise.all(gone)
  }

  /** Takes a topic off a link; a link that carries nothing any more ends. */
  #take(link: Link | undefined, key: string): Promise<unknown> {
    if (link === undefined) return Promise.resolve()
    if (this.#entriesOf(link).length === 0) return this.#end(link)
    link.remove(key)
    return Promise.resolve()
  }

  #end(link: Link): Promise<unknown> {
    if (!this.#links.delete(link)) return Promise.resolve()
    this.#reconnects += link.reconnects
    this.#replacements.delete(link)
    this.#handovers.get(link)?.()
    this.#handovers.delete(link)
    this.#stay(link)
    // One that has handed everything over to this link, and has not ended yet, will not hear from it any more.
    const replaced = [...this.#replacements].flatMap(([old, next]) => (next === link ? [old] : []))
    return Promise.all([link.stop(), ...replaced.map((old) => this.#end(old))])
  }

  #linkWithRoom(): Link {
    for (const link of this.#links) if (link.hasRoom) return link
    return this.#newLink()
  }

  /** @param failures of a replacement: how many in a row before it have not proved stable. */
  #newLink(failures?: number): Link {
    const link = new Link(this.#settings, this.#listener, failures)
    this.#links.add(link)
    return link
  }

  readonly #listener: LinkListener = {
    onFrame: (link, frame, text, receivedAt) => {
      if (frame.kind === 'data') this.#route(link, frame, text, receivedAt)
      else if (frame.kind === 'invalid') this.#reportBadFrame(link, frame, text, receivedAt)
    },
    onStray: (link, error, text, receivedAt) => {
      for (const entry of this.#entriesOf(link)) {
        for (const listener of entry.listeners) listener.onBadFrame(error, text, receivedAt, false)
      }
    },
    onTopic: (link, change) => this.#topicChanged(link, change),
    onStatus: (link, loss) => this.#linkChanged(link, loss),
    onAuthFailed: (link, error) => {
      for (const entry of this.#entriesOf(link)) this.#reject(entry, error)
    },
    onMove: (link, reason, isNeeded) => this.#move(link, reason, isNeeded),
  }

  #route(link: Link, frame: DataFrame, text: string, receivedAt: number): void {
    const entry = this.#entries.get(frame.topicKey)
    if (entry === undefined) return
    // Both copies of a trade may come: the tape merges them by id, so nothing is lost between the connections.
    const isMerged = entry.next === link && entry.topic.dataType === 'trade'
    if (entry.next === link && !isMerged) this.#handOver(entry)
    if (entry.link !== link && !isMerged) return
    if (entry.status === 'pending') link.subscriptions.sawData(frame.topicKey)
    for (const listener of entry.listeners) {
      // One that leaves while the frame is handed out hears no more of it.
      if (entry.listeners.includes(listener)) listener.onData(frame, text, receivedAt)
    }
  }

  /** Nobody knows whose a broken frame was. Its first words usually tell; when they do not, everybody on the link may miss data. */
  #reportBadFrame(link: Link, frame: Extract<Frame, { kind: 'invalid' }>, text: string, receivedAt: number): void {
    const excerpt = text.slice(0, EXCERPT_LENGTH)
    const entries = this.#entriesOf(link)
    const named = entries.filter(({ topic }) => Object.values(topic.args).every((value) => excerpt.includes(`"${value}"`)))
    for (const entry of named.length > 0 ? named : entries) {
      for (const listener of entry.listeners) listener.onBadFrame(frame.error, text, receivedAt, named.length > 0)
    }
  }

  #topicChanged(link: Link, change: TopicChange): void {
    const entry = this.#entries.get(change.key)
    if (entry === undefined) return
    if (change.type === 'rejected') {
      this.#reject(entry, this.#refusalError(entry.topic, change.frame))
    } else if (change.type === 'delayed') {
      // While a replacement is told to wait, the connection it is to replace goes on serving.
      if (entry.link !== link) return
      entry.status = 'pending'
      const error = this.#refusalError(entry.topic, change.frame)
      for (const listener of entry.listeners) listener.onStatus('pending', error)
    } else if (entry.link === link) {
      entry.status = 'confirmed'
      for (const listener of entry.listeners) listener.onStatus('confirmed')
    }
    for (const [old, replacement] of this.#replacements) if (replacement === link) this.#finishWhenSettled(old, replacement)
  }

  #reject(entry: TopicEntry, error: TapekeeperError): void {
    void this.#drop(entry)
    for (const listener of entry.listeners) listener.onStatus('rejected', error)
  }

  #linkChanged(link: Link, loss: LinkLoss | undefined): void {
    const { logger } = this.#settings
    const url = publicUrl(this.#settings.url)
    if (loss === undefined) {
      logger.debug(`link ${link.status}`, { url })
      return
    }
    logger.info('link lost', { url, attempt: link.attempt, ...loss })
    // It makes a new connection by itself.
    this.#stay(link)
    const error = new TapekeeperError(loss.status === undefined ? 'SOCKET_LOST' : 'SOCKET_REFUSED', `${url}: ${loss.message}`, {
      url,
      ...loss,
    })
    for (const entry of this.#entriesOf(link)) {
      if (entry.next !== undefined && entry.next !== link) {
        // The old connection ended before the new one had data: nothing to wait for any more.
        this.#handOver(entry, error)
      } else if (entry.link === link) {
        entry.status = 'pending'
        for (const listener of entry.listeners) listener.onStatus('pending', error)
      }
    }
    if (this.#replacements.has(link)) void this.#end(link)
  }

  /**
   * Replaces a connection, whatever the reason. A replacement that has to be replaced before it has proved stable is a failure, and the
   * next one waits, longer each time: a server that tells every newcomer to go elsewhere is not to be stormed.
   */
  #move(link: Link, reason: string, isNeeded?: () => boolean): void {
    if (link.retiring || !this.#links.has(link)) return
    const pending = this.#moves.get(link)
    if (pending !== undefined) {
      if (isNeeded === undefined) pending.isNeeded = undefined
      return
    }
    // As it is now: while it waits it may prove stable, and have been sent away at once all the same.
    const { failures } = link
    if (failures === 0) {
      this.#replace(link, reason, failures)
      return
    }
    const { dialer, logger, ports, url } = this.#settings
    dialer.disproved()
    // No draw near zero: while the old connection does well, the dialer does not ration.
    const delayMs = backoffDelay(failures - 1, MOVE, () => (1 + ports.random()) / 2)
    logger.warn('to be replaced again before the new connection has proved stable: waiting', {
      url: publicUrl(url),
      reason,
      failures,
      delayMs,
    })
    const move: PendingMove = {
      isNeeded,
      cancel: ports.clock.after(delayMs, () => {
        this.#moves.delete(link)
        if (move.isNeeded?.() !== false) this.#replace(link, reason, failures)
      }),
    }
    this.#moves.set(link, move)
  }

  #stay(link: Link): void {
    this.#moves.get(link)?.cancel()
    this.#moves.delete(link)
  }

  /** Make before break: a second connection takes the same topics; the first one serves until the second does. */
  #replace(link: Link, reason: string, failures: number): void {
    this.#settings.logger.info('moving to a new connection', { url: publicUrl(this.#settings.url), reason })
    const replacement = this.#newLink(failures)
    for (const entry of this.#entriesOf(link)) {
      entry.next = replacement
      replacement.add(entry.topic)
    }
    // A replacement may itself be told to move before it has taken over.
    for (const [old, next] of this.#replacements) if (next === link) this.#replacements.set(old, replacement)
    link.retiring = true
    if (this.#entriesOf(link).length > 0) this.#replacements.set(link, replacement)
    else void this.#end(link)
    replacement.start()
  }

  #handOver(entry: TopicEntry, loss?: TapekeeperError): void {
    if (entry.next === undefined) return
    entry.link = entry.next
    entry.next = undefined
    const { link } = entry
    const isConfirmed = link.status === 'open' && link.subscriptions.status(entry.topic.key) === 'confirmed'
    const status = isConfirmed ? 'confirmed' : 'pending'
    if (status === entry.status) return
    entry.status = status
    for (const listener of entry.listeners) listener.onStatus(status, isConfirmed ? undefined : loss)
  }

  #finishWhenSettled(old: Link, replacement: Link): void {
    if (replacement.status !== 'open' || !replacement.subscriptions.settled) return
    this.#handovers.get(old)?.()
    const handOverAll = (): void => {
      if (replacement.status !== 'open' || !replacement.subscriptions.settled) return
      for (const entry of this.#entriesOf(old)) this.#handOver(entry)
      void this.#end(old)
    }
    this.#handovers.set(old, this.#settings.ports.clock.after(HANDOVER_MS, handOverAll))
  }

  #refusalError(topic: Topic, { nativeCode, message, reaction }: RejectedFrame): TapekeeperError {
    const code = REFUSALS[reaction] ?? 'SUBSCRIPTION_REJECTED'
    const words = `${topic.key} was refused by the exchange: ${nativeCode} ${this.#settings.hide(message)}`
    return new TapekeeperError(code, words, { topic: topic.key, ...topic.args, nativeCode })
  }

  #entriesOf(link: Link): TopicEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.link === link || entry.next === link)
  }
}

/** Our codes for an exchange's refusals; what is not here ends the subscription. */
const REFUSALS: Readonly<Partial<Record<Reaction, ErrorCode>>> = {
  auth: 'AUTH_FAILED',
  'slow-down': 'RATE_LIMITED',
  retry: 'EXCHANGE_BUSY',
  clock: 'EXCHANGE_BUSY',
  'login-needed': 'EXCHANGE_BUSY',
}
