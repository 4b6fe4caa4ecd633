import type { Gap } from '../domain/gap.ts'
import type { OhlcvData, PointOf } from '../domain/market-data.ts'
import type { TapeCursor } from '../ports/cursor-store.ts'
import type { StoredFrame } from './repository.ts'

export interface StreamCursor {
  readonly stream: string
  readonly cursor: TapeCursor
}

/** What is on its way into a repository. */
export type StorageRecord =
  | { readonly kind: 'trade'; readonly row: PointOf<'trade'> }
  | { readonly kind: 'candle'; readonly row: OhlcvData }
  | { readonly kind: 'frame'; readonly row: StoredFrame }
  | { readonly kind: 'cursor'; readonly row: StreamCursor }
  | { readonly kind: 'gap'; readonly row: Gap }

export type RecordKind = StorageRecord['kind']

/** First those that say how far the others go. */
export const RECORD_KINDS = ['gap', 'cursor', 'trade', 'candle', 'frame'] as const satisfies readonly RecordKind[]

/**
 * What came before a record of this kind and has to be in safety before it may be. A cursor never passes a gap that is not stored, nor the
 * trades up to it: after a restart they are not read again, and the candles made of them are not made again. It is the same with a gap
 * that counts as filled. A frame cannot be had again either way.
 */
export const WAITS_FOR: Readonly<Record<RecordKind, readonly RecordKind[]>> = {
  gap: ['trade', 'candle'],
  cursor: ['trade', 'candle', 'gap'],
  trade: [],
  candle: [],
  frame: [],
}
