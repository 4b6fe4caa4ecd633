import { bucketingOf } from './candles.ts'
import { CANDLE_PREFIX } from './channels.ts'
import { BOOK_DEPTH } from './book-model.ts'
import { TRADE_CHANNELS, type DataFaults } from './data-faults.ts'
import {
  candleRow,
  dataFrame,
  fillRow,
  keepaliveRow,
  SNAPSHOT_DEPTH,
  snapshotRow,
  tickerRow,
  tradeRow,
  updateRow,
} from './frames.ts'
import type { Market, MarketStep } from './market.ts'
import type { Session } from './session.ts'
import { rowsOf, type Fill } from './tape.ts'

/** A quiet book is repeated this often. */
const KEEPALIVE_MS = 60_000

interface Feed {
  readonly channel: string
  readonly sessions: Set<Session>
  lastPushAt: number
}

export interface FeedOptions {
  readonly resendOnSubscribe: number
  readonly initialBookSnapshot: boolean
  readonly checksum: 'absent' | 'zero'
}

/** The subscribed channels of one market: turns what happened into frames and hands them to everyone who asked. */
export class MarketFeeds {
  readonly #market: Market
  readonly #faults: DataFaults
  readonly #options: FeedOptions
  readonly #feeds = new Map<string, Feed>()
  readonly #instId: string

  constructor(market: Market, faults: DataFaults, options: FeedOptions) {
    this.#market = market
    this.#faults = faults
    this.#options = options
    this.#instId = market.instrument.native.instId
  }

  get isWatched(): boolean {
    return this.#feeds.size > 0
  }

  add(session: Session, channel: string): void {
    const feed = this.#feeds.get(channel)
    if (feed === undefined) this.#feeds.set(channel, { channel, sessions: new Set([session]), lastPushAt: this.#market.now })
    else feed.sessions.add(session)
  }

  remove(session: Session, channel: string): void {
    const feed = this.#feeds.get(channel)
    feed?.sessions.delete(session)
    if (feed?.sessions.size === 0) this.#feeds.delete(channel)
  }

  /** What a new subscriber gets at once. */
  sendInitial(session: Session, channel: string, now: number): void {
    for (const text of this.#initialFrames(channel, now)) {
      for (const data of this.#faults.apply(this.#instId, channel, text)) session.send(data)
    }
  }

  /** One tick of the market has happened. Books follow OKX's order: the smallest first. */
  publish(step: MarketStep, now: number): void {
    this.publishFills(step.fills, now)
    const { book } = step
    if (step.fills.length === 0 && book?.bestChanged === true) this.#push('tickers', () => [tickerRow(this.#market, now)])
    for (const [channel, depth] of Object.entries(SNAPSHOT_DEPTH)) {
      const changed = depth === 1 ? book?.bestChanged : book?.topFiveChanged
      if (changed === true || this.#isDue(channel, now)) this.#push(channel, () => [snapshotRow(this.#market, depth, false)])
      if (channel === 'bbo-tbt') this.#publishBook(step, now)
    }
    if (now % 1_000 === 0) this.#publishCandles(now)
  }

  publishFills(fills: readonly Fill[], now: number): void {
    for (const row of rowsOf(fills)) this.#push('trades', () => [tradeRow(this.#market, row)])
    for (const fill of fills) this.#push('trades-all', () => [fillRow(this.#market, fill)])
    if (fills.length > 0) this.#push('tickers', () => [tickerRow(this.#market, now)])
  }

  /** The last rows and fills again, to everyone, whatever faults are on. */
  resend(count: number): void {
    for (const channel of TRADE_CHANNELS) {
      for (const session of this.#feeds.get(channel)?.sessions ?? []) {
        for (const text of this.#recentTrades(channel, count)) session.send(text)
      }
    }
  }

  #publishBook(step: MarketStep, now: number): void {
    const { book } = step
    if (book !== undefined) this.#push('books', () => [this.#checked(updateRow(this.#market, book))], 'update')
    else if (this.#isDue('books', now)) this.#push('books', () => [this.#checked(keepaliveRow(this.#market, now))], 'update')
  }

  /** Once per second: the open candle when it traded, the closed one once, as confirmed. */
  #publishCandles(now: number): void {
    for (const channel of this.#feeds.keys()) {
      if (!channel.startsWith(CANDLE_PREFIX)) continue
      const bar = channel.slice(CANDLE_PREFIX.length)
      const closes = bucketingOf(bar)?.(now - 1)[1] === now
      const traded = (this.#market.tape.last?.timestamp ?? 0) >= now - 1_000
      const candle = closes || traded ? this.#market.candles.at(bar, now - 1) : undefined
      if (candle !== undefined) this.#push(channel, () => [candleRow(this.#market, candle, closes)])
    }
  }

  #initialFrames(channel: string, now: number): string[] {
    const market = this.#market
    if (TRADE_CHANNELS.some((name) => name === channel)) return this.#recentTrades(channel, this.#options.resendOnSubscribe)
    if (market.instrument.native.state !== 'live') return []
    const frame = (row: unknown, action?: string): string[] => [dataFrame(channel, this.#instId, [row], action)]
    if (channel === 'tickers') return frame(tickerRow(market, now))
    if (channel === 'books') {
      return this.#options.initialBookSnapshot ? frame(this.#checked(snapshotRow(market, BOOK_DEPTH, true)), 'snapshot') : []
    }
    const depth = SNAPSHOT_DEPTH[channel]
    if (depth !== undefined) return frame(snapshotRow(market, depth, false))
    const candle = market.candles.at(channel.slice(CANDLE_PREFIX.length), now)
    return candle === undefined ? [] : frame(candleRow(market, candle, false))
  }

  #recentTrades(channel: string, count: number): string[] {
    const { tape } = this.#market
    if (count <= 0) return []
    const rows =
      channel === 'trades'
        ? tape.lastRows(count).map((row) => tradeRow(this.#market, row))
        : tape.all.slice(-count).map((fill) => fillRow(this.#market, fill))
    return rows.map((row) => dataFrame(channel, this.#instId, [row]))
  }

  #checked(row: object): object {
    return this.#options.checksum === 'zero' ? { ...row, checksum: 0 } : row
  }

  #isDue(channel: string, now: number): boolean {
    const feed = this.#feeds.get(channel)
    return feed !== undefined && this.#market.instrument.native.state === 'live' && now - feed.lastPushAt >= KEEPALIVE_MS
  }

  #push(channel: string, rows: () => readonly unknown[], action?: string): void {
    const feed = this.#feeds.get(channel)
    if (feed === undefined) return
    feed.lastPushAt = this.#market.now
    for (const data of this.#faults.apply(this.#instId, channel, dataFrame(channel, this.#instId, rows(), action))) {
      for (const session of feed.sessions) session.send(data)
    }
  }
}
