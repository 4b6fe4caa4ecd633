import type { CursorStore, TapeCursor } from '../../ports/cursor-store.ts'

/**
 * Several stores of the same cursors as one. The oldest cursor counts: what one of them has already comes again and does no harm,
 * what one of them lacks would never come.
 */
export function allCursors(stores: readonly CursorStore[]): CursorStore | undefined {
  const [first] = stores
  if (stores.length <= 1) return first
  return {
    async load(stream) {
      const loaded = await Promise.all(stores.map((store) => store.load(stream)))
      return loaded.reduce(older, undefined)
    },
    async save(stream, cursor) {
      await Promise.all(stores.map((store) => store.save(stream, cursor)))
    },
  }
}

/** A store without a cursor has never had a part of this stream, and claims nothing. */
function older(one: TapeCursor | undefined, other: TapeCursor | undefined): TapeCursor | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Number(other.id) < Number(one.id) ? other : one
}
