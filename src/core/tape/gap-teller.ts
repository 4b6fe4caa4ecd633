import type { Gap, GapReason } from '../../domain/gap.ts'
import { gapKey } from '../../domain/stored-gaps.ts'
import { countIds, type IdRange } from '../../domain/trade-id.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CompletenessLedger } from './completeness.ts'
import type { TradePoint } from './continuity.ts'
import type { CursorKeeper } from './cursor-keeper.ts'
import { LARGEST_GAP, type LateFiller } from './late-filler.ts'
import { piecesOf } from './pieces.ts'

/** Reasons that may pass. */
const LOOKED_FOR: readonly GapReason[] = ['rest-failed', 'rest-short', 'buffer-full', 'cursor-late']

/** Nobody has lost more in the time that is looked back to: an id was damaged, and what it claims is nowhere. */
const MOST_FINDABLE = 20 * LARGEST_GAP

export interface GapTellerHooks {
  readonly exchange: string
  readonly symbol: string
  readonly stream: string
  readonly clock: Clock
  readonly ledger: CompletenessLedger
  readonly onGap: (gap: Gap) => void
}

/** Tells of gaps, and sees to it that they are counted, stored and looked for. */
export class GapTeller {
  readonly #hooks: GapTellerHooks
  readonly #keeper: CursorKeeper
  readonly #late: LateFiller

  constructor(hooks: GapTellerHooks, keeper: CursorKeeper, late: LateFiller) {
    this.#hooks = hooks
    this.#keeper = keeper
    this.#late = late
  }

  /** @param range undefined where nobody knows which ids are missing, nor how many. */
  announce(range: IdRange | undefined, reason: GapReason, fromTime: number | undefined, toTime: number | undefined): void {
    const count = range === undefined ? NaN : countIds(range.first, range.last)
    this.tell({
      fromId: range === undefined ? undefined : String(range.first),
      toId: range === undefined ? undefined : String(range.last),
      missing: Number.isSafeInteger(count) ? count : undefined,
      reason,
      fromTime,
      toTime,
    })
  }

  /** What is looked for later is found as a whole, in memory: it is told in pieces. */
  announceAll(range: IdRange, reason: GapReason, fromTime: number | undefined, toTime: number | undefined): void {
    const isFindable = LOOKED_FOR.includes(reason) && countIds(range.first, range.last) <= MOST_FINDABLE
    const pieces = isFindable ? piecesOf(range, LARGEST_GAP) : [range]
    for (const piece of pieces) this.announce(piece, reason, fromTime, toTime)
  }

  tell(what: Pick<Gap, 'fromId' | 'toId' | 'missing' | 'reason' | 'fromTime' | 'toTime'>): void {
    const { exchange, symbol, stream, clock, ledger, onGap } = this.#hooks
    const gap: Gap = { exchange, symbol, stream, ...what, filled: false, trades: undefined, at: clock.now() }
    if (gap.missing === undefined) ledger.countUnknownGap()
    else ledger.missed(gapKey(gap), gap.missing, hourTime(gap))
    this.#keeper.declared(gap, LOOKED_FOR.includes(gap.reason) && this.#late.add(gap))
    onGap(gap)
  }

  filled(gap: Gap, trades: readonly TradePoint[]): void {
    const { clock, ledger, onGap } = this.#hooks
    ledger.found(gapKey(gap), gap.missing ?? 0, hourTime(gap))
    const filled = { ...gap, filled: true, trades, at: clock.now() }
    onGap(filled)
    this.#keeper.filled(filled)
  }
}

/** A gap counts in the hour in which it ended. */
const hourTime = ({ toTime, fromTime, at }: Gap): number => toTime ?? fromTime ?? at
