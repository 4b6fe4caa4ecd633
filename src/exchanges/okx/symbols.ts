import { parseSymbol } from '../../domain/instrument.ts'

const NAME = String.raw`[\p{L}\p{N}_]+`
const DAY = String.raw`\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])`
const NATIVE = new RegExp(`^(${NAME})-(${NAME})(?:-(SWAP|${DAY}))?$`, 'u')
const EXPIRY = new RegExp(`^20(${DAY})$`)
const WORD = new RegExp(`^${NAME}$`, 'u')
/** An X-Perp (`BTC-USD_UM_XPERP-310404`) never ends for its holder, yet its id carries the date of the next roll. */
const X_PERP = new RegExp(`^(${NAME})-(${NAME}_XPERP)-(${DAY})$`, 'u')
const X_PERP_QUOTE = new RegExp(`^(.+_XPERP)_(${DAY})$`, 'u')

/**
 * Our symbol for one of OKX's, by its naming convention; undefined for what we have no symbol for (options, spreads).
 * `BTC-USDT`, `BTC-USDT-SWAP` -> `BTC-USDT-PERP`, `BTC-USD-261225` -> `BTC-USD-20261225`,
 * `BTC-USD_UM_XPERP-310404` -> `BTC-USD_UM_XPERP_310404-PERP` (the date keeps two rolls of a family apart).
 */
export function symbolOf(nativeSymbol: string): string | undefined {
  if (X_PERP.test(nativeSymbol)) return xPerpSymbolOf(nativeSymbol)
  const match = NATIVE.exec(nativeSymbol)
  if (match === null) return undefined
  const [, base, quote, suffix] = match
  const pair = `${base ?? ''}-${quote ?? ''}`
  if (suffix === undefined) return pair
  return suffix === 'SWAP' ? `${pair}-PERP` : `${pair}-20${suffix}`
}

/** The other way round; undefined when OKX has no name for it. `symbolOf` takes every answer back to the same symbol. */
export function nativeSymbolOf(symbol: string): string | undefined {
  const parts = parseSymbol(symbol)
  if (parts === undefined || !WORD.test(parts.base) || !WORD.test(parts.quote)) return undefined
  const pair = `${parts.base}-${parts.quote}`
  if (parts.marketType === 'spot') return pair
  if (parts.marketType === 'perpetual') {
    const [, quote, expiry] = X_PERP_QUOTE.exec(parts.quote) ?? []
    return quote === undefined || expiry === undefined ? `${pair}-SWAP` : `${parts.base}-${quote}-${expiry}`
  }
  const expiry = EXPIRY.exec(parts.expiry ?? '')?.[1]
  return expiry === undefined || parts.quote.endsWith('_XPERP') ? undefined : `${pair}-${expiry}`
}

/** True when the id itself says that this is an X-Perp. */
export function isXPerp(nativeSymbol: string): boolean {
  return X_PERP.test(nativeSymbol)
}

/**
 * The symbol of an X-Perp, whatever its id looks like: unique because all of the id stays in it.
 * Undefined when the id has no two parts.
 */
export function xPerpSymbolOf(nativeSymbol: string): string | undefined {
  const [base, ...rest] = nativeSymbol.split('-')
  const quote = rest.join('_')
  return base !== undefined && WORD.test(base) && WORD.test(quote) ? `${base}-${quote}-PERP` : undefined
}
