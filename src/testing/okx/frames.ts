import type { BookLevel } from './book-model.ts'
import type { Bar } from './candles.ts'
import type { BookStep, Market } from './market.ts'
import type { Fill, TradeRow } from './tape.ts'

/** How many levels per side each snapshot channel shows. */
export const SNAPSHOT_DEPTH: Readonly<Record<string, number>> = { 'bbo-tbt': 1, books5: 5 }

export function dataFrame(channel: string, instId: string, rows: readonly unknown[], action?: string): string {
  return JSON.stringify({ arg: { channel, instId }, ...(action === undefined ? {} : { action }), data: rows })
}

export function tradeRow({ instrument, contract }: Market, { fills, last }: TradeRow): object {
  return {
    instId: instrument.native.instId,
    tradeId: String(last.id),
    px: contract.price(last.price),
    sz: contract.size(fills.reduce((sum, fill) => sum + fill.size, 0)),
    side: last.side,
    ts: String(last.timestamp),
    count: String(fills.length),
    source: last.source,
    seqId: last.order,
  }
}

/** One fill, as `trades-all` and REST show it. */
export function fillRow({ instrument, contract }: Market, fill: Fill): object {
  return {
    instId: instrument.native.instId,
    tradeId: String(fill.id),
    px: contract.price(fill.price),
    sz: contract.size(fill.size),
    side: fill.side,
    source: fill.source,
    ts: String(fill.timestamp),
  }
}

/** What was never traded or quoted is an empty text, as OKX writes it. */
export function tickerRow(market: Market, now: number): object {
  const { instrument, contract, book, tape, candles } = market
  const last = tape.last
  const day = candles.lastDay(now)
  const volumes = day === undefined ? undefined : contract.volumes(day)
  const price = (ticks: number | undefined): string => (ticks === undefined ? '' : contract.price(ticks))
  const [bid] = book.bids
  const [ask] = book.asks
  return {
    instType: instrument.native.instType,
    instId: instrument.native.instId,
    last: price(last?.price),
    lastSz: last === undefined ? '' : contract.size(last.size),
    askPx: price(ask?.price),
    askSz: ask === undefined ? '' : contract.size(ask.size),
    bidPx: price(bid?.price),
    bidSz: bid === undefined ? '' : contract.size(bid.size),
    open24h: price(day?.open),
    high24h: price(day?.high),
    low24h: price(day?.low),
    volCcy24h: (instrument.native.instType === 'SPOT' ? volumes?.quote : volumes?.base) ?? '0',
    vol24h: volumes?.vol ?? '0',
    sodUtc0: price(day?.startOfDay),
    sodUtc8: price(day?.startOfHongKongDay),
    ts: String(now),
  }
}

/** A whole book. Only incremental channels know a `prevSeqId`. */
export function snapshotRow(market: Market, depth: number, incremental: boolean): object {
  return {
    asks: levels(market, market.book.asks, depth),
    bids: levels(market, market.book.bids, depth),
    ts: String(market.bookTimestamp),
    ...(incremental ? { prevSeqId: -1 } : {}),
    seqId: market.bookSequence,
  }
}

export function updateRow(market: Market, { changes, sequence, previousSequence }: BookStep): object {
  return {
    asks: levels(market, changes.asks, changes.asks.length),
    bids: levels(market, changes.bids, changes.bids.length),
    ts: String(market.bookTimestamp),
    prevSeqId: previousSequence,
    seqId: sequence,
  }
}

/** Sent when a book has not changed for a minute: the numbers stand still. */
export function keepaliveRow({ bookSequence }: Market, now: number): object {
  return { asks: [], bids: [], ts: String(now), prevSeqId: bookSequence, seqId: bookSequence }
}

export function candleRow({ instrument, contract }: Market, bar: Bar, confirmed: boolean): string[] {
  const { vol, base, quote } = contract.volumes(bar)
  return [
    String(bar.openTime),
    contract.price(bar.open),
    contract.price(bar.high),
    contract.price(bar.low),
    contract.price(bar.close),
    vol,
    instrument.native.instType === 'SPOT' ? quote : base,
    quote,
    confirmed ? '1' : '0',
  ]
}

function levels({ contract }: Market, side: readonly BookLevel[], depth: number): string[][] {
  // The third field is dead since 2020 and always "0".
  return side.slice(0, depth).map(({ price, size, orders }) => [contract.price(price), contract.size(size), '0', String(orders)])
}
