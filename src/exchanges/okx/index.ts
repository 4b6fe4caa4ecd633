import { defineExchange } from '../../core/exchange-definition.ts'
import { OKX_TIMEFRAMES } from './candles.ts'
import { loadBook } from './book-snapshot.ts'
import { DEFAULT_PING_INTERVAL_MS, DEFAULT_SUBSCRIPTIONS_PER_SOCKET, okxCredentials, okxCustomParams } from './custom-params.ts'
import { createDecoder } from './decode.ts'
import { loadInstruments, loadServerTime } from './instruments.ts'
import { loginRequest } from './login.ts'
import { nativeSymbolOf, symbolOf } from './symbols.ts'
import { requestText, topicsFor } from './topics.ts'
import { tradeHistory } from './trade-history.ts'

const HOUR_MS = 3_600_000

/** The busiest markets, for when the live list cannot be had. */
const FALLBACK_PAIRS: readonly string[] = [
  ...['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'XRP-USDT', 'DOGE-USDT', 'ADA-USDT', 'LTC-USDT', 'LINK-USDT', 'BTC-USDC', 'ETH-USDC'],
  ...['BTC-USDT-PERP', 'ETH-USDT-PERP', 'SOL-USDT-PERP', 'XRP-USDT-PERP', 'DOGE-USDT-PERP', 'BTC-USD-PERP', 'ETH-USD-PERP'],
]

/**
 * OKX v5: spot, perpetual swaps, dated futures.
 * Source: OKX v5 docs, "Overview" (hosts, connection and request limits), "WebSocket" (ping, login), read 2026-09.
 */
export const okx = defineExchange({
  id: 'okx',
  name: 'OKX',
  endpoints: {
    public: 'wss://ws.okx.com/ws/v5/public',
    business: 'wss://ws.okx.com/ws/v5/business',
    private: 'wss://ws.okx.com/ws/v5/private',
    rest: 'https://openapi.okx.com',
  },
  privateEndpoints: ['private'],
  limits: {
    dialsPerSecond: 3,
    requests: { count: 480, perMs: HOUR_MS },
    requestBytes: 65_536,
    subscriptionsPerConnection: DEFAULT_SUBSCRIPTIONS_PER_SOCKET,
  },
  // OKX itself closes after 30 s of silence. Half-open connections are to be replaced within 15, so we ask far earlier.
  keepalive: { ping: 'ping', periodMs: DEFAULT_PING_INTERVAL_MS },
  dataTypes: ['ticker', 'trade', 'orderbook', 'candle', 'balance'],
  orderBookDepths: [1, 5, 50, 400, 'full'],
  timeframes: OKX_TIMEFRAMES,
  customParams: okxCustomParams,
  credentials: okxCredentials,

  restLimits: {
    '/api/v5/market/history-trades': { count: 20, perMs: 2_000 },
    '/api/v5/market/trades': { count: 100, perMs: 2_000 },
    '/api/v5/market/books': { count: 40, perMs: 2_000 },
    '/api/v5/public/instruments': { count: 20, perMs: 2_000 },
  },
  trades: tradeHistory,
  loadBook,

  topics: topicsFor,
  subscribe: (topics, requestId) => requestText('subscribe', topics, requestId),
  unsubscribe: (topics, requestId) => requestText('unsubscribe', topics, requestId),
  login: loginRequest,
  createDecoder,

  nativeSymbolOf,
  symbolOf,
  fallbackPairs: FALLBACK_PAIRS,
  loadInstruments,
  loadServerTime,
})
