import type { DataType } from '../../domain/data-type.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Gap } from '../../domain/gap.ts'
import type { LostTrades } from './delivery.ts'

/** What one stream's consumer missed; everybody else got it. */
export function consumerGap(exchange: string, { first, last, fills }: LostTrades, at: number): Gap {
  const firstId = Number(first.data.id) - (first.data.count ?? 1) + 1
  return {
    exchange,
    symbol: first.symbol,
    stream: `a consumer of ${first.symbol} trades`,
    fromId: Number.isSafeInteger(firstId) ? String(firstId) : first.data.id,
    toId: last.data.id,
    fromTime: first.timestamp,
    toTime: last.timestamp,
    missing: fills,
    reason: 'consumer-too-slow',
    filled: false,
    trades: undefined,
    at,
  }
}

export function overflowError(dataType: DataType): TapekeeperError {
  return new TapekeeperError('STREAM_OVERFLOW', `a stream of ${dataType} points is full: its consumer is too slow`, { dataType })
}
