import type { DecimalString } from './decimal.ts'

export const MARKET_TYPES = ['spot', 'perpetual', 'future'] as const
export type MarketType = (typeof MARKET_TYPES)[number]

/** The record that ties our symbol to an exchange's own, with the steps in which it trades. */
export interface Instrument {
  readonly exchange: string
  /** Ours: `BTC-USDT`, `BTC-USDT-PERP`, `BTC-USDT-20261225`. */
  readonly symbol: string
  /** Theirs: `BTC-USDT`, `BTC-USDT-SWAP`, `BTC-USDT-261225`. */
  readonly nativeSymbol: string
  readonly marketType: MarketType
  readonly base: string
  readonly quote: string
  /** The currency profit and loss are paid in; undefined on spot. */
  readonly settle: string | undefined
  /** Smallest price step. */
  readonly tickSize: DecimalString | undefined
  /** Smallest size step, in `sizeUnit`. */
  readonly lotSize: DecimalString | undefined
  /** Smallest order, in `sizeUnit`. */
  readonly minSize: DecimalString | undefined
  /** What `Trade.size`, book sizes and volumes count. */
  readonly sizeUnit: 'base' | 'contract'
  /** Value of one contract in `contractAsset`; undefined on spot. */
  readonly contractSize: DecimalString | undefined
  readonly contractAsset: string | undefined
  readonly contractType: 'linear' | 'inverse' | undefined
  /** True while it trades normally; anything the exchange calls otherwise is not live. */
  readonly live: boolean
  /** The exchange's own word for its state. */
  readonly state: string
  /** Epoch milliseconds; undefined when the exchange does not say. */
  readonly listedAt: number | undefined
  /** Epoch milliseconds; undefined for what does not expire. */
  readonly expiresAt: number | undefined
}

const SYMBOL = /^([^\s-]+)-([^\s-]+)(?:-(PERP|\d{8}))?$/

export interface SymbolParts {
  readonly base: string
  readonly quote: string
  readonly marketType: MarketType
  /** `20261225` for dated futures. */
  readonly expiry: string | undefined
}

/** Takes one of our symbols apart; undefined when it is not written as `BASE-QUOTE`, `BASE-QUOTE-PERP` or `BASE-QUOTE-YYYYMMDD`. */
export function parseSymbol(symbol: string): SymbolParts | undefined {
  const match = SYMBOL.exec(symbol)
  if (match === null) return undefined
  const [, base, quote, suffix] = match
  if (base === undefined || quote === undefined) return undefined
  if (suffix === undefined) return { base, quote, marketType: 'spot', expiry: undefined }
  return suffix === 'PERP'
    ? { base, quote, marketType: 'perpetual', expiry: undefined }
    : { base, quote, marketType: 'future', expiry: suffix }
}
