/**
 * Every error code, and what the library does when it happens. One row, one consequence:
 *
 * - `throw`: a caller's mistake; thrown where it was made, nothing was started
 * - `reject-subscription`: that subscription of that collector ends; everything else goes on
 * - `stop-login`: the subscriptions that need these credentials end; no further login is tried
 * - `reconnect`: the link is replaced after a back-off, its subscriptions are made again
 * - `back-off`: the request is repeated later
 * - `drop-frame`: the frame (or the bad row of it) is left out and counted
 * - `drop-points`: a consumer that is too slow loses points, counted
 * - `hold-rows`: rows wait, in memory or in the spool, and are written again later
 * - `drop-row`: one row is left out, reported and counted; the others are stored
 * - `drop-rows`: the oldest waiting rows are left out, reported and counted
 * - `restart`: the collector is restarted, if it may
 * - `report`: nothing follows but the report
 */
export const CONSEQUENCE = {
  CONFIG_INVALID: 'throw',
  EXCHANGE_UNKNOWN: 'throw',
  OHLCV_INVALID: 'throw',
  ABORTED: 'throw',
  SYMBOL_UNKNOWN: 'reject-subscription',
  SUBSCRIPTION_REJECTED: 'reject-subscription',
  AUTH_FAILED: 'stop-login',
  START_TIMEOUT: 'report',
  SOCKET_LOST: 'reconnect',
  SOCKET_REFUSED: 'reconnect',
  RATE_LIMITED: 'back-off',
  EXCHANGE_BUSY: 'back-off',
  REST_FAILED: 'back-off',
  FRAME_INVALID: 'drop-frame',
  CALLBACK_FAILED: 'report',
  STREAM_OVERFLOW: 'drop-points',
  COLLECTOR_FAILED: 'restart',
  CURSOR_FAILED: 'report',
  DATABASE_FAILED: 'hold-rows',
  SPOOL_FAILED: 'hold-rows',
  ROW_REJECTED: 'drop-row',
  STORAGE_OVERFLOW: 'drop-rows',
  OUTPUT_FAILED: 'back-off',
  OUTPUT_OVERFLOW: 'drop-points',
} as const

export type ErrorCode = keyof typeof CONSEQUENCE
export type Consequence = (typeof CONSEQUENCE)[ErrorCode]

const FINAL: readonly Consequence[] = ['throw', 'reject-subscription', 'stop-login']

/** To try again cannot help: somebody has to change something first. */
export const isFinal = (consequence: Consequence): boolean => FINAL.includes(consequence)
