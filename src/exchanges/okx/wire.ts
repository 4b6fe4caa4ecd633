import { z } from 'zod'
import { isUnsignedDecimal } from '../../domain/decimal.ts'
import { epochMs } from './fields.ts'

/** OKX writes "" where it has nothing to say; older rows leave the field out. */
const text = z
  .string()
  .nullish()
  .transform((value) => (value === null || value === '' ? undefined : value))

const decimal = text.refine((value) => value === undefined || isUnsignedDecimal(value), 'not a plain decimal number')

const time = text.transform((value) => {
  const ms = epochMs(value)
  return ms === 0 ? undefined : ms
})

/**
 * Every REST answer.
 * Shape:  { code, msg, data: [...] }; success only when `code` is "0", whatever the HTTP status says
 * Source: OKX v5 docs, "Overview / REST", read 2026-09
 */
export const restEnvelope = z.object({ code: z.string(), msg: z.string().default(''), data: z.array(z.unknown()).default([]) })

/**
 * One row of GET /api/v5/public/instruments.
 * Shape:  { instType, instId, baseCcy, quoteCcy, settleCcy, instFamily, uly, ctType, ctVal, ctMult, ctValCcy, tickSz, lotSz, minSz, … }
 * Units:  tickSz in quote currency; lotSz and minSz in base currency on spot, in contracts on derivatives; ctVal in ctValCcy;
 *         listTime and expTime in epoch milliseconds, as text
 * Source: OKX v5 docs, "Public Data / Get instruments", read 2026-09
 */
export const instrumentRow = z.object({
  instType: z.enum(['SPOT', 'SWAP', 'FUTURES']),
  instId: z.string().min(1),
  baseCcy: text,
  quoteCcy: text,
  settleCcy: text,
  instFamily: text,
  uly: text,
  ctType: text,
  ctVal: decimal,
  ctMult: decimal,
  ctValCcy: text,
  tickSz: decimal,
  lotSz: decimal,
  minSz: decimal,
  state: text,
  ruleType: text,
  listTime: time,
  expTime: time,
})
export type InstrumentRow = z.output<typeof instrumentRow>

/**
 * GET /api/v5/public/time.
 * Shape:  [{ ts }]; epoch milliseconds, as text
 */
export const timeRows = z.tuple([z.object({ ts: z.string() })]).rest(z.unknown())

const optionalText = z.string().optional().catch(undefined)
const arg = z.object({ channel: z.string(), instId: optionalText })

/**
 * The answer to one argument of a subscribe or unsubscribe request.
 * Shape:  { id, event: "subscribe" | "unsubscribe", arg: { channel, instId }, connId }; `id` only when the request had one
 * Source: OKX v5 docs, "WebSocket / Subscribe", read 2026-09
 */
export const ackFrame = z.object({ id: optionalText, arg })

/**
 * A refusal, a login's outcome, or a notice. The topic, if any, is in the words of `msg`; `arg` is read in case it comes.
 * Shape:  { event: "error" | "login" | "notice", code, msg, connId, id }
 * Source: OKX v5 docs, "WebSocket / Login", "Notification", read 2026-09
 */
export const statusFrame = z.object({
  id: optionalText,
  code: z.union([z.string(), z.number().transform(String)]).catch('unknown'),
  msg: z.string().catch(''),
  arg: arg.optional().catch(undefined),
})

/**
 * Too many connections subscribe to a private channel.
 * Shape:  { event: "channel-conn-count-error", channel, connCount, connId }; counts as text
 */
export const connectionCountFrame = z.object({ channel: optionalText, connCount: optionalText })
