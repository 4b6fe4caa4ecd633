import { describe, expect, test } from 'vitest'
import type { Topic, TopicRequest } from '../../../src/core/exchange-definition.ts'
import { parseSymbol } from '../../../src/domain/instrument.ts'
import { CANDLE_TIMEFRAMES } from '../../../src/domain/timeframe.ts'
import { candleChannelOf, timeframeOfChannel } from '../../../src/exchanges/okx/candles.ts'
import { okx } from '../../../src/exchanges/okx/index.ts'

const request = (changes: Partial<TopicRequest>): TopicRequest => ({
  ...{ dataType: 'trade', nativeSymbol: 'BTC-USDT', orderBookDepth: 5, timeframes: [], customParams: {} },
  ...changes,
})
const topic = (endpoint: string, dataType: Topic['dataType'], channel: string): Topic => ({
  ...{ key: `${channel}:BTC-USDT`, endpoint, dataType, args: { channel, instId: 'BTC-USDT' } },
})

describe('topics', () => {
  test.each<[string, Partial<TopicRequest>, Topic[]]>([
    ['trades', {}, [topic('public', 'trade', 'trades')]],
    ['every fill', { customParams: { tradeChannel: 'trades-all' } }, [topic('business', 'trade', 'trades-all')]],
    ['ticker', { dataType: 'ticker' }, [topic('public', 'ticker', 'tickers')]],
    ['best bid and ask', { dataType: 'orderbook', orderBookDepth: 1 }, [topic('public', 'orderbook', 'bbo-tbt')]],
    ['five levels', { dataType: 'orderbook', orderBookDepth: 5 }, [topic('public', 'orderbook', 'books5')]],
    [
      'candles; 10s is not on offer',
      { dataType: 'candle', timeframes: ['1m', '10s', '4h', '1d'] },
      [
        topic('business', 'candle', 'candle1m'),
        topic('business', 'candle', 'candle4H'),
        topic('business', 'candle', 'candle1Dutc'),
      ],
    ],
    [
      'balances',
      { dataType: 'balance' },
      [{ key: 'account', endpoint: 'private', dataType: 'balance', args: { channel: 'account' } }],
    ],
  ])('%s', (_name, changes, topics) => {
    expect(okx.topics(request(changes))).toEqual(topics)
    for (const each of topics) expect(okx.endpoints).toHaveProperty(each.endpoint)
  })

  test('requests carry their id first', () => {
    const topics = [topic('public', 'orderbook', 'books5'), topic('public', 'trade', 'trades')]
    const args = '[{"channel":"books5","instId":"BTC-USDT"},{"channel":"trades","instId":"BTC-USDT"}]'
    expect(okx.subscribe(topics, 's17')).toBe(`{"id":"s17","op":"subscribe","args":${args}}`)
    expect(okx.unsubscribe(topics, 'u3')).toBe(`{"id":"u3","op":"unsubscribe","args":${args}}`)
  })
})

describe('candle channels', () => {
  test('every timeframe goes there and back', () => {
    for (const timeframe of okx.timeframes) {
      expect(CANDLE_TIMEFRAMES).toContain(timeframe)
      expect(timeframeOfChannel(candleChannelOf(timeframe)!)).toBe(timeframe)
    }
    expect(CANDLE_TIMEFRAMES.filter((each) => !okx.timeframes.includes(each))).toEqual(['5s', '10s', '15s', '30s'])
  })

  test.each(['candle6H', 'candle12H', 'candle1D', 'candle1W', 'candle1M', 'candle3M'])(
    '%s opens on UTC+8: not ours',
    (channel) => {
      expect(timeframeOfChannel(channel)).toBeUndefined()
    },
  )
})

describe('options', () => {
  test('defaults', () => {
    expect(okx.customParams.parse({})).toEqual({ tradeChannel: 'trades', pingIntervalMs: 5_000, maxSubscriptionsPerSocket: 240 })
  })

  test.each([
    { tradeChannel: 'all' },
    { pingIntervalMs: 999 },
    { pingIntervalMs: 25_001 },
    { pingIntervalMs: 1_500.5 },
    { maxSubscriptionsPerSocket: 0 },
    { tradeChanel: 'trades' },
  ])('refused: %j', (params) => {
    expect(okx.customParams.safeParse(params).success).toBe(false)
  })

  test.each([
    { apiKey: 'k', secret: 's' },
    { apiKey: '', secret: 's', passphrase: 'p' },
  ])('no credentials: %j', (credentials) => {
    expect(okx.credentials.safeParse(credentials).success).toBe(false)
  })
})

test('a half-open connection is replaced within two periods: 10 s', () => {
  expect(okx.keepalive).toEqual({ ping: 'ping', periodMs: 5_000 })
})

test('fallback pairs are symbols of ours that OKX has a name for', () => {
  for (const pair of okx.fallbackPairs) {
    expect(parseSymbol(pair)).toBeDefined()
    expect(okx.symbolOf(okx.nativeSymbolOf(pair) ?? '')).toBe(pair)
  }
})
