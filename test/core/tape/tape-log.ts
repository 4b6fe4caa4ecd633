import type { BaseDataCollector, Gap, PointOf, TapekeeperError } from 'tapekeeper'
import { isOfTape } from '../../../src/domain/gap.ts'
import type { FakeFill } from 'tapekeeper/testing'

/** A stretch of ids, delivered or declared missing. */
export interface Piece {
  readonly kind: 'trade' | 'gap'
  readonly first: number
  readonly last: number
  /** `live`, `backfilled`, or the gap's reason. */
  readonly what: string
}

export const pieceOfTrade = ({ data }: PointOf<'trade'>): Piece => {
  const last = Number(data.id)
  return { kind: 'trade', first: last - (data.count ?? 1) + 1, last, what: data.backfilled ? 'backfilled' : 'live' }
}

export const pieceOfGap = ({ fromId, toId, reason }: Gap): Piece => ({
  kind: 'gap',
  first: Number(fromId),
  last: Number(toId),
  what: reason,
})

/** Everything a collector said about its trades, in the order it was said. */
export interface TapeLog {
  readonly pieces: Piece[]
  readonly trades: PointOf<'trade'>[]
  /** As announced; without those that say `filled`. */
  readonly gaps: Gap[]
  readonly filled: Gap[]
  readonly errors: TapekeeperError[]
}

export function logTape(collector: BaseDataCollector, log: TapeLog = newTapeLog()): TapeLog {
  collector.addDataCallback('trade', (point) => {
    log.pieces.push(pieceOfTrade(point))
    log.trades.push(point)
  })
  collector.on('gap', (gap) => {
    // What one stream's consumer missed is no gap of the tape.
    if (!isOfTape(gap)) return
    if (gap.filled) log.filled.push(gap)
    else {
      log.gaps.push(gap)
      log.pieces.push(pieceOfGap(gap))
    }
  })
  collector.on('error', (error) => log.errors.push(error))
  return log
}

export const newTapeLog = (): TapeLog => ({ pieces: [], trades: [], gaps: [], filled: [], errors: [] })

/** What breaks the promise in the pieces: order, overlap, a hole nobody declared. Undefined when nothing does. */
export function brokenAt(pieces: readonly Piece[]): string | undefined {
  let next = pieces[0]?.first ?? NaN
  for (const { kind, first, last, what } of pieces) {
    if (first !== next) return `${kind} ${first}..${last} (${what}) follows ${next - 1}`
    if (last < first) return `${kind} ${first}..${last} is empty`
    next = last + 1
  }
  return undefined
}

/** The same against the exchange's own record: everything from the first piece to the newest fill. */
export function brokenAgainst(pieces: readonly Piece[], fills: readonly FakeFill[]): string | undefined {
  const ends = pieces.at(-1)?.last
  const newest = Number(fills.at(-1)?.id)
  return brokenAt(pieces) ?? (ends === newest ? undefined : `ends at ${ends}, the exchange at ${newest}`)
}

export const fillsIn = (pieces: readonly Piece[], kind: Piece['kind']): number =>
  pieces.filter((piece) => piece.kind === kind).reduce((sum, { first, last }) => sum + last - first + 1, 0)
