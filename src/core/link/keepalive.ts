/**
 * Liveness counted in ticks instead of clock times: a process that was stalled for a minute gets one tick, not a minute's worth,
 * so a blocked event loop never makes a healthy connection look dead.
 */
export interface KeepaliveState {
  readonly silentTicks: number
}

export interface KeepaliveRule {
  /** Silent ticks after which a ping goes out. */
  readonly pingAfter: number
  /** Silent ticks after which the connection is dead. */
  readonly deadAfter: number
}

export type KeepaliveVerdict = 'alive' | 'ping' | 'dead'

export const KEEPALIVE_START: KeepaliveState = { silentTicks: 0 }

/** One tick: was anything heard since the last one? Pure. */
export function stepKeepalive(
  state: KeepaliveState,
  heard: boolean,
  rule: KeepaliveRule,
): readonly [KeepaliveState, KeepaliveVerdict] {
  if (heard) return [KEEPALIVE_START, 'alive']
  const silentTicks = state.silentTicks + 1
  if (silentTicks >= rule.deadAfter) return [{ silentTicks }, 'dead']
  return [{ silentTicks }, silentTicks === rule.pingAfter ? 'ping' : 'alive']
}

const TICKS_PER_PERIOD = 5

/**
 * Five ticks a period: ping after four silent ones, dead after eight. With the tick in which the silence began and the dial that
 * follows, a dead connection is replaced within two periods.
 */
export function keepaliveRule(periodMs: number): { readonly tickMs: number; readonly rule: KeepaliveRule } {
  return { tickMs: periodMs / TICKS_PER_PERIOD, rule: { pingAfter: TICKS_PER_PERIOD - 1, deadAfter: 2 * (TICKS_PER_PERIOD - 1) } }
}
