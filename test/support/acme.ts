import { z } from 'zod'
import { defineExchange, type ExchangeDefinition, type Topic } from '../../src/core/exchange-definition.ts'
import { NO_ERRORS, type Frame, type Reaction } from '../../src/core/frame.ts'
import { asDecimal } from './decimals.ts'
import { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'
import type { ScriptedSocket } from './scripted-sockets.ts'

/** An invented exchange, as small as one can be. Native symbols are ours in lower case without the dash. */
export const ACME_URL = 'wss://stream.acme.test/public'

export interface AcmeMessage {
  readonly ack?: string
  readonly unack?: string
  readonly id?: string
  readonly err?: string
  readonly reaction?: Reaction
  readonly about?: string
  readonly move?: boolean
  readonly loggedIn?: boolean
  readonly topic?: string
  readonly px?: string
  readonly seq?: number
}

export const acmeTopic = (symbol: string, endpoint = 'public'): Topic => ({
  key: `trades.${symbol}`,
  endpoint,
  dataType: 'trade',
  args: { topic: `trades.${symbol}` },
})

/** Their frame, understood. */
export function decodeAcme(text: string, receivedAt: number, symbolOf: (native: string) => string | undefined): Frame {
  if (text === 'pong') return { kind: 'pong' }
  let message: AcmeMessage
  try {
    message = JSON.parse(text) as AcmeMessage
  } catch {
    return { kind: 'invalid', error: new TapekeeperError('FRAME_INVALID', 'not JSON') }
  }
  const { ack, unack, id, err, reaction = 'reject', about, move, loggedIn, topic, px = '1', seq = 0 } = message
  if (ack !== undefined) return { kind: 'subscribed', topicKey: ack, requestId: id }
  if (unack !== undefined) return { kind: 'unsubscribed', topicKey: unack, requestId: id }
  if (err !== undefined)
    return { kind: 'rejected', reaction, nativeCode: err, message: 'refused', requestId: id, topicKey: about }
  if (move === true) return { kind: 'move', nativeCode: '64008', message: 'service upgrade', requestId: id }
  if (loggedIn === true) return { kind: 'logged-in' }
  if (topic === undefined) return { kind: 'ignored' }
  const symbol = symbolOf(topic.slice('trades.'.length)) ?? ''
  const data = { id: String(seq), price: asDecimal(px), size: asDecimal('1'), side: 'buy', backfilled: false } as const
  return {
    kind: 'data',
    topicKey: topic,
    points: [{ exchange: 'acme', symbol, dataType: 'trade', timestamp: receivedAt, receivedAt, data }],
    errors: NO_ERRORS,
  }
}

const instrumentRows = z.array(z.object({ symbol: z.string(), live: z.boolean() }))

export const acme = defineExchange({
  id: 'acme',
  name: 'Acme',
  endpoints: { public: ACME_URL, private: 'wss://stream.acme.test/private', rest: 'https://api.acme.test' },
  privateEndpoints: ['private'],
  limits: { dialsPerSecond: 3, requests: { count: 100, perMs: 60_000 }, requestBytes: 4_096, subscriptionsPerConnection: 100 },
  keepalive: { ping: 'ping', periodMs: 5_000 },
  dataTypes: ['trade'],
  orderBookDepths: [],
  timeframes: [],
  customParams: z.strictObject({ flavour: z.enum(['sweet', 'sour']).default('sweet') }),

  topics: ({ nativeSymbol }) => [acmeTopic(nativeSymbol)],
  subscribe: (topics, id) => JSON.stringify({ op: 'sub', id, topics: topics.map(({ key }) => key) }),
  unsubscribe: (topics, id) => JSON.stringify({ op: 'unsub', id, topics: topics.map(({ key }) => key) }),
  createDecoder: (symbols) => (text, receivedAt) => decodeAcme(text, receivedAt, (native) => symbols.symbolOf(native)),

  nativeSymbolOf: (symbol) => (symbol.includes('-') ? symbol.replaceAll('-', '').toLowerCase() : undefined),
  symbolOf: (native) => (native.length === 6 ? `${native.slice(0, 3)}-${native.slice(3)}`.toUpperCase() : undefined),
  fallbackPairs: ['ABC-USD', 'XYZ-USD'],
  async loadInstruments(rest, marketType) {
    if (marketType !== 'spot') return []
    const rows = await rest.get('/instruments', (body) => ({ kind: 'ok', data: instrumentRows.parse(body) }))
    return rows.map(({ symbol, live }) => ({
      exchange: 'acme',
      symbol,
      nativeSymbol: symbol.replaceAll('-', '').toLowerCase(),
      marketType,
      base: symbol.split('-')[0] ?? '',
      quote: symbol.split('-')[1] ?? '',
      settle: undefined,
      tickSize: undefined,
      lotSize: undefined,
      minSize: undefined,
      sizeUnit: 'base',
      contractSize: undefined,
      contractAsset: undefined,
      contractType: undefined,
      live,
      state: live ? 'live' : 'halted',
      listedAt: undefined,
      expiresAt: undefined,
    }))
  },
  loadServerTime: (rest) => rest.get('/time', (body) => ({ kind: 'ok', data: Number(body) })),
} satisfies ExchangeDefinition)

interface AcmeRequest {
  readonly op: 'sub' | 'unsub' | 'login'
  readonly id: string
  readonly topics: readonly string[]
}

/** Acme's server on scripted sockets: accepts, acknowledges, rejects; answers in a later microtask, never inside our call. */
export class AcmeServer {
  /** Topics that are refused: one request at a time, named in the error or not. */
  readonly rejected = new Set<string>()
  /** Topics that are never acknowledged. */
  readonly silent = new Set<string>()
  namesCulprit = true
  answersPing = true
  readonly requests: { at: number; op: string; topics: readonly string[]; socket: ScriptedSocket }[] = []
  readonly subscribed = new Map<ScriptedSocket, Set<string>>()
  /** Answers in place of the server's own when it returns true. */
  intercept: ((socket: ScriptedSocket, request: AcmeRequest) => boolean) | undefined
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  readonly accept = (socket: ScriptedSocket): void => {
    this.attach(socket)
    socket.open()
  }

  attach(socket: ScriptedSocket): void {
    this.subscribed.set(socket, new Set())
    socket.onSend = (text) => queueMicrotask(() => this.#answer(socket, text))
  }

  say(socket: ScriptedSocket, message: AcmeMessage): void {
    socket.text(JSON.stringify(message))
  }

  /** Publishes on every open socket that subscribes. Returns on how many. */
  publish(topic: string, more: AcmeMessage = {}): number {
    const holders = this.holders(topic)
    for (const socket of holders) this.say(socket, { topic, ...more })
    return holders.length
  }

  holders(topic: string): ScriptedSocket[] {
    return [...this.subscribed]
      .filter(([socket, topics]) => socket.state === 'open' && topics.has(topic))
      .map(([socket]) => socket)
  }

  #answer(socket: ScriptedSocket, text: string): void {
    if (text === 'ping') {
      if (this.answersPing) socket.text('pong')
      return
    }
    const request = JSON.parse(text) as AcmeRequest
    const { op, id, topics } = request
    this.requests.push({ at: this.#now(), op, topics, socket })
    if (this.intercept?.(socket, request) === true) return
    if (op === 'login') {
      this.say(socket, { loggedIn: true })
      return
    }
    const subscribed = this.subscribed.get(socket)!
    if (op === 'unsub') {
      for (const topic of topics) {
        subscribed.delete(topic)
        this.say(socket, { unack: topic, id })
      }
      return
    }
    const bad = topics.find((topic) => this.rejected.has(topic))
    if (bad !== undefined) {
      // As OKX does: one bad topic spoils the request.
      this.say(socket, { err: '60018', id, ...(this.namesCulprit ? { about: bad } : {}) })
      if (!this.namesCulprit) return
    }
    for (const topic of topics) {
      if (this.silent.has(topic) || topic === bad) continue
      subscribed.add(topic)
      this.say(socket, { ack: topic, id })
    }
  }
}
