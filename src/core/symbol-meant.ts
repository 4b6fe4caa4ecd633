import { didYouMean, nearestTo } from '../errors/config-problems.ts'
import type { ExchangeDefinition } from './exchange-definition.ts'

type Naming = Pick<ExchangeDefinition, 'nativeSymbolOf' | 'symbolOf' | 'fallbackPairs'>

/** Other markets' words for ours. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ['XBT', 'BTC'],
  ['SWAP', 'PERP'],
  ['PERPETUAL', 'PERP'],
])
const PERPETUAL_AT_END = /(?:SWAP|PERP|PERPETUAL)$/
/** How ccxt writes derivatives: `BTC/USDT:USDT`, `BTC/USD:BTC-261225`. */
const SETTLED = /^([^:]+\/[^:]+):[^:-]+(?:-(\d{6}))?$/
const SHORT_DAY = /^\d{6}$/

/**
 * The symbol that was most likely meant by one that the exchange does not have: its own name (`BTC-USDT-SWAP`), another spelling
 * (`BTC/USDT`, `btc_usdt`, `BTCUSDT`, `XBT-USDT`), or a slip of the pen. Undefined when nothing is near.
 */
export function meantBy(symbol: string, naming: Naming, listed: readonly string[]): string | undefined {
  const candidates = [...listed, ...naming.fallbackPairs]
  const known = new Set(candidates)
  const spellings = [naming.symbolOf(symbol.toUpperCase()), ourSpellingOf(symbol, candidates)]
  const possible = spellings.filter(
    (spelling): spelling is string =>
      spelling !== undefined && spelling !== symbol && naming.nativeSymbolOf(spelling) !== undefined,
  )
  // One that cannot be a symbol has not been looked for, so neither has its right spelling.
  const isForeign = naming.nativeSymbolOf(symbol) === undefined
  return (
    possible.find((spelling) => known.has(spelling)) ?? (isForeign ? possible[0] : undefined) ?? nearestTo(symbol, candidates)
  )
}

/** What to say of a text that cannot be a symbol, whatever the exchange lists. */
export function noSymbol(
  symbol: string,
  naming: Naming,
  listed: readonly string[] = [],
): { readonly message: string; readonly nearest: string | undefined } {
  const nearest = meantBy(symbol, naming, listed)
  const help = 'write BASE-QUOTE, BASE-QUOTE-PERP or BASE-QUOTE-YYYYMMDD'
  return { message: `"${symbol}" is not a symbol${didYouMean(nearest)}: ${help}`, nearest }
}

/** The same words, written our way. */
function ourSpellingOf(symbol: string, candidates: readonly string[]): string | undefined {
  const upper = symbol.toUpperCase()
  const [, pair, day = 'PERP'] = SETTLED.exec(upper) ?? []
  const words = (pair === undefined ? upper : `${pair}-${day}`).split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  const isJoined = words.length === 1 || (words.length === 2 && PERPETUAL_AT_END.test(words[1] ?? ''))
  const parts = isJoined ? takenApart(words.join(''), candidates) : words
  return parts?.map((part, at) => (at === 2 && SHORT_DAY.test(part) ? `20${part}` : (OTHER_WORDS.get(part) ?? part))).join('-')
}

/** `BTCUSDT`, `BTCUSDTSWAP`: by the longest quote currency that is known. */
function takenApart(word: string, candidates: readonly string[]): readonly string[] | undefined {
  const pair = word.replace(PERPETUAL_AT_END, '')
  const quotes = new Set(candidates.map((candidate) => candidate.split('-')[1] ?? ''))
  const quote = [...quotes]
    .filter((each) => each !== '' && pair.length > each.length && pair.endsWith(each))
    .sort((a, b) => b.length - a.length)[0]
  if (quote === undefined) return undefined
  return [pair.slice(0, -quote.length), quote, ...(pair === word ? [] : ['PERP'])]
}
