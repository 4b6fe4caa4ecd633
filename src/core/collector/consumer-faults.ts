import type { DataType } from '../../domain/data-type.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'
import type { PointOf } from '../../domain/market-data.ts'
import { idPlus, idsOfRow, idValue, type IdRange } from '../../domain/trade-id.ts'
import type { LostTrades } from './delivery.ts'

/** What one stream's consumer missed; everybody else got it. */
export const consumerGap = (exchange: string, lost: LostTrades, at: number): Gap =>
  gapOf(exchange, lost, `a consumer of ${lost.first.symbol} trades`, 'consumer-too-slow', at)

/** What will not be in the repository, one gap for each run of neighbours. */
export function storageGaps(exchange: string, trades: readonly PointOf<'trade'>[], at: number): readonly Gap[] {
  return runsOf(trades).map((lost) => gapOf(exchange, lost, `the repository of ${lost.first.symbol} trades`, 'not-stored', at))
}

function gapOf(exchange: string, { first, last, fills }: LostTrades, stream: string, reason: GapReason, at: number): Gap {
  return {
    exchange,
    symbol: first.symbol,
    stream,
    fromId: String(idsOf(first)?.first ?? first.data.id),
    toId: last.data.id,
    fromTime: first.timestamp,
    toTime: last.timestamp,
    missing: fills,
    reason,
    filled: false,
    trades: undefined,
    at,
  }
}

const idsOf = ({ data }: PointOf<'trade'>): IdRange | undefined => idsOfRow(data.id, data.count)

/** Splits where the market changes or an id lies between. */
function runsOf(trades: readonly PointOf<'trade'>[]): readonly LostTrades[] {
  const runs: LostTrades[] = []
  for (const trade of trades) {
    const fills = trade.data.count ?? 1
    const run = runs.at(-1)
    if (run !== undefined && isNext(run.last, trade))
      runs[runs.length - 1] = { first: run.first, last: trade, fills: run.fills + fills }
    else runs.push({ first: trade, last: trade, fills })
  }
  return runs
}

function isNext(before: PointOf<'trade'>, trade: PointOf<'trade'>): boolean {
  const [last, ids] = [idValue(before.data.id), idsOf(trade)]
  return before.symbol === trade.symbol && last !== undefined && ids?.first === idPlus(last, 1)
}

export function overflowError(dataType: DataType): TapekeeperError {
  return new TapekeeperError('STREAM_OVERFLOW', `a stream of ${dataType} points is full: its consumer is too slow`, { dataType })
}
