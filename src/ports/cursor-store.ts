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
}

/** Keeps cursors as long as the process lives: for collectors that are stopped and made anew. */
export function createMemoryCursorStore(): CursorStore {
  const cursors = new Map<string, TapeCursor>()
  return {
    load: (stream) => Promise.resolve(cursors.get(stream)),
    save(stream, cursor) {
      cursors.set(stream, cursor)
      return Promise.resolve()
    },
  }
}
