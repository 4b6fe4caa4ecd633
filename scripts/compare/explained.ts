/** Differences between two builds that are meant, by the older build's version. Emptied when a version is released. */
export interface Explanation {
  readonly since: string
  readonly kind: 'trades' | 'gaps' | 'candles'
  readonly isThis: (before: readonly string[], now: readonly string[]) => boolean
  readonly why: string
}

export const EXPLAINED: readonly Explanation[] = []
