import type { AggregatorSnapshot } from './aggregator-snapshot.ts'

/** A time span in which trades are missing, both ends inclusive. Epoch milliseconds; infinite where a side is not known. */
export interface KnownGap {
  readonly from: number
  readonly to: number
  readonly fromId: string | undefined
  readonly reason: string
}

/** The stream was interrupted. What ends after `from` may lack trades, if it was closed after `closedTo`. */
export interface Doubt {
  readonly from: number
  readonly closedTo: number
  readonly reason: string
}

type TruthSnapshot = AggregatorSnapshot['truth']

/** Reason of a candle that contains the moment at which the trades begin. */
const BEFORE_START = 'before-start'
/** Reason of a candle that lacks a trade which came later than the revision window allows. */
const TOO_LATE = 'too-late'

/** What is known to be missing, and thus which candles are incomplete and why. */
export class Truth {
  /** In the order in which they were learnt: a candle names the first one that touches it. */
  #gaps: KnownGap[] = []
  readonly #since: number
  /** Time of the latest trade that came too late; whatever still can change and opened before it lacks trades. */
  #tooLate = -Infinity
  doubt: Doubt | undefined

  constructor(since: number, snapshot?: TruthSnapshot) {
    this.#since = since
    if (snapshot === undefined) return
    this.#gaps = snapshot.gaps.map(({ from, to, fromId, reason }) => ({
      from: from ?? -Infinity,
      to: to ?? Infinity,
      fromId: fromId ?? undefined,
      reason,
    }))
    this.#tooLate = snapshot.tooLate ?? -Infinity
    const { doubt } = snapshot
    if (doubt !== null)
      this.doubt = { from: doubt.from ?? -Infinity, closedTo: doubt.closedTo ?? -Infinity, reason: doubt.reason }
  }

  /** Why the candle of a bucket is incomplete; undefined when nothing is known to be missing. */
  reasonFor(openTime: number, closeTime: number): string | undefined {
    // A loop, not `find`: this runs for every candle, nearly always over nothing.
    for (const gap of this.#gaps) if (openTime <= gap.to && closeTime > gap.from) return gap.reason
    if (openTime <= this.#tooLate) return TOO_LATE
    if (openTime < this.#since) return BEFORE_START
    const { doubt } = this
    return doubt !== undefined && closeTime > doubt.from && closeTime > doubt.closedTo ? doubt.reason : undefined
  }

  addGap(gap: KnownGap): void {
    this.#gaps.push(gap)
  }

  /** Whether a gap of exactly this span is known to be missing. */
  hasGap(span: Pick<KnownGap, 'from' | 'to' | 'fromId'>): boolean {
    return this.#gaps.some((gap) => isSpan(gap, span))
  }

  /** One gap of exactly this span is no more. An infinite `to` fits any: that gap had no trade behind it when it was told. */
  removeGap(span: Pick<KnownGap, 'from' | 'to' | 'fromId'>): void {
    const at = this.#gaps.findIndex((gap) => isSpan(gap, span))
    if (at >= 0) this.#gaps.splice(at, 1)
  }

  addTooLate(time: number): void {
    if (time > this.#tooLate) this.#tooLate = time
  }

  /** Forgets what can touch no candle any more: all that opens before `time` is final. */
  prune(time: number): void {
    this.#gaps = this.#gaps.filter(({ to }) => to >= time)
  }

  snapshot(): TruthSnapshot {
    const { doubt } = this
    return {
      gaps: this.#gaps.map(({ from, to, fromId, reason }) => ({
        from: finite(from),
        to: finite(to),
        fromId: fromId ?? null,
        reason,
      })),
      tooLate: finite(this.#tooLate),
      doubt: (doubt && { from: finite(doubt.from), closedTo: finite(doubt.closedTo), reason: doubt.reason }) || null,
    }
  }
}

const isSpan = (gap: KnownGap, { from, to, fromId }: Pick<KnownGap, 'from' | 'to' | 'fromId'>): boolean =>
  gap.from === from && (gap.to === to || to === Infinity) && gap.fromId === fromId

const finite = (time: number): number | null => (Number.isFinite(time) ? time : null)
