import type { GapReason } from './gap.ts'
import { idsOf, type IdRange, type TradePoint } from './continuity.ts'

/** One page of single fills, ids below `beforeId`, newest first. Empty: there are none. Rejects when it cannot be had. */
export type PageBefore = (beforeId: string, signal: AbortSignal) => Promise<readonly TradePoint[]>

export interface Filling {
  /** Found fills, ascending, each id once. */
  readonly found: readonly TradePoint[]
  /** Why something is missing, when something is. */
  readonly reason: GapReason
  /** REST knows a fill behind the hole: what it does not have before that, it will not have later either. */
  readonly isCaughtUp: boolean
}

/**
 * Reads what a hole lacks: pages from its upper end down until its lower end is reached. Trusts nothing: rows outside the hole,
 * rows that are not older than what was asked for, and pages without progress do not count. Asks for the fill behind the hole as
 * well, to tell a REST that lags from one that has nothing.
 */
export async function fillHole(hole: IdRange, pageBefore: PageBefore, oldest: number, signal: AbortSignal): Promise<Filling> {
  const found = new Map<number, TradePoint>()
  let before = hole.last + 2
  let isCaughtUp = false
  let reason: GapReason = 'rest-short'
  while (before > hole.first) {
    let page: readonly TradePoint[]
    try {
      page = await pageBefore(String(before), signal)
    } catch (error) {
      if (signal.aborted) throw error
      reason = 'rest-failed'
      break
    }
    const rows = page.flatMap((point) => {
      const ids = idsOf(point)
      return ids === undefined || ids.last >= before ? [] : [{ id: ids.last, point }]
    })
    if (rows.length === 0) {
      if (page.length > 0) reason = 'rest-wrong'
      break
    }
    for (const { id, point } of rows) {
      if (id > hole.last) isCaughtUp = true
      else if (id >= hole.first) found.set(id, point)
    }
    before = Math.min(...rows.map(({ id }) => id))
    if (rows.some(({ point }) => point.timestamp < oldest)) {
      reason = 'too-old'
      break
    }
  }
  const ascending = [...found].sort(([a], [b]) => a - b).map(([, point]) => point)
  return { found: ascending.filter((point) => reason !== 'too-old' || point.timestamp >= oldest), reason, isCaughtUp }
}

/** The parts of a hole that the found fills leave open. */
export function missingIn(hole: IdRange, found: readonly TradePoint[]): IdRange[] {
  const missing: IdRange[] = []
  let expected = hole.first
  for (const point of found) {
    const ids = idsOf(point)
    if (ids === undefined || ids.last < expected) continue
    if (ids.first > expected) missing.push({ first: expected, last: ids.first - 1 })
    expected = ids.last + 1
  }
  if (expected <= hole.last) missing.push({ first: expected, last: hole.last })
  return missing
}

/**
 * The first id of a hole that is not older than `oldest`, found by halving: ids grow with time. The hole's end when all are older;
 * its beginning when REST cannot tell.
 */
export async function firstNotOlder(hole: IdRange, oldest: number, pageBefore: PageBefore, signal: AbortSignal): Promise<number> {
  let [low, high] = [hole.first, hole.last + 1]
  try {
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const page = await pageBefore(String(middle + 1), signal)
      const newest = Math.max(-Infinity, ...page.map(({ timestamp }) => timestamp))
      if (newest < oldest) low = middle + 1
      else high = middle
    }
    return low
  } catch (error) {
    if (signal.aborted) throw error
    return hole.first
  }
}
