/** The kinds of market data. A const object, so `DataType.Trade` and `'trade'` are the same thing. */
export const DataType = {
  Ticker: 'ticker',
  Trade: 'trade',
  OrderBook: 'orderbook',
  Candle: 'candle',
  Balance: 'balance',
} as const

export type DataType = (typeof DataType)[keyof typeof DataType]

/** Every data type, in the order of {@link DataType}. */
export const DATA_TYPES: readonly DataType[] = Object.values(DataType)
