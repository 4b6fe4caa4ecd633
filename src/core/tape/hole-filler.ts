import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { GapReason } from '../../domain/gap.ts'
import { countIds, idPlus, type IdRange, type IdValue } from '../../domain/trade-id.ts'
import { idsOf, type TradePoint } from './continuity.ts'
import { WITNESSES } from './witnesses.ts'

/** One page of single fills, ids below `beforeId`, newest first. Empty: there are none. Rejects when it cannot be had. */
export type PageBefore = (beforeId: string, signal: AbortSignal) => Promise<readonly TradePoint[]>

/** Fills read before they are released: bounds memory, and lets a long repair show progress. */
const CHUNK = 1_000
/** Holes with no more than this many fills between them are read together. */
const BRIDGE = 100

export interface Filling {
  /** Found fills, ascending, each id once. */
  readonly found: readonly TradePoint[]
  /** Why something is missing, when something is. */
  readonly reason: GapReason
  /** Up to here all is too old, and was left out. */
  readonly tooOldTo: IdValue | undefined
  /** REST knows a fill behind the hole: what it does not have before that, it will not have later either. */
  readonly isCaughtUp: boolean
  /** When the request that failed was sent (elapsed time), where one failed and that is known. */
  readonly failedSince: number | undefined
}

/**
 * Reads what a hole lacks: pages from its upper end down until its lower end is reached. Trusts nothing: rows outside the hole,
 * rows that are not older than what was asked for, and pages without progress do not count. Asks for the fill behind the hole as
 * well, to tell a REST that lags from one that has nothing.
 *
 * @param oldest exchange time; what happened before is left out, and not asked for. `-Infinity`: nothing is too old.
 */
export async function fillHole(hole: IdRange, pageBefore: PageBefore, oldest: number, signal: AbortSignal): Promise<Filling> {
  const found = new Map<IdValue, TradePoint>()
  let before = idPlus(hole.last, 2)
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
    const rows = rowsBelow(before, page)
    const lowest = rows[0]?.id
    if (lowest === undefined) {
      if (page.length > 0) reason = 'rest-wrong'
      // Nothing older, it says: that shows the end of what it has to tell now, and not that the hole is empty.
      isCaughtUp = false
      break
    }
    for (const { id, point } of rows) {
      if (id > hole.last) isCaughtUp = true
      else if (id >= hole.first) found.set(id, point)
    }
    before = lowest
    // The trade before the hole may be a day old in a quiet market; that makes nothing in the hole old. Neither does one damaged time.
    const oldestRows = rows.filter(({ id }) => id >= hole.first).slice(0, WITNESSES)
    if (oldestRows.length === WITNESSES && oldestRows.every(({ point }) => point.timestamp < oldest)) break
  }
  const ascending = [...found].sort(([a], [b]) => (a < b ? -1 : 1))
  const firstKept = ascending.findIndex(([, point]) => point.timestamp >= oldest)
  const tooOld = firstKept < 0 ? ascending : ascending.slice(0, firstKept)
  return {
    found: ascending.slice(tooOld.length).map(([, point]) => point),
    reason: tooOld.length > 0 ? 'too-old' : reason,
    tooOldTo: tooOld.at(-1)?.[0],
    isCaughtUp,
    failedSince,
  }
}

/** The rows that answer the question, lowest ids first. */
function rowsBelow(
  before: IdValue,
  page: readonly TradePoint[],
): readonly { readonly id: IdValue; readonly point: TradePoint }[] {
  return page
    .flatMap((point) => {
      const id = idsOf(point)?.last
      return id === undefined || id >= before ? [] : [{ id, point }]
    })
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** The first hole, up to a chunk of it, and those that follow so closely that one page may serve them all. */
export function rangeToRead(first: IdRange, holes: Iterable<IdRange>): IdRange {
  const end = idPlus(first.first, CHUNK - 1)
  let last = first.last < end ? first.last : end
  for (const hole of holes) {
    if (countIds(last, hole.first) - 1 > BRIDGE || hole.last > end) break
    if (hole.last > last) last = hole.last
  }
  return { first: first.first, last }
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
    if (ids.first > expected) missing.push({ first: expected, last: idPlus(ids.first, -1) })
    expected = idPlus(ids.last, 1)
  }
  if (expected <= hole.last) missing.push({ first: expected, last: hole.last })
  return missing
}

/**
 * The first id of a hole that is not older than `oldest`, found by halving: ids grow with time. The id behind the hole when all are
 * older; undefined when REST cannot tell.
 */
export async function firstNotOlder(
  hole: IdRange,
  oldest: number,
  pageBefore: PageBefore,
  signal: AbortSignal,
): Promise<IdValue | undefined> {
  let [low, high] = [hole.first, idPlus(hole.last, 1)]
  /** The highest ids that REST has shown, of all and of those that are too old. */
  let [shown, shownOld]: [IdValue, IdValue] = [-Infinity, -Infinity]
  const isOldBefore = async (id: IdValue): Promise<boolean> => {
    const rows = rowsBelow(id, await pageBefore(String(id), signal))
    const highest = rows.at(-1)?.id ?? -Infinity
    const isOld = rows.every(({ point }) => point.timestamp < oldest)
    if (highest > shown) shown = highest
    if (isOld && highest > shownOld) shownOld = highest
    return isOld
  }
  try {
    while (low < high) {
      const middle = idPlus(low, Math.floor((countIds(low, high) - 1) / 2))
      if (await isOldBefore(idPlus(middle, 1))) low = idPlus(middle, 1)
      else high = middle
    }
    if (low === hole.first) return low
    // An empty page looks like a page of old trades. A lie on the way shows in the end.
    if (!(await isOldBefore(low))) return undefined
    // What REST has not shown yet is no older for it.
    if (shown >= low) return low
    return shownOld < hole.first ? undefined : idPlus(shownOld, 1)
  } catch (error) {
    if (signal.aborted) throw error
    return undefined
  }
}
