import type { SymbolLookup } from '../../core/exchange-definition.ts'
import { NO_ERRORS, type DataFrame, type Frame, type FrameDecoder } from '../../core/frame.ts'
import type { MarketDataPoint } from '../../domain/market-data.ts'
import { candleChannelOf, OKX_TIMEFRAMES, timeframeOfChannel } from './candles.ts'
import { decodeControl } from './control.ts'
import { decodeBalance } from './decode-balance.ts'
import { decodeBook } from './decode-book.ts'
import { decodeCandle } from './decode-candle.ts'
import { decodeTicker } from './decode-ticker.ts'
import { decodeTrade } from './decode-trade.ts'
import { fault, isBlank, isRecord } from './fields.ts'
import { invalidFrame, RowFaults } from './invalid.ts'
import { createScanner } from './scan.ts'
import { routeFrame, type WireFrame } from './route.ts'
import { TopicDirectory, type KnownTopic } from './topic-directory.ts'

export const CHANNELS: readonly string[] = [
  ...['trades', 'trades-all', 'tickers', 'bbo-tbt', 'books5', 'books'],
  ...OKX_TIMEFRAMES.flatMap((timeframe) => candleChannelOf(timeframe) ?? []),
]
const ACCOUNT = 'account'
const PONG: Frame = Object.freeze({ kind: 'pong' })
const IGNORED: Frame = Object.freeze({ kind: 'ignored' })

/** A point, or what is wrong with the row. */
type RowDecoder = (row: unknown, topic: KnownTopic, symbol: string, receivedAt: number) => MarketDataPoint | string

/** Understands OKX's frames. Never throws: what cannot be used comes back as an error in the frame's place. */
export function createDecoder(symbols: SymbolLookup): FrameDecoder {
  const directory = new TopicDirectory(symbols, CHANNELS)
  const scan = createScanner(directory)
  const parse = createParser(directory)
  return (text, receivedAt) => (text === 'pong' ? PONG : (scan(text, receivedAt) ?? parse(text, receivedAt)))
}

/** The ordinary way, by `JSON.parse`: every kind of frame, and the verdict on every bad one. */
export function createParser(directory: TopicDirectory): FrameDecoder {
  return (text, receivedAt) => {
    const route = routeFrame(text)
    switch (route.kind) {
      case 'unreadable':
        return invalidFrame(route.reason, text)
      case 'control':
        return decodeControl(route.event, route.frame, text)
      case 'data':
        return decodeData(route.channel, route.instId, route.frame, text, receivedAt, directory)
    }
  }
}

function decodeData(
  channel: string,
  instId: unknown,
  frame: WireFrame,
  text: string,
  receivedAt: number,
  directory: TopicDirectory,
): Frame {
  const isAccount = channel === ACCOUNT
  if (!isAccount && !directory.has(channel)) return IGNORED
  const { data } = frame
  if (!Array.isArray(data)) return invalidFrame(fault('data', data, 'an array'), text, channel)
  const rows: readonly unknown[] = data
  if (isAccount) return decodeAccount(rows, text, receivedAt)
  const topic = typeof instId === 'string' ? directory.find(channel, instId) : undefined
  const symbol = topic === undefined ? undefined : directory.symbolOf(topic)
  if (topic === undefined || symbol === undefined) {
    return invalidFrame(fault('arg.instId', instId, 'an instrument we have a symbol for'), text, channel)
  }
  switch (channel) {
    case 'trades':
    case 'trades-all':
      return decodeRows(rows, topic, symbol, text, receivedAt, tradeRow)
    case 'tickers':
      return decodeRows(rows, topic, symbol, text, receivedAt, tickerRow)
    case 'bbo-tbt':
    case 'books5':
    case 'books':
      return decodeBooks(rows, frame.action, topic, symbol, text, receivedAt)
    default:
      return decodeRows(rows, topic, symbol, text, receivedAt, candleRow)
  }
}

/** Rows stand alone: a bad one is left out and reported, the others are delivered. */
function decodeRows(
  rows: readonly unknown[],
  topic: KnownTopic,
  symbol: string,
  text: string,
  receivedAt: number,
  decodeRow: RowDecoder,
): DataFrame {
  const points: MarketDataPoint[] = []
  const faults = new RowFaults(text, topic.channel, topic.nativeSymbol)
  for (const row of rows) {
    const result = decodeRow(row, topic, symbol, receivedAt)
    if (typeof result === 'string') faults.add(result)
    else points.push(result)
  }
  return { kind: 'data', topicKey: topic.key, points, errors: faults.errors }
}

/** A book with a part missing would be a wrong book, so the frame stands or falls as a whole. */
function decodeBooks(
  rows: readonly unknown[],
  action: unknown,
  topic: KnownTopic,
  symbol: string,
  text: string,
  receivedAt: number,
): Frame {
  // Only the incremental channel says what its frames are, and numbers them; the others are snapshots each time.
  const isChained = topic.channel === 'books'
  const kind = isBlank(action) && !isChained ? 'snapshot' : action
  const isKnownKind = kind === 'snapshot' || (kind === 'update' && isChained)
  if (!isKnownKind) return invalidFrame(fault('action', action, 'one of this channel'), text, topic.channel, topic.nativeSymbol)
  const points: MarketDataPoint[] = []
  for (const row of rows) {
    const result = notOf(row, topic) ?? decodeBook(row as WireFrame, kind, isChained, symbol, receivedAt)
    if (typeof result === 'string') return invalidFrame(result, text, topic.channel, topic.nativeSymbol)
    points.push(result)
  }
  return { kind: 'data', topicKey: topic.key, points, errors: NO_ERRORS }
}

const tradeRow: RowDecoder = (row, topic, symbol, receivedAt) =>
  notOf(row, topic) ?? decodeTrade(row as WireFrame, symbol, receivedAt)

const tickerRow: RowDecoder = (row, topic, symbol, receivedAt) =>
  notOf(row, topic) ?? decodeTicker(row as WireFrame, symbol, receivedAt)

const candleRow: RowDecoder = (row, topic, symbol, receivedAt) => {
  const timeframe = timeframeOfChannel(topic.channel)
  if (timeframe === undefined || !Array.isArray(row)) return fault('the row', row, 'an array')
  return decodeCandle(row, timeframe, symbol, receivedAt)
}

/** What is wrong when a row is no object, or belongs to another instrument than its frame. */
function notOf(row: unknown, topic: KnownTopic): string | undefined {
  if (!isRecord(row)) return fault('the row', row, 'an object')
  if (isBlank(row.instId) || row.instId === topic.nativeSymbol) return undefined
  return fault('instId', row.instId, `the ${topic.nativeSymbol} of the frame`)
}

/** An account comes in pages (`curPage`, `lastPage`); each is delivered as it comes, an asset being complete in itself. */
function decodeAccount(accounts: readonly unknown[], text: string, receivedAt: number): DataFrame {
  const points: MarketDataPoint[] = []
  const faults = new RowFaults(text, ACCOUNT)
  for (const account of accounts) {
    if (!isRecord(account)) {
      faults.add(fault('the row', account, 'an object'))
      continue
    }
    if (!Array.isArray(account.details)) {
      faults.add(fault('details', account.details, 'an array'))
      continue
    }
    const details: readonly unknown[] = account.details
    for (const row of details) {
      const result = isRecord(row) ? decodeBalance(row, account.uTime, receivedAt) : fault('the asset', row, 'an object')
      if (typeof result === 'string') faults.add(result)
      else points.push(result)
    }
  }
  return { kind: 'data', topicKey: ACCOUNT, points, errors: faults.errors }
}
