import type { Gap } from '../domain/gap.ts'
import type { OhlcvData, PointOf } from '../domain/market-data.ts'
import type { TapeCursor } from '../ports/cursor-store.ts'
import type { StoredFrame } from './repository.ts'

export interface StreamCursor {
  readonly stream: string
  readonly cursor: TapeCursor
}

/**
 * What is on its way into a repository, in one queue, so that a cursor never arrives before the trades and gaps it speaks of, and that a
 * gap was filled not before the trades that fill it.
 */
export type StorageRecord =
  | { readonly kind: 'trade'; readonly row: PointOf<'trade'> }
  | { readonly kind: 'candle'; readonly row: OhlcvData }
  | { readonly kind: 'frame'; readonly row: StoredFrame }
  | { readonly kind: 'cursor'; readonly row: StreamCursor }
  | { readonly kind: 'gap'; readonly row: Gap }
