import type { Gap } from '../../domain/gap.ts'
import { gapKey } from '../../domain/stored-gaps.ts'
import { idValue } from '../../domain/trade-id.ts'
import { keepsGaps, type CursorStore, type TapeCursor } from '../../ports/cursor-store.ts'

/**
 * Several stores of the same cursors as one. The oldest cursor counts: what one of them has already comes again and does no harm,
 * what one of them lacks would never come. So it is with gaps: open is what is open in one of them; and where one keeps none, all of
 * them count as keeping none, so that its cursor does not run ahead.
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
    ...(stores.every(keepsGaps) && {
      saveGaps: (gaps: readonly Gap[]) => Promise.all(stores.map((store) => store.saveGaps(gaps))),
      openGaps: async (stream: string) => union(await Promise.all(stores.map((store) => store.openGaps(stream)))),
    }),
  }
}

const union = (lists: readonly (readonly Gap[])[]): readonly Gap[] => [
  ...new Map(lists.flat().map((gap) => [gapKey(gap), gap])).values(),
]

/** A store without a cursor has never had a part of this stream, and claims nothing. */
function older(one: TapeCursor | undefined, other: TapeCursor | undefined): TapeCursor | undefined {
  if (one === undefined || other === undefined) return one ?? other
  const [mine, theirs] = [idValue(one.id), idValue(other.id)]
  // Ids that cannot be counted with say nothing of what came first.
  const isOlder = mine === undefined || theirs === undefined ? other.timestamp < one.timestamp : theirs < mine
  return isOlder ? other : one
}
