import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { CHANNELS, createDecoder, createParser } from '../../../src/exchanges/okx/decode.ts'
import { createScanner } from '../../../src/exchanges/okx/scan.ts'
import { TopicDirectory } from '../../../src/exchanges/okx/topic-directory.ts'
import { brokenRule } from './invariants.ts'
import { FIXTURES, hasRecording, noList, RECEIVED_AT, recordedFrames, seeded } from './support.ts'
import { property } from '../../support/runs.ts'

const { seed, numRuns: MUTATIONS } = property({ quick: 20_000, deep: 110_000 })
/** The 400-level snapshots would eat the time of thousands of others; the rest of their kind is long enough. */
const LONGEST = 1_500

const controls = [
  '{"id":"s17","event":"subscribe","arg":{"channel":"books5","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
  '{"id":"u3","event":"unsubscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
  '{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}',
  '{"event":"error","code":"60018","msg":"channel:books5,instId:NOPE-USDT doesn\'t exist","connId":"a4d3ae55","id":"s17"}',
  '{"event":"login","code":"0","msg":"","connId":"a4d3ae55"}',
  '{"event":"notice","code":"64008","msg":"upgrade","connId":"a4d3ae55"}',
  '{"event":"channel-conn-count-error","channel":"account","connCount":"30","connId":"a4d3ae55"}',
  'pong',
]
const recorded = hasRecording ? recordedFrames().filter((text) => text.length < LONGEST) : []
const seeds = [...FIXTURES.values(), ...FIXTURES.values(), ...controls, ...recorded]

const random = seeded(20_261_122 + seed)
const below = (count: number): number => Math.floor(random() * count)
const pick = <T>(values: readonly T[]): T => values[below(values.length)]!

const CHARACTERS = Array.from('"\\{}[]:,.-0123456789eE tfnu/\0\n\u2028é€１').concat('\uD83D', '\uDE00')
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -0, 1, -1, 1.5, 1e21, 1e308, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER + 1],
  ...['', ' ', '0', '1', '-1', '+1', '1e5', 'NaN', 'Infinity', '0x1f', '1,5', '1'.repeat(400), '١', '\u0000', '__proto__', 'buy'],
  ...[[], [[]], [null], {}, { a: {} }, [['1', '2', '0', '1']], { length: 1 }, [[[[[[]]]]]]],
]
const KEYS = ['__proto__', 'constructor', 'toString', 'length', 'px', 'event', 'arg', 'data', 'ts', '']

/** One damage to the text. */
function damage(text: string): string {
  const at = below(text.length + 1)
  const until = Math.min(text.length, at + 1 + below(random() < 0.8 ? 3 : 60))
  switch (below(6)) {
    case 0: // a flipped bit
      return text.slice(0, at) + String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << below(8))) + text.slice(at + 1)
    case 1:
      return text.slice(0, at)
    case 2:
      return text.slice(0, at) + text.slice(until)
    case 3:
      return text.slice(0, until) + text.slice(at)
    case 4:
      return text.slice(0, at) + pick(CHARACTERS) + text.slice(at)
    default:
      return text.slice(0, at) + pick(CHARACTERS) + text.slice(until)
  }
}

/** One change to a value somewhere in the frame; the text stays JSON. */
function change(text: string): string {
  const root: unknown = JSON.parse(text)
  let node = root as Record<string, unknown>
  for (;;) {
    const keys = Object.keys(node)
    const key = keys.length === 0 ? 'empty' : pick(keys)
    const child = node[key]
    if (typeof child === 'object' && child !== null && random() < 0.85) {
      node = child as Record<string, unknown>
      continue
    }
    switch (below(7)) {
      case 0:
        if (Array.isArray(node)) node.splice(below(node.length + 1), 1)
        else Reflect.deleteProperty(node, key)
        break
      case 1:
        // Not an assignment, which would set the prototype. An array has a `length` already.
        Object.defineProperty(node, Array.isArray(node) ? 'extra' : pick(KEYS), {
          value: pick(VALUES),
          enumerable: true,
          configurable: true,
          writable: true,
        })
        break
      case 2:
        if (typeof child === 'string') node[key] = Number(child)
        break
      case 3:
        if (Array.isArray(node)) node.push(structuredClone(child))
        else node[key] = [child]
        break
      case 4:
        if (typeof child === 'string') node[key] = child + pick(CHARACTERS)
        break
      default:
        node[key] = structuredClone(pick(VALUES))
    }
    return JSON.stringify(root)
  }
}

function mutate(): string {
  let text = pick(seeds)
  const isJson = text.startsWith('{')
  const changes = isJson ? below(3) : 0
  for (let i = 0; i < changes; i++) text = change(text)
  for (let i = changes === 0 ? 1 + below(2) : below(2); i > 0; i--) text = damage(text)
  return text
}

/** An independent opinion on which trade rows are good, written with the schema library instead of by hand. */
const goodTrade = z.object({
  tradeId: z.string().regex(/^\d{1,32}$/),
  px: z
    .string()
    .max(64)
    .regex(/^\d+(\.\d+)?$/),
  sz: z
    .string()
    .max(64)
    .regex(/^\d+(\.\d+)?$/),
  side: z.enum(['buy', 'sell']),
  ts: z
    .string()
    .regex(/^\d{1,16}$/)
    .refine((text) => Number(text) >= Date.UTC(2009, 0, 3) && Number(text) < Date.UTC(2100, 0, 1)),
  count: z
    .union([
      z.literal(['', null]),
      z.number().int().positive(),
      z
        .string()
        .regex(/^\d{1,16}$/)
        .refine((text) => Number(text) > 0 && Number.isSafeInteger(Number(text))),
    ])
    .optional(),
})

function goodTrades(text: string, nativeSymbol: string): number {
  const { data } = JSON.parse(text) as { data: unknown[] }
  return data.filter((row) => {
    const own = z.object({ instId: z.literal([nativeSymbol, '', null]).optional() })
    return goodTrade.safeParse(row).success && own.safeParse(row).success
  }).length
}

test(`${MUTATIONS} damaged frames: nothing is thrown, nothing wrong is delivered`, () => {
  const decode = createDecoder(noList)
  const directory = new TopicDirectory(noList, CHANNELS)
  const scan = createScanner(directory)
  const parse = createParser(directory)
  const counts: Record<string, number> = {}
  let points = 0
  let errors = 0
  for (let i = 0; i < MUTATIONS; i++) {
    const text = mutate()
    const frame = decode(text, RECEIVED_AT)
    counts[frame.kind] = (counts[frame.kind] ?? 0) + 1
    const scanned = scan(text, RECEIVED_AT)
    if (scanned !== undefined && !isDeepStrictEqual(scanned, parse(text, RECEIVED_AT)))
      throw new Error(`scanned differently: ${text}`)
    if (frame.kind !== 'data') continue
    for (const point of frame.points) {
      const rule = brokenRule(point, RECEIVED_AT)
      if (rule !== undefined) throw new Error(`${rule} of a point from ${text}`)
    }
    const [channel, nativeSymbol = ''] = frame.topicKey.split(':')
    if (channel === 'trades' && frame.points.length !== goodTrades(text, nativeSymbol)) throw new Error(`other trades in ${text}`)
    points += frame.points.length
    errors += frame.errors.length
  }
  // The mutations must reach every kind of answer, or they prove little.
  const kinds = ['data', 'ignored', 'invalid', 'logged-in', 'move', 'pong', 'rejected', 'subscribed', 'unsubscribed']
  expect(Object.keys(counts).sort()).toEqual(kinds)
  expect(points).toBeGreaterThan(MUTATIONS / 11)
  expect(errors).toBeGreaterThan(MUTATIONS / 55)
})
