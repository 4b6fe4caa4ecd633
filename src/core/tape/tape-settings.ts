/** Bounds of a tape. Milliseconds. */
export interface TapeSettings {
  /** A hole may be a message that was overtaken: it gets this long to arrive by itself. */
  readonly reorderGraceMs: number
  /** A hole that cannot be filled within this time becomes a gap. */
  readonly repairTimeoutMs: number
  /** Trades held back behind holes; one more, and the holes become gaps. */
  readonly maxHeldTrades: number
  /** What happened longer ago is not read again. */
  readonly maxBackfillMs: number
}
