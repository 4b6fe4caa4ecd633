import type { Reaction } from '../../core/frame.ts'

/** The notice (now and then an error) that this connection is about to be closed for an upgrade. */
export const MOVE_CODE = '64008'

/**
 * What follows from OKX's error codes.
 * Source: OKX v5 docs, "Error Code" (WebSocket and general), read 2026-09.
 */
const REACTIONS: ReadonlyMap<string, Reaction> = new Map<string, Reaction>([
  // The clock of the login.
  ['60004', 'clock'], // invalid timestamp
  ['60006', 'clock'], // timestamp expired
  // The credentials; asking again can lock the key.
  ['50119', 'auth'], // key unknown here; keys are bound to a region
  ['60005', 'auth'], // invalid key
  ['60007', 'auth'], // invalid signature
  ['60009', 'auth'], // login failed
  ['60024', 'auth'], // wrong passphrase
  ['60032', 'auth'], // key unknown on this host
  ['60011', 'login-needed'],
  ['60031', 'ignore'], // logged in twice
  // The topic does not exist, or not on this path.
  ['60008', 'reject'],
  ['60018', 'reject'],
  ['64001', 'reject'],
  ['64002', 'reject'],
  ['64003', 'reject'], // the VIP tier is too low
  ['64004', 'reject'], // conflicts with another book channel of the instrument
  // The request is wrong: our mistake, and the same request would be wrong again.
  ['60012', 'reject'],
  ['60013', 'reject'],
  ['60019', 'reject'],
  ['60033', 'reject'],
  ['64000', 'reject'],
  // Too many requests or logins.
  ['50011', 'slow-down'],
  ['60014', 'slow-down'],
  ['60023', 'slow-down'],
  // Their trouble.
  ['50001', 'retry'],
  ['50004', 'retry'],
  ['50005', 'retry'],
  ['50013', 'retry'],
  ['50026', 'retry'],
  ['50113', 'retry'],
  ['63999', 'retry'],
  ['64007', 'retry'],
  [MOVE_CODE, 'retry'],
])

/** The reaction to a code of the documents; undefined for any other code. */
export function documentedReaction(code: string): Reaction | undefined {
  return REACTIONS.get(code)
}

/**
 * The reaction to any code. One we do not know is retried: a refusal that passes would otherwise end a stream for good,
 * while one that does not pass costs no more than a request per back-off, and says its code each time.
 */
export function reactionTo(code: string): Reaction {
  return REACTIONS.get(code) ?? 'retry'
}
