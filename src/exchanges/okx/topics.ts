import type { Topic, TopicRequest } from '../../core/exchange-definition.ts'
import type { DataType } from '../../domain/data-type.ts'
import { candleChannelOf } from './candles.ts'

/** A topic's name within OKX: `trades:BTC-USDT`, or the channel alone where it has no instrument. */
export function topicKeyOf(channel: string, nativeSymbol: string | undefined): string {
  return nativeSymbol === undefined ? channel : `${channel}:${nativeSymbol}`
}

/** The topics that serve one data type of one instrument. Timeframes OKX does not have are left out. */
export function topicsFor(request: TopicRequest): readonly Topic[] {
  const { dataType, nativeSymbol, orderBookDepth, timeframes, customParams } = request
  const topic = (endpoint: string, channel: string): Topic => instrumentTopic(dataType, endpoint, channel, nativeSymbol)
  switch (dataType) {
    case 'trade':
      return [customParams.tradeChannel === 'trades-all' ? topic('business', 'trades-all') : topic('public', 'trades')]
    case 'ticker':
      return [topic('public', 'tickers')]
    case 'orderbook':
      if (orderBookDepth === 1) return [topic('public', 'bbo-tbt')]
      if (orderBookDepth === 5) return [topic('public', 'books5')]
      return [{ ...topic('public', 'books'), isIncremental: true }]
    case 'candle':
      return timeframes.flatMap((timeframe) => {
        const channel = candleChannelOf(timeframe)
        return channel === undefined ? [] : [topic('business', channel)]
      })
    case 'balance':
      // No `updateInterval: "0"`: the regular pushes repair what a lost one would have told, and show that the feed lives.
      return [{ key: 'account', endpoint: 'private', dataType, args: { channel: 'account' } }]
  }
}

function instrumentTopic(dataType: DataType, endpoint: string, channel: string, nativeSymbol: string): Topic {
  return { key: topicKeyOf(channel, nativeSymbol), endpoint, dataType, args: { channel, instId: nativeSymbol } }
}

/** `op` is the exchange's word; `id` comes back in every acknowledgement and error (at most 32 letters and digits). */
export function requestText(op: 'subscribe' | 'unsubscribe', topics: readonly Topic[], requestId: string): string {
  return JSON.stringify({ id: requestId, op, args: topics.map((topic) => topic.args) })
}
