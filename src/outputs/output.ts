import type { DataType } from '../domain/data-type.ts'
import type { Gap } from '../domain/gap.ts'
import type { MarketDataPoint } from '../domain/market-data.ts'

/** What an output publishes. A gap belongs to the stream of the trades it is about, in its place in the order. */
export type OutputPayload =
  { readonly type: 'point'; readonly point: MarketDataPoint } | { readonly type: 'gap'; readonly gap: Gap }

/**
 * One message on its way to a bus. `sequence` counts 1, 2, 3 … within one stream of one session, also over what had to be dropped
 * on the way: that is how a subscriber knows what it missed.
 */
export interface OutputMessage {
  /** For example `okx:BTC-USDT:trade` or `okx:BTC-USDT:candle:1m`. */
  readonly stream: string
  /** One run of one publisher; later sessions sort behind earlier ones. */
  readonly session: string
  readonly sequence: number
  readonly payload: OutputPayload
}

/** A message that has not arrived, although others of the same call have. */
export interface PublishFailure {
  readonly message: OutputMessage
  /** Why, in the words of the other side. `ROW_REJECTED`: it can never be published, and is left out. */
  readonly error: Error
}

/** Those that have not arrived; nothing: all have. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- an async function that returns nothing is a publish, too
export type PublishAnswer = readonly PublishFailure[] | undefined | void

/** A push destination. It need not queue, retry or number: that is done around it. */
export interface Output {
  /** For logs and errors, for example `redis`. */
  readonly name: string
  /** Only these are numbered and published; gaps belong to trades. Default: everything. */
  readonly dataTypes?: readonly DataType[] | undefined
  /**
   * Publishes in order. A rejection means that some or all may not have arrived; the same objects are given again later, so that
   * those that had arrived come twice, with the same numbers. A `TapekeeperError` with the code `ROW_REJECTED` means that one of them can never be published:
   * it is found and left out, the others are given again.
   *
   * An output that knows which have arrived resolves with those that have not. Their streams then wait, each with a back-off and a bound of
   * its own, while the others go on; a message that arrived is not given again.
   */
  publish(messages: readonly OutputMessage[]): Promise<PublishAnswer>
  /**
   * Of an output with several ways, one of which is closed to these messages, because earlier ones of their streams wait for it: tells them
   * on the others. Each is given here once, and later to `publish`, which must not tell it again.
   */
  tell?(messages: readonly OutputMessage[]): Promise<PublishAnswer>
  /** Lets go of what it opened itself. Idempotent. */
  close(): Promise<void>
}
