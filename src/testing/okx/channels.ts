import { bucketingOf } from './candles.ts'
import type { ChannelArg } from './client-request.ts'
import type { FakeInstrument, InstrumentList } from './instruments.ts'
import { noSuchChannel, wireError, type WireError } from './wire-errors.ts'

/** What a subscription's argument asks for. */
export type ChannelTarget =
  | { readonly kind: 'market'; readonly key: string; readonly channel: string; readonly instrument: FakeInstrument }
  | { readonly kind: 'account'; readonly key: string; readonly ccy: string | undefined; readonly periodic: boolean }
  /** Served, but nothing ever happens on it here. */
  | { readonly kind: 'quiet'; readonly key: string; readonly channel: string; readonly isPrivate: boolean }

export const PATHS = { public: '/ws/v5/public', business: '/ws/v5/business', private: '/ws/v5/private' } as const

const PUBLIC_MARKET = new Set(['trades', 'tickers', 'bbo-tbt', 'books5', 'books'])
/** Full-speed books need a login and a trading volume the fake's account does not have. */
const VIP_BOOKS = new Set(['books50-l2-tbt', 'books-l2-tbt'])
/** They report changes only, and here nothing of that kind changes. */
const QUIET_PUBLIC = new Set(['instruments', 'status', 'liquidation-orders'])
const QUIET_PRIVATE = new Set(['orders', 'positions', 'balance_and_position'])
const INST_TYPES = new Set(['SPOT', 'MARGIN', 'SWAP', 'FUTURES', 'OPTION', 'ANY'])

export const CANDLE_PREFIX = 'candle'

/** Finds what an argument means at this path, or why it means nothing. */
export function resolveChannel(
  arg: ChannelArg,
  path: string,
  loggedIn: boolean,
  instruments: InstrumentList,
): ChannelTarget | WireError {
  if (arg['uly'] !== undefined) return wireError('64000')
  return path === PATHS.private ? resolvePrivate(arg, loggedIn) : resolveMarket(arg, path, loggedIn, instruments)
}

function resolvePrivate(arg: ChannelArg, loggedIn: boolean): ChannelTarget | WireError {
  const { channel } = arg
  if (!loggedIn) return wireError('60011')
  if (QUIET_PRIVATE.has(channel)) return { kind: 'quiet', key: keyOf(arg), channel, isPrivate: true }
  if (channel !== 'account') return noSuchChannel(arg)
  const ccy = typeof arg['ccy'] === 'string' ? arg['ccy'] : undefined
  return { kind: 'account', key: `account:${ccy ?? ''}`, ccy, periodic: updateInterval(arg['extraParams']) !== '0' }
}

function resolveMarket(arg: ChannelArg, path: string, loggedIn: boolean, instruments: InstrumentList): ChannelTarget | WireError {
  const { channel, instId } = arg
  const isPublic = path === PATHS.public
  if (isPublic && QUIET_PUBLIC.has(channel)) {
    const typeIsGood = channel === 'status' || INST_TYPES.has(String(arg['instType']))
    return typeIsGood ? { kind: 'quiet', key: keyOf(arg), channel, isPrivate: false } : noSuchChannel(arg)
  }
  const instrument = typeof instId === 'string' ? instruments.byNative(instId) : undefined
  const served = isPublic ? PUBLIC_MARKET.has(channel) || VIP_BOOKS.has(channel) : channel === 'trades-all' || isCandle(channel)
  if (!served || instrument === undefined) return noSuchChannel(arg)
  if (VIP_BOOKS.has(channel)) return wireError(loggedIn ? '64003' : '60011')
  return { kind: 'market', key: `${channel}:${instrument.native.instId}`, channel, instrument }
}

const isCandle = (channel: string): boolean =>
  channel.startsWith(CANDLE_PREFIX) && bucketingOf(channel.slice(CANDLE_PREFIX.length)) !== undefined

const keyOf = (arg: ChannelArg): string =>
  ['channel', 'instType', 'instFamily', 'instId', 'ccy'].map((name) => (name in arg ? String(arg[name]) : '')).join(':')

/** `extraParams` is a JSON text inside the JSON. */
function updateInterval(extraParams: unknown): unknown {
  if (typeof extraParams !== 'string') return undefined
  try {
    return (JSON.parse(extraParams) as { updateInterval?: unknown } | null)?.updateInterval
  } catch {
    return undefined
  }
}
