import type { MarketDataPoint } from '../domain/market-data.ts'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'

/**
 * What the core does about an exchange's refusal of a request.
 *
 * - `reject`: the named topics cannot be had; asking again would not help
 * - `retry`: the exchange's own trouble; ask again after a back-off
 * - `slow-down`: we asked too often; every request of this link waits
 * - `auth`: these credentials will never work; no further login is tried
 * - `clock`: the login's timestamp was off; take the exchange's time and log in again
 * - `login-needed`: log in, then ask again
 * - `ignore`: harmless
 */
export type Reaction = 'reject' | 'retry' | 'slow-down' | 'auth' | 'clock' | 'login-needed' | 'ignore'

/**
 * Market data for one topic. `errors` are the rows that were left out: no more than a handful of errors, the last of which may stand for
 * many rows (`occurrencesOf`).
 */
export interface DataFrame {
  readonly kind: 'data'
  readonly topicKey: string
  readonly points: readonly MarketDataPoint[]
  readonly errors: readonly TapekeeperError[]
}

export interface RejectedFrame {
  readonly kind: 'rejected'
  readonly reaction: Reaction
  /** The exchange's own code and words. */
  readonly nativeCode: string
  readonly message: string
  /**
   * The id that `subscribe`, `unsubscribe` got, where the exchange repeats it; then it decides whom the refusal is for, and one that is
   * not ours is for nobody.
   */
  readonly requestId: string | undefined
  /** Present when the exchange said which topic it means. Without a request, nothing else says whom the refusal is for. */
  readonly topicKey: string | undefined
}

/** One frame, understood. */
export type Frame =
  | DataFrame
  | { readonly kind: 'subscribed'; readonly topicKey: string; readonly requestId: string | undefined }
  | { readonly kind: 'unsubscribed'; readonly topicKey: string; readonly requestId: string | undefined }
  | RejectedFrame
  | { readonly kind: 'logged-in' }
  /** The server asks us to move to a new connection. In an answer to a request that is not ours it is not said to us. */
  | { readonly kind: 'move'; readonly nativeCode: string; readonly message: string; readonly requestId?: string | undefined }
  | { readonly kind: 'pong' }
  /** Informational, or a channel nobody here subscribed to. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'invalid'; readonly error: TapekeeperError }

/** Understands one frame's text. Pure but for lookups of symbols; never throws. */
export type FrameDecoder = (text: string, receivedAt: number) => Frame

/** Our decoders never throw; one registered from outside might, and then it costs the frame. */
export function fencedDecode(decode: FrameDecoder, text: string, receivedAt: number): Frame {
  try {
    return decode(text, receivedAt)
  } catch (error) {
    return {
      kind: 'invalid',
      error: new TapekeeperError('FRAME_INVALID', `the decoder failed: ${messageOf(error)}`, {}, { cause: error }),
    }
  }
}

/** Frames longer than this are damage, not data, and are not parsed. Characters. */
export const MAX_FRAME_LENGTH = 4 * 1024 * 1024

/** So many bad rows of a frame are told one by one; what is more is one error that counts them. */
export const MOST_ERRORS_PER_FRAME = 5

export const NO_ERRORS: readonly TapekeeperError[] = Object.freeze([])
