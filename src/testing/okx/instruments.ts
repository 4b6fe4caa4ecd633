/** One row of `GET /api/v5/public/instruments`, in OKX's words. Every field is text but `instIdCode`. */
export interface OkxInstrument {
  readonly instType: 'SPOT' | 'SWAP' | 'FUTURES'
  readonly instId: string
  readonly instIdCode: number | null
  readonly instFamily: string
  readonly uly: string
  readonly baseCcy: string
  readonly quoteCcy: string
  readonly settleCcy: string
  readonly ctType: '' | 'linear' | 'inverse'
  readonly ctVal: string
  readonly ctMult: string
  readonly ctValCcy: string
  readonly tickSz: string
  readonly lotSz: string
  readonly minSz: string
  /** `live` trades; anything else can be subscribed to but stays silent. */
  readonly state: string
  readonly ruleType: string
  readonly instCategory: string
  /** Epoch milliseconds or an empty text. */
  readonly listTime: string
  readonly expTime: string
  readonly [field: string]: string | number | null
}

/** An instrument of the fake: what OKX lists, and where its random walk starts. */
export interface FakeInstrument {
  readonly native: OkxInstrument
  /** As tapekeeper spells it, for example `BTC-USDT-PERP`. */
  readonly symbol: string
  readonly startPrice: string
}

const DATED = /^(.+)-(\d{2})(\d{2})(\d{2})$/
const LISTED_AT = '1548133413000'

/**
 * An instrument made from its native name, which decides its kind: `X-USDT` spot, `X-USDT-SWAP`, `X-USDT-261225`,
 * `X-USD_UM_XPERP-310404`. Every field of OKX's row can be replaced.
 *
 * @example
 * ```ts
 * import { okxInstrument, startFakeExchange } from 'tapekeeper/testing'
 * const coarse = okxInstrument('GOLD-USDT', { tickSz: '0.05', lotSz: '0.001', startPrice: '4200' })
 * await using fake = await startFakeExchange({ instruments: [coarse] })
 * ```
 */
export function okxInstrument(
  instId: string,
  {
    startPrice = '100',
    ...fields
  }: Partial<Record<keyof OkxInstrument, string | number | null>> & { readonly startPrice?: string } = {},
): FakeInstrument {
  const native = { ...COMMON, ...kindOf(instId), instId, ...fields } as OkxInstrument
  return { native, symbol: symbolOf(native), startPrice }
}

const COMMON = {
  alias: '',
  auctionEndTime: '',
  category: '1',
  contTdSwTime: '',
  expTime: '',
  futureSettlement: '',
  instCategory: '1',
  lever: '10',
  listTime: LISTED_AT,
  lotSz: '0.0001',
  maxIcebergSz: '9999999999',
  maxLmtAmt: '20000000',
  maxLmtSz: '9999999999',
  maxMktAmt: '1000000',
  maxMktSz: '1000000',
  maxStopSz: '1000000',
  maxTriggerSz: '9999999999',
  maxTwapSz: '9999999999',
  minSz: '0.0001',
  openType: '',
  optType: '',
  ruleType: 'normal',
  state: 'live',
  stk: '',
  tickSz: '0.01',
}

function kindOf(instId: string): Partial<OkxInstrument> {
  const dated = DATED.exec(instId)
  const swap = instId.endsWith('-SWAP')
  const family = dated?.[1] ?? (swap ? instId.slice(0, -'-SWAP'.length) : instId)
  const [base = '', counter = ''] = family.split('-')
  if (dated === null && !swap) {
    return {
      instType: 'SPOT',
      instIdCode: null,
      instFamily: '',
      uly: '',
      baseCcy: base,
      quoteCcy: counter,
      settleCcy: '',
      ctType: '',
      ctVal: '',
      ctMult: '',
      ctValCcy: '',
    }
  }
  const xperp = counter.endsWith('_XPERP')
  const quote = counter.split('_')[0] ?? counter
  const inverse = quote === 'USD' && !xperp
  const [, , year = '', month = '', day = ''] = dated ?? []
  return {
    instType: swap ? 'SWAP' : 'FUTURES',
    instIdCode: 10_000 + (instId.length * 131 + instId.charCodeAt(0) * 17 + instId.charCodeAt(instId.length - 1)),
    instFamily: family,
    uly: `${base}-${quote}`,
    baseCcy: '',
    quoteCcy: '',
    settleCcy: inverse ? base : quote,
    ctType: inverse ? 'inverse' : 'linear',
    ctVal: inverse ? '100' : '0.01',
    ctMult: '1',
    ctValCcy: inverse ? 'USD' : base,
    lotSz: inverse ? '1' : '0.01',
    minSz: inverse ? '1' : '0.01',
    // Contracts end at 08:00 UTC.
    expTime: dated === null ? '' : String(Date.UTC(2000 + Number(year), Number(month) - 1, Number(day), 8)),
    ...(xperp ? { ruleType: 'xperp' } : {}),
  }
}

function symbolOf(native: OkxInstrument): string {
  if (native.instType === 'SPOT') return native.instId
  if (native.instType === 'SWAP' || native.ruleType === 'xperp') return `${native.uly}-PERP`
  return `${native.uly}-20${native.instId.slice(-6)}`
}

/** What the fake lists unless told otherwise: spot, swaps, dated futures, an X-Perp, and some that do not trade. */
export const DEFAULT_INSTRUMENTS: readonly FakeInstrument[] = [
  okxInstrument('BTC-USDT', { tickSz: '0.1', lotSz: '0.00000001', minSz: '0.00001', startPrice: '64210.5' }),
  okxInstrument('ETH-USDT', { tickSz: '0.01', lotSz: '0.000001', minSz: '0.0001', startPrice: '3120.44' }),
  okxInstrument('SOL-USDT', { tickSz: '0.01', lotSz: '0.000001', minSz: '0.001', startPrice: '141.27' }),
  okxInstrument('XRP-USDT', { tickSz: '0.0001', lotSz: '0.000001', minSz: '1', startPrice: '2.1432' }),
  okxInstrument('DOGE-USDT', { tickSz: '0.00001', lotSz: '0.000001', minSz: '10', startPrice: '0.18231' }),
  okxInstrument('PEPE-USDT', { tickSz: '0.000000001', lotSz: '1', minSz: '100000', startPrice: '0.00001142' }),
  okxInstrument('BTC-USDC', { tickSz: '0.1', lotSz: '0.00000001', minSz: '0.00001', startPrice: '64205.1' }),
  okxInstrument('ETH-BTC', { tickSz: '0.00001', lotSz: '0.000001', minSz: '0.0001', startPrice: '0.04859' }),
  okxInstrument('LUNA-USDT', { tickSz: '0.0001', lotSz: '0.000001', minSz: '1', startPrice: '0.4312', state: 'suspend' }),
  okxInstrument('NEWCOIN-USDT', { tickSz: '', lotSz: '', minSz: '', lever: '', state: 'preopen' }),
  okxInstrument('BTC-USDT-SWAP', { tickSz: '0.1', ctVal: '0.01', instIdCode: 10459, lever: '100', startPrice: '64190.2' }),
  okxInstrument('ETH-USDT-SWAP', { tickSz: '0.01', ctVal: '0.1', instIdCode: 10461, lever: '100', startPrice: '3119.87' }),
  okxInstrument('SOL-USDT-SWAP', { tickSz: '0.01', ctVal: '1', instIdCode: 10464, lever: '50', startPrice: '141.22' }),
  okxInstrument('BTC-USD-SWAP', { tickSz: '0.1', ctVal: '100', instIdCode: 10458, lever: '100', startPrice: '64195.4' }),
  okxInstrument('BTC-USDT-261225', { tickSz: '0.1', ctVal: '0.01', instIdCode: 12031, startPrice: '64610.3' }),
  okxInstrument('BTC-USD-261225', { tickSz: '0.1', ctVal: '100', instIdCode: 12032, startPrice: '64603.9' }),
  okxInstrument('ETH-USD-261225', { tickSz: '0.01', ctVal: '10', instIdCode: 12033, startPrice: '3142.05' }),
  okxInstrument('ETH-USD_UM_XPERP-310404', { tickSz: '0.01', ctVal: '0.1', instIdCode: 13107, startPrice: '3119.5' }),
]

const PAIR_TICKS = ['0.1', '0.01', '0.001', '0.0001', '0.00001'] as const

/** `C001-USDT`, `C002-USDT`, … with different steps and prices. */
export function generatedPairs(count: number): FakeInstrument[] {
  return Array.from({ length: count }, (_, index) => {
    const step = index % PAIR_TICKS.length
    const startPrice = String([48_210.5, 1_320.44, 97.125, 3.1416, 0.27183][step])
    return okxInstrument(`C${String(index + 1).padStart(3, '0')}-USDT`, {
      tickSz: PAIR_TICKS[step] ?? '0.01',
      lotSz: '0.000001',
      minSz: '0.0001',
      startPrice,
    })
  })
}

/** The traded instruments by both spellings, native first. */
export interface InstrumentList {
  readonly all: readonly FakeInstrument[]
  byNative(instId: string): FakeInstrument | undefined
  /**
   * By native name or by ours.
   *
   * @throws RangeError for what is not listed.
   */
  find(symbol: string): FakeInstrument
}

export function createInstrumentList(instruments: readonly FakeInstrument[]): InstrumentList {
  const natives = new Map(instruments.map((instrument) => [instrument.native.instId, instrument]))
  const symbols = new Map(instruments.map((instrument) => [instrument.symbol, instrument]))
  return {
    all: [...natives.values()],
    byNative: (instId) => natives.get(instId),
    find(symbol) {
      const found = natives.get(symbol) ?? symbols.get(symbol)
      if (found === undefined) throw new RangeError(`the fake exchange does not list ${symbol}`)
      return found
    },
  }
}
