/** Differences between two builds that are meant, by the older build's version. Emptied when a version is released. */
export interface Explanation {
  readonly since: string
  readonly kind: 'trades' | 'gaps' | 'candles'
  readonly isThis: (before: readonly string[], now: readonly string[]) => boolean
  readonly why: string
}

const open = (gaps: readonly string[]): string => gaps.filter((gap) => gap.endsWith(' open')).join()

export const EXPLAINED: readonly Explanation[] = [
  {
    since: '0.1.0',
    kind: 'gaps',
    isThis: (before, now) => open(before) === open(now),
    why: 'how long a hole may hold up the stream counts also over a REST that answers in turns, over restarts and over several holes: other gaps are told for a while, and all of them found',
  },
]
