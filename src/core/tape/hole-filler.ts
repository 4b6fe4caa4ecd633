import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { GapReason } from '../../domain/gap.ts'
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
  /** When the request that failed was sent, elapsed time, where one failed and that is known. */
  readonly failedSince: number | undefined
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
  let failedSince: number | undefined
  while (before > hole.first) {
    let page: readonly TradePoint[]
    try {
      page = await pageBefore(String(before), signal)
    } catch (error) {
      if (signal.aborted) throw error
      reason = 'rest-failed'
      failedSince = sentAt(error)
      break
    }
    const rows = page.flatMap((point) => {
      const ids = idsOf(point)
      return ids === undefined || ids.last >= before ? [] : [{ id: ids.last, point }]
    })
    if (rows.length === 0) {
      if (page.length > 0) reason = 'rest-wrong'
      // Nothing older, it says: that shows the end of what it has to tell now, and not that the hole is empty.
      isCaughtUp = false
      break
    }
    for (const { id, point } of rows) {
      if (id > hole.last) isCaughtUp = true
      else if (id >= hole.first) found.set(id, point)
    }
    before = Math.min(...rows.map(({ id }) => id))
    // The trade before the hole may be a day old in a quiet market; that makes nothing in the hole old.
    if (rows.some(({ id, point }) => id >= hole.first && point.timestamp < oldest)) {
      reason = 'too-old'
      break
    }
  }
  const ascending = [...found].sort(([a], [b]) => a - b).map(([, point]) => point)
  return {
    found: ascending.filter((point) => reason !== 'too-old' || point.timestamp >= oldest),
    reason,
    isCaughtUp,
    failedSince,
  }
}

/** As the errors of our REST client tell. */
function sentAt(error: unknown): number | undefined {
  const at = TapekeeperError.is(error) ? error.context['sentAt'] : undefined
  return typeof at === 'number' ? at : undefined
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
 * undefined when REST cannot tell.
 */
export async function firstNotOlder(
  hole: IdRange,
  oldest: number,
  pageBefore: PageBefore,
  signal: AbortSignal,
): Promise<number | undefined> {
  let [low, high] = [hole.first, hole.last + 1]
  const rest = { knowsAny: false }
  const newestBefore = async (id: number): Promise<number> => {
    const page = (await pageBefore(String(id), signal)).filter((point) => (idsOf(point)?.last ?? id) < id)
    rest.knowsAny ||= page.length > 0
    return Math.max(-Infinity, ...page.map(({ timestamp }) => timestamp))
  }
  try {
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((await newestBefore(middle + 1)) < oldest) low = middle + 1
      else high = middle
    }
    // An empty page looks like a page of old trades. A lie on the way shows in the end.
    if (low > hole.first && ((await newestBefore(low)) >= oldest || !rest.knowsAny)) return undefined
    return low
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
}
