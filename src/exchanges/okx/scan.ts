import { isZero, type DecimalString } from '../../domain/decimal.ts'
import { MAX_FRAME_LENGTH, NO_ERRORS, type DataFrame } from '../../core/frame.ts'
import type { Level, MarketDataPoint, OrderBook, PointOf } from '../../domain/market-data.ts'
import { bookPoint } from './decode-book.ts'
import { tickerPoint } from './decode-ticker.ts'
import { tradePoint } from './decode-trade.ts'
import { TextCursor } from './text-cursor.ts'
import type { KnownTopic, TopicDirectory } from './topic-directory.ts'

/** Reads a frame straight from its text; undefined when it is not, to the byte, one of the shapes known here. */
export type FrameScanner = (text: string, receivedAt: number) => DataFrame | undefined

/** Between a frame's argument and its first row. */
const DATA = ',"data":[{'

/** Reads from behind the argument up to and without the end of the last row. */
type RowsScanner = (cursor: TextCursor, topic: KnownTopic, symbol: string, receivedAt: number) => readonly MarketDataPoint[]

/**
 * A short cut for the frames that make up nearly all traffic: trades, tickers and books, exactly as OKX writes them.
 * `JSON.parse` makes an object for each row and a string for each field only for us to throw most of them away; here each
 * wanted field is cut out of the text once. Whatever deviates (another key order, a blank, an escape, a bad value) is not
 * judged here but left to the ordinary way, so this file can make a frame faster but never different; the tests hold it to that.
 */
export function createScanner(directory: TopicDirectory): FrameScanner {
  const cursor = new TextCursor()

  function scanFrame(channel: string, receivedAt: number, scanRows: RowsScanner): DataFrame | undefined {
    const nativeSymbol = cursor.name()
    if (!cursor.ok) return undefined
    const topic = directory.find(channel, nativeSymbol)
    const symbol = topic === undefined ? undefined : directory.symbolOf(topic)
    if (topic === undefined || symbol === undefined) return undefined
    cursor.literal('}')
    const points = scanRows(cursor, topic, symbol, receivedAt)
    cursor.literal('}]}')
    return cursor.finished() ? { kind: 'data', topicKey: topic.key, points, errors: NO_ERRORS } : undefined
  }

  return (text, receivedAt) => {
    cursor.start(text)
    if (text.length > MAX_FRAME_LENGTH || !cursor.optional('{"arg":{"channel":"')) return undefined
    if (cursor.optional('trades","instId":"')) return scanFrame('trades', receivedAt, scanTrades)
    if (cursor.optional('books","instId":"')) return scanFrame('books', receivedAt, scanChangingBook)
    if (cursor.optional('books5","instId":"')) return scanFrame('books5', receivedAt, scanBook)
    if (cursor.optional('bbo-tbt","instId":"')) return scanFrame('bbo-tbt', receivedAt, scanBook)
    if (cursor.optional('tickers","instId":"')) return scanFrame('tickers', receivedAt, scanTicker)
    if (cursor.optional('trades-all","instId":"')) return scanFrame('trades-all', receivedAt, scanTrades)
    return undefined
  }
}

function scanTrades(cursor: TextCursor, topic: KnownTopic, symbol: string, receivedAt: number): PointOf<'trade'>[] {
  const points: PointOf<'trade'>[] = []
  cursor.literal(DATA)
  do {
    cursor.literal('"instId":"')
    cursor.literal(topic.nativeSymbol)
    cursor.literal('","tradeId":"')
    const id = cursor.digits()
    cursor.literal(',"px":"')
    const price = cursor.decimal()
    cursor.literal(',"sz":"')
    const size = cursor.decimal()
    const isBuy = cursor.optional(',"side":"buy"')
    if (!isBuy) cursor.literal(',"side":"sell"')
    cursor.literal(',"ts":"')
    const timestamp = cursor.time()
    const count = cursor.optional(',"count":"') ? cursor.count() : undefined
    if (cursor.optional(',"source":"')) cursor.skipDigits()
    if (cursor.optional(',"seqId":')) cursor.integer()
    points.push(tradePoint(symbol, timestamp, receivedAt, id, price, size, isBuy ? 'buy' : 'sell', count))
  } while (cursor.ok && cursor.optional('},{'))
  return points
}

/** `bbo-tbt` and `books5` send the whole each time. */
const scanBook: RowsScanner = (cursor, topic, symbol, receivedAt) => bookRow(cursor, topic, symbol, receivedAt, 'snapshot')

/** `books` says of each frame what it is. */
const scanChangingBook: RowsScanner = (cursor, topic, symbol, receivedAt) => {
  const isUpdate = cursor.optional(',"action":"update"')
  if (!isUpdate) cursor.literal(',"action":"snapshot"')
  return bookRow(cursor, topic, symbol, receivedAt, isUpdate ? 'update' : 'snapshot')
}

function bookRow(
  cursor: TextCursor,
  topic: KnownTopic,
  symbol: string,
  receivedAt: number,
  kind: OrderBook['kind'],
): readonly MarketDataPoint[] {
  cursor.literal(DATA)
  cursor.literal('"asks":[')
  const asks = kind === 'update' ? scanChanges(cursor) : scanSide(cursor, 1)
  cursor.literal(',"bids":[')
  const bids = kind === 'update' ? scanChanges(cursor) : scanSide(cursor, -1)
  if (cursor.optional(',"instId":"')) {
    cursor.literal(topic.nativeSymbol)
    cursor.literal('"')
  }
  cursor.literal(',"ts":"')
  const timestamp = cursor.time()
  let sequence: number | undefined
  let previousSequence: number | undefined
  // OKX has written these in more than one order. Of a field written twice the later one counts, as for JSON.parse.
  for (;;) {
    if (cursor.optional(',"seqId":')) sequence = cursor.integer()
    else if (cursor.optional(',"prevSeqId":')) previousSequence = cursor.optional('-1') ? undefined : cursor.integer()
    else if (cursor.optional(',"checksum":')) skipChecksum(cursor)
    else break
  }
  const previous = kind === 'update' ? previousSequence : undefined
  return [bookPoint(symbol, timestamp, receivedAt, kind, bids, asks, sequence, previous)]
}

function skipChecksum(cursor: TextCursor): void {
  cursor.optional('-')
  cursor.integer()
}

function scanChanges(cursor: TextCursor): readonly Level[] {
  const levels: Level[] = []
  if (cursor.optional(']')) return levels
  do {
    cursor.literal('["')
    const price = cursor.decimal()
    const size = sizeAfter(cursor)
    if (isZero(price) && !isZero(size)) cursor.ok = false
    levels.push([price, size])
  } while (cursor.optional(','))
  cursor.literal(']')
  return levels
}

/** A side of a snapshot, provided that it is in order: prices away from 0, ever worse (`direction` 1 for rising ones), and no empty level. */
function scanSide(cursor: TextCursor, direction: 1 | -1): readonly Level[] {
  const levels: Level[] = []
  if (cursor.optional(']')) return levels
  let before = -Infinity
  do {
    cursor.literal('["')
    const price = cursor.price()
    const key = direction * cursor.value
    const size = sizeAfter(cursor)
    if (key <= before || key === 0 || isZero(size)) cursor.ok = false
    before = key
    levels.push([price, size])
  } while (cursor.optional(','))
  cursor.literal(']')
  return levels
}

/** The rest of a level: its size, and two fields that nobody reads. */
function sizeAfter(cursor: TextCursor): DecimalString {
  cursor.literal(',"')
  const size = cursor.decimal()
  cursor.literal(',"')
  cursor.skipDigits()
  cursor.literal(',"')
  cursor.skipDigits()
  cursor.literal(']')
  return size
}

function scanTicker(cursor: TextCursor, topic: KnownTopic, symbol: string, receivedAt: number): PointOf<'ticker'>[] {
  cursor.literal(DATA)
  cursor.literal('"instType":"')
  const isSpot = cursor.name() === 'SPOT'
  cursor.literal(',"instId":"')
  cursor.literal(topic.nativeSymbol)
  const last = figureAfter(cursor, '","last":"')
  figureAfter(cursor, ',"lastSz":"')
  const ask = figureAfter(cursor, ',"askPx":"')
  const askSize = figureAfter(cursor, ',"askSz":"')
  const bid = figureAfter(cursor, ',"bidPx":"')
  const bidSize = figureAfter(cursor, ',"bidSz":"')
  const open = figureAfter(cursor, ',"open24h":"')
  const high = figureAfter(cursor, ',"high24h":"')
  const low = figureAfter(cursor, ',"low24h":"')
  let volume: DecimalString | undefined
  let currencyVolume: DecimalString | undefined
  // OKX has written these in more than one order. Of a field written twice the later one counts, as for JSON.parse.
  for (;;) {
    if (cursor.optional(',"vol24h":"')) volume = cursor.decimalOrBlank()
    else if (cursor.optional(',"volCcy24h":"')) currencyVolume = cursor.decimalOrBlank()
    else if (cursor.optional(',"sodUtc0":"') || cursor.optional(',"sodUtc8":"')) cursor.decimalOrBlank()
    else break
  }
  cursor.literal(',"ts":"')
  const timestamp = cursor.time()
  const quoteVolume = isSpot ? currencyVolume : undefined
  return [tickerPoint(symbol, timestamp, receivedAt, last, bid, bidSize, ask, askSize, open, high, low, volume, quoteVolume)]
}

function figureAfter(cursor: TextCursor, start: string): DecimalString | undefined {
  cursor.literal(start)
  return cursor.decimalOrBlank()
}
