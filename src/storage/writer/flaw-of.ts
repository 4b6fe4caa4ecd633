import { Decimal } from '../../domain/decimal.ts'
import type { PointOf } from '../../domain/market-data.ts'
import type { StorageRecord } from '../storage-record.ts'

type Fields = Readonly<Record<string, unknown>>
type Check = (row: Fields) => string | undefined

const texts =
  (...names: readonly string[]): Check =>
  (row) => {
    const name = names.find((each) => typeof row[each] !== 'string')
    return name === undefined ? undefined : `${name} is no text`
  }

const time =
  (name: string): Check =>
  (row) =>
    Number.isFinite(row[name]) ? undefined : `${name} is no time`

const decimals =
  (needed: readonly string[], optional: readonly string[]): Check =>
  (row) => {
    const isWrong = (name: string): boolean => !Decimal.isDecimal(row[name])
    const name = needed.find(isWrong) ?? optional.find((each) => row[each] !== undefined && isWrong(each))
    return name === undefined ? undefined : `${name} is no Decimal`
  }

const inData =
  (check: Check): Check =>
  (row) =>
    check(row['data'] as Fields)

const CHECKS: Readonly<Record<StorageRecord['kind'], readonly Check[]>> = {
  trade: [texts('exchange', 'symbol'), time('timestamp'), inData(texts('id', 'price', 'size'))],
  candle: [
    texts('exchange', 'symbol', 'timeframe'),
    time('openTime'),
    decimals(['open', 'high', 'low', 'close', 'volume'], ['quoteVolume', 'takerBuyVolume']),
  ],
  frame: [texts('exchange', 'symbol', 'topic', 'text'), time('receivedAt')],
  cursor: [],
  gap: [texts('stream', 'exchange', 'symbol', 'reason'), time('at')],
}

const isSound = ({ exchange, symbol, timestamp, data }: PointOf<'trade'>): boolean =>
  typeof exchange === 'string' &&
  typeof symbol === 'string' &&
  Number.isFinite(timestamp) &&
  typeof data.id === 'string' &&
  typeof data.price === 'string' &&
  typeof data.size === 'string'

/**
 * Why something is no row at all; undefined for a row. Collectors of a user's own may deliver anything, and a repository that has
 * taken in a key that is none may stumble over it with every row behind.
 */
export function flawOf({ kind, row }: StorageRecord): string | undefined {
  try {
    // Nearly always: every trade comes this way.
    if (kind === 'trade' && isSound(row)) return undefined
    for (const check of CHECKS[kind]) {
      const flaw = check(row as unknown as Fields)
      if (flaw !== undefined) return flaw
    }
    return undefined
  } catch {
    return 'it cannot be read'
  }
}
