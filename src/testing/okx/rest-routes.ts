import { bucketingOf } from './candles.ts'
import { candleRow, fillRow, snapshotRow, tickerRow } from './frames.ts'
import type { FakeInstrument, InstrumentList } from './instruments.ts'
import type { Market } from './market.ts'

/** OKX's envelope and the HTTP status it travels with. */
export interface RestAnswer {
  readonly status: number
  readonly code: string
  readonly msg: string
  readonly data: readonly unknown[]
}

export interface RestWorld {
  readonly instruments: InstrumentList
  now(): number
  market(instrument: FakeInstrument): Market
}

interface Route {
  /** Requests per two seconds. */
  readonly limit: number
  /** Parameters with budgets of their own. */
  readonly limitBy?: string
  readonly answer: (query: URLSearchParams, world: RestWorld) => RestAnswer
}

const ok = (data: readonly unknown[]): RestAnswer => ({ status: 200, code: '0', msg: '', data })
const bad = (status: number, code: string, msg: string): RestAnswer => ({ status, code, msg, data: [] })
const missing = (name: string): RestAnswer => bad(400, '50014', `Parameter ${name} can not be empty.`)
const wrong = (name: string): RestAnswer => bad(400, '51000', `Parameter ${name} error`)

export const NOT_FOUND: RestAnswer = bad(404, '404', 'Not Found')
export const TOO_MANY: RestAnswer = bad(429, '50011', 'Too Many Requests')

const INST_TYPES = new Set(['SPOT', 'MARGIN', 'SWAP', 'FUTURES', 'OPTION', 'EVENTS'])

/** Runs with the market that `instId` names. */
function ofMarket(answer: (market: Market, query: URLSearchParams, world: RestWorld) => RestAnswer): Route['answer'] {
  return (query, world) => {
    const instId = query.get('instId')
    if (instId === null || instId === '') return missing('instId')
    const instrument = world.instruments.byNative(instId)
    if (instrument === undefined) return bad(200, '51001', "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
    return answer(world.market(instrument), query, world)
  }
}

/** A whole number from the query; the fallback when it is absent, undefined when it is nonsense. */
function whole(query: URLSearchParams, name: string, fallback: number): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return fallback
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined
}

function limitOf(query: URLSearchParams, fallback: number, most: number): number | undefined {
  const limit = whole(query, 'limit', fallback)
  return limit === undefined || limit < 1 ? undefined : Math.min(limit, most)
}

const listInstruments: Route['answer'] = (query, { instruments }) => {
  const instType = query.get('instType')
  if (instType === null || instType === '') return missing('instType')
  if (!INST_TYPES.has(instType)) return wrong('instType')
  const matches = (name: 'instId' | 'instFamily' | 'uly', native: FakeInstrument['native']): boolean => {
    const wanted = query.get(name)
    return wanted === null || wanted === '' || native[name] === wanted
  }
  const rows = instruments.all.map(({ native }) => native).filter((native) => native.instType === instType)
  return ok(rows.filter((row) => matches('instId', row) && matches('instFamily', row) && matches('uly', row)))
}

const recentTrades = ofMarket((market, query) => {
  const limit = limitOf(query, 100, 500)
  if (limit === undefined) return wrong('limit')
  return ok(market.tape.before(Infinity, limit).map((fill) => fillRow(market, fill)))
})

/**
 * `after` means older, `before` means newer. `before` alone gives the latest page, not the one next to it, and works with ids only.
 * type 1 pages by trade id, type 2 by time.
 */
const historyTrades = ofMarket((market, query) => {
  const type = query.get('type') ?? '1'
  const after = whole(query, 'after', Infinity)
  const before = whole(query, 'before', -Infinity)
  const limit = limitOf(query, 100, 100)
  if (type !== '1' && type !== '2') return wrong('type')
  if (after === undefined) return wrong('after')
  if (before === undefined) return wrong('before')
  if (limit === undefined) return wrong('limit')
  if (type === '1') {
    const page = market.tape.before(after, limit).filter((fill) => fill.id > before)
    return ok(page.map((fill) => fillRow(market, fill)))
  }
  const firstNotOlder = market.tape.all.findLast((fill) => fill.timestamp < after)
  return ok(
    firstNotOlder === undefined ? [] : market.tape.before(firstNotOlder.id + 1, limit).map((fill) => fillRow(market, fill)),
  )
})

/** The young endpoint serves only the newest candles. */
const RECENT_CANDLES = 1_440

const candles = (most: number | undefined): Route['answer'] =>
  ofMarket((market, query, world) => {
    const bar = query.get('bar') ?? '1m'
    const after = whole(query, 'after', Infinity)
    const before = whole(query, 'before', -Infinity)
    const limit = limitOf(query, 100, 300)
    const buckets = bucketingOf(bar)
    if (buckets === undefined) return wrong('bar')
    if (after === undefined) return wrong('after')
    if (before === undefined) return wrong('before')
    if (limit === undefined) return wrong('limit')
    const now = world.now()
    const floor =
      most === undefined
        ? -Infinity
        : (market.candles.list(bar, now, { olderThan: Infinity, newerThan: -Infinity, limit: most }).at(-1)?.openTime ?? 0) - 1
    const bars = market.candles.list(bar, now, { olderThan: after, newerThan: Math.max(before, floor), limit })
    return ok(bars.map((candle) => candleRow(market, candle, buckets(candle.openTime)[1] <= now)))
  })

const book = (most: number, sequenced: boolean): Route['answer'] =>
  ofMarket((market, query) => {
    const depth = whole(query, 'sz', 1)
    if (depth === undefined || depth < 1) return wrong('sz')
    if (sequenced) return ok([snapshotRow(market, Math.min(depth, most), false)])
    const { asks, bids, ts } = snapshotRow(market, Math.min(depth, most), false) as Record<'asks' | 'bids', string[][]> & {
      ts: string
    }
    const short = (levels: string[][]): string[][] =>
      levels.map(([price = '', size = '', , orders = '']) => [price, size, orders])
    return ok([{ asks: short(asks), bids: short(bids), ts }])
  })

const tickers: Route['answer'] = (query, world) => {
  const instType = query.get('instType')
  if (instType === null || instType === '') return missing('instType')
  if (!INST_TYPES.has(instType)) return wrong('instType')
  const rows = world.instruments.all.filter(({ native }) => native.instType === instType && native.state === 'live')
  return ok(rows.map((instrument) => tickerRow(world.market(instrument), world.now())))
}

/** What the fake answers, with OKX's documented limits. */
export const ROUTES: Readonly<Record<string, Route>> = {
  '/api/v5/public/time': { limit: 10, answer: (_query, world) => ok([{ ts: String(world.now()) }]) },
  '/api/v5/public/instruments': { limit: 20, limitBy: 'instType', answer: listInstruments },
  '/api/v5/system/status': { limit: 10, answer: () => ok([]) },
  '/api/v5/market/trades': { limit: 100, answer: recentTrades },
  '/api/v5/market/history-trades': { limit: 20, answer: historyTrades },
  '/api/v5/market/candles': { limit: 40, answer: candles(RECENT_CANDLES) },
  '/api/v5/market/history-candles': { limit: 20, answer: candles(undefined) },
  '/api/v5/market/books': { limit: 40, answer: book(400, true) },
  '/api/v5/market/books-full': { limit: 10, answer: book(5_000, false) },
  '/api/v5/market/ticker': { limit: 20, answer: ofMarket((market, _query, world) => ok([tickerRow(market, world.now())])) },
  '/api/v5/market/tickers': { limit: 20, answer: tickers },
}
