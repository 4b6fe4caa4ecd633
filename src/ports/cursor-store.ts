import { GapBook } from '../domain/gap-book.ts'
import type { Gap } from '../domain/gap.ts'

/** How far a trade stream has been delivered. */
export interface TapeCursor {
  /** Id of the last trade delivered without a hole before it, or declared as a gap. */
  readonly id: string
  /** Its exchange time, epoch milliseconds. */
  readonly timestamp: number
  /** What else belongs to this moment, as text: the candles that were open. A store keeps it as it is. */
  readonly state?: string | undefined
}

/**
 * Keeps cursors across restarts of the process, so that a restart is a hole to fill like any other.
 * `stream` is a key such as `okx trades:BTC-USDT`.
 *
 * @example
 * ```ts
 * import { createOkxCollector, type CursorStore, type TapeCursor } from 'tapekeeper'
 * const kept = new Map<string, TapeCursor>()
 * const cursorStore: CursorStore = {
 *   load: async (stream) => kept.get(stream),
 *   save: async (stream, cursor) => void kept.set(stream, cursor),
 * }
 * const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], tape: { cursorStore } })
 * ```
 */
export interface CursorStore {
  load(stream: string): Promise<TapeCursor | undefined>
  /** Called at most once a second and stream, and at the end. */
  save(stream: string, cursor: TapeCursor): Promise<void>
  /**
   * Left out together with `openGaps`: the cursor then stays before the first gap that is still looked for, and a restart reads
   * everything behind it again. With both it goes on, and whoever comes next takes up the gaps.
   *
   * Keeps gaps by `gap.stream` and `gapKey(gap)`, by the rules of `decideGap`: one with `filled: true` is closed for good. Resolves when
   * they are in safety; no cursor behind a gap is saved before that.
   */
  saveGaps?(gaps: readonly Gap[]): Promise<unknown>
  /** Those of a stream that were not filled. */
  openGaps?(stream: string): Promise<readonly Gap[]>
}

export const keepsGaps = (store: CursorStore): store is Required<CursorStore> =>
  store.saveGaps !== undefined && store.openGaps !== undefined

const MOST_GAPS = 10_000

/** Keeps cursors and gaps as long as the process lives: for collectors that are stopped and made anew. 10,000 gaps at most. */
export function createMemoryCursorStore(): Required<CursorStore> {
  const cursors = new Map<string, TapeCursor>()
  const gapBook = new GapBook(MOST_GAPS)
  return {
    saveGaps(gaps) {
      for (const gap of gaps) gapBook.save(gap)
      return Promise.resolve()
    },
    openGaps: (stream) => Promise.resolve(gapBook.open(stream)),
    load: (stream) => Promise.resolve(cursors.get(stream)),
    save(stream, cursor) {
      cursors.set(stream, cursor)
      return Promise.resolve()
    },
  }
}
