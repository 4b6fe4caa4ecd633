import type { Gap } from './gap.ts'
import { compareTradeIds } from './trade-id.ts'

/** What a store does with a gap. */
export type GapDecision = 'insert' | 'keep' | 'overwrite'

/**
 * What makes a gap the same gap, within its stream: its ids; where ids prove nothing its times. As text, for a key of a database.
 *
 * @example
 * ```ts
 * import { gapKey, type Gap } from 'tapekeeper'
 * declare const gap: Gap
 * gapKey({ ...gap, fromId: '104', toId: '105' }) // '["104","105"]'
 * gapKey({ ...gap, fromId: undefined, toId: undefined, fromTime: 1_000, toTime: 2_000 }) // '[1000,2000]'
 * ```
 */
export function gapKey({ fromId, toId, fromTime, toTime }: Pick<Gap, 'fromId' | 'toId' | 'fromTime' | 'toTime'>): string {
  const hasIds = fromId !== undefined || toId !== undefined
  return JSON.stringify(hasIds ? [fromId ?? null, toId ?? null] : [fromTime ?? null, toTime ?? null])
}

/**
 * The rules for a gap whose place is taken: one that was filled stays so, whatever comes late; an open one is closed by a filled one;
 * else the stored one stays.
 *
 * @example
 * ```ts
 * import { decideGap, type Gap } from 'tapekeeper'
 * declare const gap: Gap
 * decideGap(undefined, gap) // 'insert'
 * decideGap({ filled: false }, { ...gap, filled: true }) // 'overwrite'
 * decideGap({ filled: true }, { ...gap, filled: false }) // 'keep'
 * ```
 */
export function decideGap(stored: Pick<Gap, 'filled'> | undefined, gap: Pick<Gap, 'filled'>): GapDecision {
  if (stored === undefined) return 'insert'
  return gap.filled && !stored.filled ? 'overwrite' : 'keep'
}

const timeOf = ({ fromTime, toTime, at }: Gap): number => fromTime ?? toTime ?? at

/** Oldest first: by the exchange time before it (else after it, else that of the announcement), then by id, then by key. For `Array.sort`. */
export function compareGaps(a: Gap, b: Gap): number {
  const byPlace = timeOf(a) - timeOf(b) || compareTradeIds(a.fromId ?? '', b.fromId ?? '')
  if (byPlace !== 0) return byPlace
  const [one, other] = [gapKey(a), gapKey(b)]
  return one < other ? -1 : one > other ? 1 : 0
}

/** As a store keeps it: what was found is stored among the trades. */
export const withoutTrades = (gap: Gap): Gap => (gap.trades === undefined ? gap : { ...gap, trades: undefined })
