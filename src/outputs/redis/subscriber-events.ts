import type { Gap } from '../../domain/gap.ts'
import type { MarketDataPoint } from '../../domain/market-data.ts'
import type { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { SessionEnd } from '../sequence-watch.ts'

/** Where a message comes from. */
export interface MessageMeta {
  /** For example `okx:BTC-USDT:trade`. */
  readonly stream: string
  readonly session: string
  readonly sequence: number
  /** Of the entry, with the source `stream`: where another subscriber can `start` behind it. */
  readonly id: string | undefined
}

/** Messages that were published and did not come. One of them that comes after all is dropped: its place has passed. */
export interface MessageLoss {
  readonly stream: string
  readonly session: string
  /** Both are missing, and all between them. */
  readonly fromSequence: number
  readonly toSequence: number
  readonly missing: number
  /** When it was noticed, epoch milliseconds. */
  readonly at: number
}

/**
 * The first message of a publisher's run. What lies between two runs cannot be proved: nobody knows how many messages the earlier one
 * still had when it ended. When `firstSequence` is not 1, the messages before it were published before we listened, or were lost.
 */
export interface SessionChange {
  readonly stream: string
  readonly session: string
  readonly firstSequence: number
  /** The last message of the run that spoke before, which may go on when several publish to one stream; undefined for the first. */
  readonly previous: SessionEnd | undefined
  /** Epoch milliseconds. */
  readonly at: number
}

/**
 * - `idle`: not started
 * - `connecting`: on the way to listening, for the first time or again
 * - `listening`: messages come
 * - `away`: Redis cannot be reached, or refuses; it is tried again
 * - `closed`: at the end
 */
export type SubscriberStatus = 'idle' | 'connecting' | 'listening' | 'away' | 'closed'

export type RedisSubscriberEvents = {
  point: (point: MarketDataPoint, meta: MessageMeta) => void
  gap: (gap: Gap, meta: MessageMeta) => void
  /** Comes before the message by which it was noticed, like `session`. */
  loss: (loss: MessageLoss) => void
  session: (change: SessionChange) => void
  status: (status: SubscriberStatus) => void
  /** `OUTPUT_FAILED` once per outage, `FRAME_INVALID` for a message that cannot be read, `CALLBACK_FAILED` for a listener. */
  error: (error: TapekeeperError) => void
}

/** Messages since the start. */
export interface SubscriberStatistics {
  /** Handed out. */
  readonly received: number
  /** Known to be missing. */
  readonly lost: number
  /** Came again, or too late, and were dropped. */
  readonly duplicates: number
  /** Could not be read. */
  readonly damaged: number
  /** Connections lost. */
  readonly reconnects: number
}
