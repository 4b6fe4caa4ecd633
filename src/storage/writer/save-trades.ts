import type { PointOf } from '../../domain/market-data.ts'
import { idsOfRow, type IdRange } from '../../domain/trade-id.ts'
import type { RawTradeRepository, WriteResult } from '../repository.ts'

type TradePoint = PointOf<'trade'>

/** A merged row and the fills in it have about the same time. */
const MARGIN_MS = 1_000
const NOTHING: WriteResult = { inserted: 0, kept: 0, overwritten: 0 }

/**
 * Saves trades of which some may be there in another shape: a row that merges several fills has the id of the last one, and when its
 * fills are read again over REST, after a crash or for a gap, they come one by one. What is part of a stored row is there already.
 */
export async function saveTrades(repository: RawTradeRepository, trades: readonly TradePoint[]): Promise<WriteResult> {
  const fresh = trades.some(({ data }) => data.backfilled) ? await withoutStored(repository, trades) : trades
  const result = fresh.length > 0 ? await repository.saveTrades(fresh) : NOTHING
  return { ...result, kept: result.kept + trades.length - fresh.length }
}

async function withoutStored(repository: RawTradeRepository, trades: readonly TradePoint[]): Promise<readonly TradePoint[]> {
  const stored = new Map<string, IdRange[]>()
  for (const some of byMarket(trades.filter(({ data }) => data.backfilled)).values())
    stored.set(marketOf(some), await mergedRows(repository, some))
  return trades.filter((trade) => {
    const rows = stored.get(marketOf([trade])) ?? []
    if (trade.data.backfilled && rows.some((row) => isPart(trade, row))) return false
    // Those in the same batch count, too, for what comes behind them.
    rows.push(...mergedRow(trade))
    return true
  })
}

async function mergedRows(repository: RawTradeRepository, trades: readonly [TradePoint, ...TradePoint[]]): Promise<IdRange[]> {
  const [{ exchange, symbol }] = trades
  let [from, to] = [Infinity, -Infinity]
  for (const { timestamp } of trades) {
    from = Math.min(from, timestamp)
    to = Math.max(to, timestamp)
  }
  const rows: IdRange[] = []
  for await (const trade of repository.trades({ exchange, symbol, from: from - MARGIN_MS, to: to + MARGIN_MS }))
    rows.push(...mergedRow(trade))
  return rows
}

function mergedRow({ data: { id, count = 1 } }: TradePoint): readonly IdRange[] {
  const ids = count > 1 ? idsOfRow(id, count) : undefined
  return ids === undefined ? [] : [ids]
}

/** The last fill of a row has its id: that is for the repository to see. */
function isPart({ data: { id, count = 1 } }: TradePoint, { first, last }: IdRange): boolean {
  const own = idsOfRow(id, count)
  return own !== undefined && own.last < last && own.first >= first
}

/** The names may hold any character, so that none can stand between them. */
const marketOf = ([{ exchange, symbol }]: readonly [TradePoint, ...TradePoint[]]): string => JSON.stringify([exchange, symbol])

function byMarket(trades: readonly TradePoint[]): ReadonlyMap<string, readonly [TradePoint, ...TradePoint[]]> {
  const groups = new Map<string, [TradePoint, ...TradePoint[]]>()
  for (const trade of trades) {
    const key = marketOf([trade])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [trade])
    else group.push(trade)
  }
  return groups
}
