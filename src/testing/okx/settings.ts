import type { FakeExchangeOptions } from '../fake-exchange.ts'
import {
  createInstrumentList,
  DEFAULT_INSTRUMENTS,
  generatedPairs,
  okxInstrument,
  type FakeInstrument,
  type InstrumentList,
} from './instruments.ts'
import { DEFAULT_CREDENTIALS } from './login.ts'

/** The options with every default filled in: the only place that knows the defaults. */
export type Settings = Required<Omit<FakeExchangeOptions, 'exchange' | 'instruments' | 'pairs' | 'tradesPerSecond'>> & {
  readonly instruments: InstrumentList
  tradesPerSecondOf(instrument: FakeInstrument): number
}

const TRADES_PER_SECOND = 5

export function resolveSettings(options: FakeExchangeOptions): Settings {
  if (options.exchange !== undefined && (options.exchange as string) !== 'okx') {
    throw new RangeError(`there is no fake of ${options.exchange}; there is: okx`)
  }
  return {
    seed: options.seed ?? 1,
    instruments: createInstrumentList([
      ...(options.instruments ?? DEFAULT_INSTRUMENTS).map(asInstrument),
      ...generatedPairs(options.pairs ?? 0),
    ]),
    tradesPerSecondOf: paceOf(options.tradesPerSecond ?? TRADES_PER_SECOND),
    bookUpdatesPerSecond: notNegative('bookUpdatesPerSecond', options.bookUpdatesPerSecond ?? 5),
    historyMs: notNegative('historyMs', options.historyMs ?? 2 * 60_000),
    historyLimit: notNegative('historyLimit', options.historyLimit ?? 200_000),
    credentials: options.credentials ?? DEFAULT_CREDENTIALS,
    shuffleAcks: options.shuffleAcks ?? true,
    dataBeforeAck: options.dataBeforeAck ?? false,
    resendOnSubscribe: notNegative('resendOnSubscribe', options.resendOnSubscribe ?? 0),
    initialBookSnapshot: options.initialBookSnapshot ?? true,
    compression: options.compression ?? false,
    checksum: options.checksum ?? 'absent',
    onResubscribe: options.onResubscribe ?? 'nothing',
    enforceDialLimit: options.enforceDialLimit ?? true,
    enforceRequestLimit: options.enforceRequestLimit ?? true,
    enforceRestLimits: options.enforceRestLimits ?? true,
    idleTimeoutMs: notNegative('idleTimeoutMs', options.idleTimeoutMs ?? 30_000),
    accountIntervalMs: notNegative('accountIntervalMs', options.accountIntervalMs ?? 5_000),
    accountPageSize: notNegative('accountPageSize', options.accountPageSize ?? 20),
  }
}

function asInstrument(instrument: string | FakeInstrument): FakeInstrument {
  if (typeof instrument !== 'string') return instrument
  return DEFAULT_INSTRUMENTS.find(({ native }) => native.instId === instrument) ?? okxInstrument(instrument)
}

function paceOf(tradesPerSecond: number | Readonly<Record<string, number>>): Settings['tradesPerSecondOf'] {
  if (typeof tradesPerSecond === 'number') {
    const pace = notNegative('tradesPerSecond', tradesPerSecond)
    return () => pace
  }
  for (const [symbol, pace] of Object.entries(tradesPerSecond)) notNegative(`tradesPerSecond of ${symbol}`, pace)
  return ({ native, symbol }) => tradesPerSecond[native.instId] ?? tradesPerSecond[symbol] ?? TRADES_PER_SECOND
}

function notNegative(name: string, value: number): number {
  if (!(value >= 0)) throw new RangeError(`${name} must not be negative: ${value}`)
  return value
}
