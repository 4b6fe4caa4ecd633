import type { DataType } from '../../domain/data-type.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Gap, GapReason } from '../../domain/gap.ts'
import type { PointOf } from '../../domain/market-data.ts'
import type { LostTrades } from './delivery.ts'

/** What one stream's consumer missed; everybody else got it. */
export const consumerGap = (exchange: string, lost: LostTrades, at: number): Gap =>
  gapOf(exchange, lost, `a consumer of ${lost.first.symbol} trades`, 'consumer-too-slow', at)

/** What will not be in the repository, one gap for each run of neighbours. */
export function storageGaps(exchange: string, trades: readonly PointOf<'trade'>[], at: number): readonly Gap[] {
  return runsOf(trades).map((lost) => gapOf(exchange, lost, `the repository of ${lost.first.symbol} trades`, 'not-stored', at))
}

function gapOf(exchange: string, { first, last, fills }: LostTrades, stream: string, reason: GapReason, at: number): Gap {
  const firstId = firstIdOf(first)
  return {
    exchange,
    symbol: first.symbol,
    stream,
    fromId: Number.isSafeInteger(firstId) ? String(firstId) : first.data.id,
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

const firstIdOf = ({ data }: PointOf<'trade'>): number => Number(data.id) - (data.count ?? 1) + 1

/** Splits where the market changes or an id lies between. */
function runsOf(trades: readonly PointOf<'trade'>[]): readonly LostTrades[] {
  const runs: LostTrades[] = []
  for (const trade of trades) {
    const fills = trade.data.count ?? 1
    const run = runs.at(-1)
    const isNext = run?.last.symbol === trade.symbol && firstIdOf(trade) === Number(run.last.data.id) + 1
    if (run !== undefined && isNext) runs[runs.length - 1] = { first: run.first, last: trade, fills: run.fills + fills }
    else runs.push({ first: trade, last: trade, fills })
  }
  return runs
}

export function overflowError(dataType: DataType): TapekeeperError {
  return new TapekeeperError('STREAM_OVERFLOW', `a stream of ${dataType} points is full: its consumer is too slow`, { dataType })
}
