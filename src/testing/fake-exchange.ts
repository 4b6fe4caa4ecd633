import type { Clock } from '../ports/clock.ts'
import type { Ports } from '../ports/ports.ts'
import type { FakeCredentials } from './okx/login.ts'
import type { FakeInstrument } from './okx/instruments.ts'
import type { CorruptKind } from './okx/corrupt.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** How a fake exchange is set up. Everything has a default. */
export interface FakeExchangeOptions {
  /** Which exchange to imitate. Default `okx`, so far the only one. */
  readonly exchange?: 'okx'
  /** The same seed gives the same market, ids, acknowledgement order and connection ids. Default 1. */
  readonly seed?: number | string
  /** The listed instruments: native names or rows from `okxInstrument`. Default: 18 of every kind. */
  readonly instruments?: readonly (string | FakeInstrument)[]
  /** Adds this many generated spot pairs: `C001-USDT`, `C002-USDT`, … Default 0. */
  readonly pairs?: number
  /**
   * Fills per second and instrument, on average; one number for all, or by symbol (default 5 for those left out).
   * 0: nothing trades until `trade` or `emitTrades`. Default 5.
   */
  readonly tradesPerSecond?: number | Readonly<Record<string, number>>
  /** Changes of each order book per second, at most 10. 0: only trades change it. Default 5. */
  readonly bookUpdatesPerSecond?: number
  /** How much market (at most two trades per second) there was before the start, for REST. Milliseconds. Default two minutes. */
  readonly historyMs?: number
  /** Fills remembered per instrument. Default 200,000. */
  readonly historyLimit?: number
  /** Accepted by login. Default `DEFAULT_CREDENTIALS`. */
  readonly credentials?: FakeCredentials
  /** Acknowledgements of one request come in random (seeded) order. Default true. */
  readonly shuffleAcks?: boolean
  /** First data comes before its acknowledgement. Default false. */
  readonly dataBeforeAck?: boolean
  /** A fresh `trades` subscription first gets this many of the latest rows again. Default 0. */
  readonly resendOnSubscribe?: number
  /** False: the `books` channel starts with an update, as OKX announced for 2026. Default true. */
  readonly initialBookSnapshot?: boolean
  /** The dead `checksum` field of book frames: left out, or always 0. Default `absent`. */
  readonly checksum?: 'absent' | 'zero'
  /** Compress frames for clients that offer it, as the real exchange does. Loopback only. Default false: it costs time. */
  readonly compression?: boolean
  /** What subscribing again to an active channel does besides the acknowledgement. Default `nothing`. */
  readonly onResubscribe?: 'nothing' | 'snapshot'
  /** Refuse the fourth handshake within a second with 429. Default true. */
  readonly enforceDialLimit?: boolean
  /** 480 requests per hour and connection; more are answered 60014. Default true. */
  readonly enforceRequestLimit?: boolean
  /** REST limits per endpoint; more is answered 429 with code 50011. Default true. */
  readonly enforceRestLimits?: boolean
  /** A connection to which nothing was sent for this long is closed with 4004. Milliseconds. Default 30,000. */
  readonly idleTimeoutMs?: number
  /** Period of the `account` channel's regular updates. Milliseconds. Default 5,000. */
  readonly accountIntervalMs?: number
  /** Assets per page of the `account` channel. Default 20. */
  readonly accountPageSize?: number
}

/** Options of the fake on real sockets. */
export interface LoopbackOptions extends FakeExchangeOptions {
  /** TCP port on 127.0.0.1. Default 0: any free one. */
  readonly port?: number
  /** Default: the system's clock. */
  readonly clock?: Clock
}

/** Options of the fake in virtual time. */
export interface VirtualOptions extends FakeExchangeOptions {
  /** Default: a new virtual clock. */
  readonly clock?: VirtualClock
  /** How long text travels, each way. Milliseconds. Default 1. */
  readonly networkDelayMs?: number
}

/** Base URLs, ready for a collector's `endpoints`. A type and not an interface, so that it fits a `Record<string, string>`. */
export type FakeEndpoints = {
  readonly public: string
  readonly business: string
  readonly private: string
  readonly rest: string
}

/** One fill as it was generated: the truth to compare a collector's trades with. */
export interface FakeFill {
  readonly id: string
  readonly price: string
  readonly size: string
  /** The taker's side. */
  readonly side: 'buy' | 'sell'
  readonly source: '0' | '1'
  /** Epoch milliseconds. */
  readonly timestamp: number
  /** The sequence number shared by the fills of one taker order. */
  readonly order: number
}

/** The order book as last published: price, size and number of orders, best first. */
export interface FakeBook {
  readonly bids: readonly (readonly [price: string, size: string, orders: number])[]
  readonly asks: readonly (readonly [price: string, size: string, orders: number])[]
  readonly sequence: number
  readonly timestamp: number
}

/** A trade made by hand. What is left out is chosen by the market. */
export interface FakeOrder {
  /** A multiple of the tick size. Default: the best price of the other side. */
  readonly price?: string
  /** Of all fills together; a multiple of the lot size. */
  readonly size?: string
  readonly side?: 'buy' | 'sell'
  /** Number of fills, merged into one row of `trades`. Default 1. */
  readonly count?: number
  readonly source?: '0' | '1'
  /** Epoch milliseconds. Default now; never earlier than the fill before. */
  readonly timestamp?: number
}

/** Which connections are meant: all, or those of one endpoint. */
export interface ConnectionFilter {
  /** `public`, `business`, `private`, or the whole path. */
  readonly path?: string
}

/** Which data is meant. Symbols in the exchange's spelling or in ours. */
export interface DataFilter {
  readonly symbol?: string
  readonly channel?: string
}

/** One open connection, seen from the exchange. */
export interface FakeConnection {
  /** The `connId` in its frames. */
  readonly id: string
  /** For example `/ws/v5/public`. */
  readonly path: string
  readonly openedAt: number
  readonly loggedIn: boolean
  /** True when `halfOpen` has silenced it. */
  readonly deaf: boolean
  /** The arguments of its active subscriptions. */
  readonly subscriptions: readonly Readonly<Record<string, unknown>>[]
  send(text: string): void
  close(code?: number, reason?: string): void
  terminate(): void
}

export interface FakeDial {
  readonly at: number
  readonly path: string
  readonly accepted: boolean
  /** HTTP status of a refusal; undefined when accepted or left without an answer. */
  readonly status: number | undefined
}

/** What ends a mute by itself. */
export type MuteEnd = 'resubscribed' | 'reconnected'

/** Something a client sent over a socket. */
export interface FakeRequest {
  readonly at: number
  readonly connectionId: string
  readonly path: string
  /** `subscribe`, `unsubscribe`, `login`, `ping`, or `malformed`. */
  readonly op: string
  readonly id: string | undefined
  readonly args: readonly Readonly<Record<string, unknown>>[]
  readonly text: string
}

export interface FakeRestRequest {
  readonly at: number
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Status of the answer; undefined until it was given. */
  readonly status: number | undefined
}

/** How REST misbehaves. Several may be combined; a request must match `path` when it is given. */
export interface RestFault {
  /** HTTP status to answer with. */
  readonly status?: number
  /** OKX code to answer with (HTTP 200 unless `status` says otherwise). */
  readonly code?: string
  readonly message?: string
  readonly retryAfterSeconds?: number
  /** At most this many rows per page. */
  readonly short?: number
  /** Successful, but without rows. */
  readonly empty?: boolean
  /** Cut the line instead of answering. */
  readonly cut?: boolean
  /** Only requests whose path contains this. */
  readonly path?: string
  /** Ends after this long. Milliseconds. Default: until `healRest` or `heal`. */
  readonly forMs?: number
  /** Ends after this many requests. */
  readonly times?: number
}

/**
 * Everything that can go wrong, on demand. Lasting faults end by their own off-switch, after `forMs`, or by `heal()`.
 * None of them stops the market: ids go on, and REST knows what was missed.
 */
export interface FakeFaults {
  /** Cuts open connections without a goodbye. Returns how many. */
  drop(filter?: ConnectionFilter): number
  /** Acknowledges every subscription and closes cleanly right afterwards. `on: false` ends it. Default code 1000. */
  closeAfterAck(options?: { readonly on?: boolean; readonly forMs?: number; readonly code?: number }): void
  /** Each request to subscribe is followed by notice 64008, on new connections as well; nothing is closed. `on: false` ends it. */
  noticeAfterAck(options?: { readonly on?: boolean; readonly forMs?: number }): void
  /** Open connections stay open but fall silent both ways: no pong, no data, no close. With `includeNew`, later ones as well. */
  halfOpen(options?: ConnectionFilter & { readonly includeNew?: boolean }): number
  /** Refuses handshakes, default with 429. `hang` leaves them without an answer. Ended by `accept` or after `forMs`. */
  refuse(options?: {
    readonly status?: number
    readonly retryAfterSeconds?: number
    readonly forMs?: number
    readonly hang?: boolean
  }): void
  /** Ends `refuse`. */
  accept(): void
  /**
   * One symbol (or one channel of it) falls silent on all connections, which stay alive. With `until` it speaks again once somebody
   * subscribes anew, or does so on a connection opened later.
   */
  mute(target: string | DataFilter, options?: { readonly until?: MuteEnd }): void
  /** Ends `mute` for this target, or for everything. */
  unmute(target?: string | DataFilter): void
  /** Loses the next `count` messages. */
  skip(target: string | DataFilter, count?: number): void
  /** Sends the last `count` rows of `trades` and fills of `trades-all` again, one per frame. */
  resend(symbol: string, count?: number): void
  /** Swaps the next two frames of each trade channel of the symbol. */
  reorder(symbol: string): void
  /** The next data frame is damaged; what it said is lost. Default `truncated`. */
  corrupt(kind?: CorruptKind, target?: string | DataFilter): void
  /** Delays acknowledgements, data and REST by `ms`; 0 ends it. */
  slow(ms: number): void
  /** Announces a service upgrade (64008) and closes those connections `closeAfterMs` later. Default 60,000. */
  notice(options?: ConnectionFilter & { readonly closeAfterMs?: number }): void
  /** REST answers badly, by default with 503. */
  failRest(fault?: RestFault): void
  /** REST answers `ms` late; 0 ends it. */
  restDelay(ms: number): void
  /** Ends `failRest` and `restDelay`. */
  healRest(): void
  /** Answers subscriptions with this error code, for one symbol or for all, `times` times or until `heal`. */
  rejectSubscriptions(code: string, message?: string, options?: { readonly symbol?: string; readonly times?: number }): void
  /** Answers logins with this error code, although they are right. */
  rejectLogins(code: string, message?: string): void
  /** Ends `rejectSubscriptions`, `rejectLogins` and `silenceAcks`. */
  acceptSubscriptions(): void
  /** Subscriptions get no answer and no data; with `withData`, data but no acknowledgement. */
  silenceAcks(symbol?: string, options?: { readonly withData?: boolean }): void
  /** The next book change is numbered below its predecessor, as after OKX's maintenance. The chain still holds. */
  resetSequence(symbol: string): void
  /** Ends every lasting fault. Connections that were cut or silenced stay so. */
  heal(): void
}

/** A fake exchange: a market, its public protocol, its faults, and what it has seen. */
export interface FakeExchange extends FakeFaults {
  readonly endpoints: FakeEndpoints
  readonly clock: Clock

  /** Open connections, oldest first. */
  readonly connections: readonly FakeConnection[]
  /** Handshakes, oldest first. */
  readonly dials: readonly FakeDial[]
  /** What clients sent over sockets, oldest first. */
  readonly requests: readonly FakeRequest[]
  readonly restRequests: readonly FakeRestRequest[]
  readonly instruments: readonly FakeInstrument[]

  /** Every fill generated so far, oldest first. */
  trades(symbol: string): readonly FakeFill[]
  book(symbol: string): FakeBook
  /** A trade by hand, pushed at once. */
  trade(symbol: string, order?: FakeOrder): readonly FakeFill[]
  /** Exactly `count` random fills, pushed at once. */
  emitTrades(symbol: string, count: number): readonly FakeFill[]
  /** From now on this instrument trades so often, on average. */
  setTradesPerSecond(symbol: string, tradesPerSecond: number): void
  /** Changes a balance and pushes it to the `account` channel. Amounts as plain decimals. */
  setBalance(asset: string, balance: { readonly available: string; readonly frozen?: string }): void

  /** Sends a raw frame to the newest connection. */
  send(text: string, filter?: ConnectionFilter): void
  /** Sends a raw frame to every connection. */
  broadcast(text: string, filter?: ConnectionFilter): void

  /** Ends everything: no timer and no socket is left. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A fake exchange in virtual time, reached through `ports` instead of real sockets. */
export interface VirtualExchange extends FakeExchange {
  readonly clock: VirtualClock
  readonly ports: Ports
}
