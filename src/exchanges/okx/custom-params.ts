import { z } from 'zod'

export const DEFAULT_PING_INTERVAL_MS = 5_000
export const DEFAULT_SUBSCRIPTIONS_PER_SOCKET = 240

/** What `customParams` may hold for OKX. */
export const okxCustomParams = z.strictObject({
  /**
   * Where trades come from. `trades`: one row per taker order, price and source (`count` says how many fills), pushed at once.
   * `trades-all`: one row per fill, the same rows REST returns; served by the business endpoint.
   */
  tradeChannel: z.enum(['trades', 'trades-all']).default('trades'),
  /**
   * A connection that stays silent, in spite of the `ping` sent meanwhile, is replaced within twice this time.
   * OKX itself closes after 30 s of silence. Milliseconds.
   */
  pingIntervalMs: z.number().int().min(1_000).max(25_000).default(DEFAULT_PING_INTERVAL_MS),
  /** How many topics may share one connection; what does not fit gets another. */
  maxSubscriptionsPerSocket: z.number().int().min(1).default(DEFAULT_SUBSCRIPTIONS_PER_SOCKET),
})

/** What users write. */
export type OkxCustomParams = z.input<typeof okxCustomParams>

/** OKX keys come with a passphrase; without one no login can succeed. */
export const okxCredentials = z.strictObject({
  apiKey: z.string().min(1),
  secret: z.string().min(1),
  passphrase: z.string().min(1),
})
