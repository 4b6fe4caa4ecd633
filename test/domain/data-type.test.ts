import { expect, test } from 'vitest'
import { DATA_TYPES, DataType } from '../../src/domain/data-type.ts'

test('names and values are those of the seed', () => {
  expect(DataType).toEqual({ Ticker: 'ticker', Trade: 'trade', OrderBook: 'orderbook', Candle: 'candle', Balance: 'balance' })
  expect(DATA_TYPES).toEqual(['ticker', 'trade', 'orderbook', 'candle', 'balance'])
})
