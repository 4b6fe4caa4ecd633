import { z } from 'zod'
import { Decimal, type DecimalString } from '../../domain/decimal.ts'
import { epochMs, figureOf, isBlank } from './fields.ts'

/** Short enough that writing it out costs nothing. */
const WITH_EXPONENT = /^\d{1,20}(?:\.\d{1,20})?[eE][+-]?\d{1,2}$/

/** A step, size or multiplier in whatever way a number can be written; undefined when it is none. */
function amountOf(value: unknown): DecimalString | undefined {
  const isExponential = typeof value === 'string' && WITH_EXPONENT.test(value)
  return figureOf(isExponential ? new Decimal(value).toFixed() : value) || undefined
}

/*
 * Fields that may be left out. OKX says "nothing" with "", with null, or by leaving a field out; what cannot be read is nothing, too:
 * it must not cost what does not need it.
 */
const anything = z.unknown().optional()
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
const text = anything.transform(textOf)
const word = anything.transform((value) => (typeof value === 'number' ? String(value) : textOf(value)))
const amount = anything.transform(amountOf)
const time = word.transform((value) => epochMs(value) || undefined)

/**
 * Every REST answer.
 * Shape:  { code, msg, data: [...] }; success only when `code` is "0", whatever the HTTP status says
 * Source: OKX v5 docs, "Overview / REST", read 2026-09
 */
export const restEnvelope = z.object({
  code: z.union([z.string(), z.number().transform(String)]),
  msg: word.transform((value) => value ?? ''),
  data: anything.transform((value) => (isBlank(value) ? [] : value)).pipe(z.array(z.unknown())),
})

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
  ctVal: amount,
  // No multiplier means 1; one that cannot be read leaves the contract's size unknown.
  ctMult: anything.transform((value) => amountOf(isBlank(value) ? '1' : value)),
  ctValCcy: text,
  tickSz: amount,
  lotSz: amount,
  minSz: amount,
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
export const timeRows = z.tuple([z.object({ ts: time })]).rest(z.unknown())

const arg = z.object({ channel: z.string(), instId: text })

/**
 * The answer to one argument of a subscribe or unsubscribe request.
 * Shape:  { id, event: "subscribe" | "unsubscribe", arg: { channel, instId }, connId }; `id` only when the request had one
 * Source: OKX v5 docs, "WebSocket / Subscribe", read 2026-09
 */
export const ackFrame = z.object({ id: word, arg })

/**
 * A refusal, a login's outcome, or a notice. The topic, if any, is in the words of `msg`; `arg` is read in case it comes.
 * Shape:  { event: "error" | "login" | "notice", code, msg, connId, id }
 * Source: OKX v5 docs, "WebSocket / Login", "Notification", read 2026-09
 */
export const statusFrame = z.object({
  id: word,
  code: z.union([z.string(), z.number().transform(String)]).catch('unknown'),
  msg: word.transform((value) => value ?? ''),
  arg: arg.optional().catch(undefined),
})

/**
 * Too many connections subscribe to a private channel.
 * Shape:  { event: "channel-conn-count-error", channel, connCount, connId }; counts as text
 */
export const connectionCountFrame = z.object({ channel: text, connCount: word })
