import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A trade by hand, so long after the market began. */
export interface Order {
  readonly atMs: number
  readonly price: string
  readonly size: string
  readonly side: 'buy' | 'sell'
  readonly count: number
}

type Plain = Readonly<Record<string, unknown>>
type MarketRow = Plain & { readonly exchange: string; readonly symbol: string }

interface PlainPoint extends MarketRow {
  readonly dataType: string
  /** Of a trade its id, of a candle the others. */
  readonly data: Plain & { readonly id?: string; readonly timeframe?: string; readonly openTime?: number }
}

/** What `scripts/write-fixtures.ts` says it has written, as plain data: decimals are text, and what is undefined is left out. */
export interface Expected {
  readonly version: string
  /** What was traded, and is to be traded again for a collector that goes on. */
  readonly orders: readonly Order[]
  /** The one that was lost while REST was away. */
  readonly lostOrder: number
  /** So long after the market began the collector was stopped; the orders go on. */
  readonly stoppedAtMs: number
  /** Of the databases. */
  readonly trades: readonly MarketRow[]
  readonly candles: readonly (MarketRow & { readonly timeframe: string })[]
  readonly frames: readonly MarketRow[]
  readonly cursors: readonly { readonly stream: string; readonly cursor: Plain }[]
  /** What the collector delivered while it was recorded and published. */
  readonly points: readonly PlainPoint[]
  /** On the bus, of all streams. */
  readonly messages: number
  /** What waits in the spool. */
  readonly spool: readonly { readonly kind: string; readonly row: Plain }[]
}

const root = new URL('../fixtures/', import.meta.url)

/** The versions that have left something. */
export const versions: readonly string[] = readdirSync(root).filter((name) => /^\d+\.\d+\.\d+$/.test(name))

export const fixture = (version: string, name: string): string => fileURLToPath(new URL(`${version}/${name}`, root))

export const expectedOf = (version: string): Expected =>
  JSON.parse(readFileSync(fixture(version, 'expected.json'), 'utf8')) as Expected

/** Rows of any version as they stand in `expected.json`. */
export function plain(value: unknown): unknown {
  const text = JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    const given = this[key]
    // A Decimal of any build; its own JSON has exponents.
    return typeof given === 'object' && given !== null && 'toFixed' in given ? (given as { toFixed(): string }).toFixed() : shown
  })
  return JSON.parse(text)
}
