import type { DataType } from '../../domain/data-type.ts'
import type { RawFrame } from '../../domain/raw-frame.ts'
import type { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { BookStateChange } from '../book/book-keeper.ts'
import type { Gap } from '../../domain/gap.ts'
import type { CandleMismatch } from './candle-check.ts'
import type { CollectorStatus } from './collector-state.ts'

/** The collector's status changed. Times are epoch milliseconds. */
export interface StatusChange {
  readonly from: CollectorStatus
  readonly to: CollectorStatus
  readonly at: number
  readonly reason: string | undefined
}

/**
 * - `pending`: asked for, or lost and to be asked for again; nothing is promised meanwhile
 * - `confirmed`: acknowledged by the exchange
 * - `rejected`: refused for good
 * - `ended`: given up because the collector stopped
 */
export type SubscriptionStatus = 'pending' | 'confirmed' | 'rejected' | 'ended'

export interface SubscriptionChange {
  readonly symbol: string
  readonly dataType: DataType
  /** The exchange's name of it, for example `trades:BTC-USDT`. */
  readonly topic: string
  readonly status: SubscriptionStatus
  readonly at: number
  readonly error: TapekeeperError | undefined
}

/** What made a collector restart. */
export const RESTART_TRIGGERS = ['no-heartbeat', 'stale-data', 'connection-failure', 'error-state', 'manual'] as const
export type RestartTrigger = (typeof RESTART_TRIGGERS)[number]

/** Why a collector is asked to restart. */
export interface RestartRequest {
  readonly trigger?: RestartTrigger | undefined
  readonly reason?: string | undefined
}

export interface RestartNotice {
  readonly trigger: RestartTrigger
  readonly reason: string
  /** Automatic restarts since the collector was last stable, this one included; 0 for a manual one. */
  readonly attempt: number
  readonly delayMs: number
  readonly at: number
}

const EVENTS: Readonly<Record<keyof CollectorEvents, true>> = {
  ...{ status: true, error: true, subscription: true, raw: true, restart: true, book: true, candleMismatch: true, gap: true },
}
export const COLLECTOR_EVENTS = Object.keys(EVENTS) as readonly (keyof CollectorEvents)[]

/** What `collector.on` offers. Listeners are fenced: one that throws stops neither the others nor the collector. */
export interface CollectorEvents {
  status: (change: StatusChange) => void
  error: (error: TapekeeperError) => void
  subscription: (change: SubscriptionChange) => void
  raw: (frame: RawFrame) => void
  restart: (notice: RestartNotice) => void
  /** The local book became valid, or stopped being so; around each resynchronisation. */
  book: (change: BookStateChange) => void
  /** With `candles.crossCheck`: a candle made of trades is not the exchange's own. */
  candleMismatch: (mismatch: CandleMismatch) => void
  /** Trades that could not be had, or that were found after all. */
  gap: (gap: Gap) => void
}
