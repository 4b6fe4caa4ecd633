import type { RestClient, RestOutcome } from '../../core/rest-client.ts'
import { decimal, isUnsignedDecimal, type DecimalString } from '../../domain/decimal.ts'
import type { Instrument, MarketType } from '../../domain/instrument.ts'
import { readRows } from './rest-envelope.ts'
import { isXPerp, symbolOf, xPerpSymbolOf } from './symbols.ts'
import { instrumentRow, timeRows, type InstrumentRow } from './wire.ts'

/** OKX lists X-Perps, perpetual in all but name, among the dated futures. */
const LISTS: Readonly<Record<MarketType, readonly InstrumentRow['instType'][]>> = {
  spot: ['SPOT'],
  perpetual: ['SWAP', 'FUTURES'],
  future: ['FUTURES'],
}

/** The instruments of one market type. */
export async function loadInstruments(rest: RestClient, marketType: MarketType): Promise<readonly Instrument[]> {
  const lists = LISTS[marketType].map((type) => rest.get(`/api/v5/public/instruments?instType=${type}`, readList))
  return (await Promise.all(lists)).flat().filter((instrument) => instrument.marketType === marketType)
}

/**
 * A row that cannot be read is left out: one odd listing must not hide the others. A list of nothing else is a failure, and no proof that
 * nothing is listed.
 */
function readList(body: unknown): RestOutcome<readonly Instrument[]> {
  const rows = readRows(body)
  if (rows.kind !== 'ok') return rows
  const instruments = rows.data.flatMap((row) => instrumentOf(row) ?? [])
  const isUnreadable = instruments.length === 0 && rows.data.length > 0
  return isUnreadable ? { kind: 'failed', message: 'no row that can be read' } : { kind: 'ok', data: instruments }
}

/** The exchange's clock, epoch milliseconds. */
export async function loadServerTime(rest: RestClient): Promise<number> {
  return rest.get('/api/v5/public/time', (body): RestOutcome<number> => {
    const rows = readRows(body)
    if (rows.kind !== 'ok') return rows
    const [{ ts }] = timeRows.parse(rows.data)
    return ts === undefined ? { kind: 'failed', message: 'no time' } : { kind: 'ok', data: ts }
  })
}

/** One row of the list as an instrument; undefined when it cannot be one. */
export function instrumentOf(raw: unknown): Instrument | undefined {
  const parsed = instrumentRow.safeParse(raw)
  if (!parsed.success) return undefined
  const row = parsed.data
  const marketType = marketTypeOf(row)
  const symbol = row.ruleType === 'xperp' ? xPerpSymbolOf(row.instId) : symbolOf(row.instId)
  const [base, quote] = currenciesOf(row)
  if (symbol === undefined || base === undefined || quote === undefined) return undefined
  const isSpot = marketType === 'spot'
  return {
    exchange: 'okx',
    symbol,
    nativeSymbol: row.instId,
    marketType,
    base,
    quote,
    settle: isSpot ? undefined : row.settleCcy,
    tickSize: row.tickSz,
    lotSize: row.lotSz,
    minSize: row.minSz,
    sizeUnit: isSpot ? 'base' : 'contract',
    contractSize: isSpot ? undefined : contractSizeOf(row),
    contractAsset: isSpot ? undefined : row.ctValCcy,
    contractType: row.ctType === 'linear' || row.ctType === 'inverse' ? row.ctType : undefined,
    live: row.state === 'live',
    state: row.state ?? 'unknown',
    listedAt: row.listTime,
    expiresAt: row.expTime,
  }
}

function marketTypeOf(row: InstrumentRow): MarketType {
  if (row.instType === 'SPOT') return 'spot'
  return row.instType === 'SWAP' || row.ruleType === 'xperp' || isXPerp(row.instId) ? 'perpetual' : 'future'
}

/** Derivatives leave baseCcy and quoteCcy empty; their underlying (`BTC-USD`) says it, and the family (`BTC-USD_UM`) almost. */
function currenciesOf(row: InstrumentRow): readonly (string | undefined)[] {
  if (row.baseCcy !== undefined && row.quoteCcy !== undefined) return [row.baseCcy, row.quoteCcy]
  const [base, quote] = (row.uly ?? row.instFamily ?? row.instId).split('-')
  return [base, quote?.split('_')[0]]
}

/** Exact: ctVal and ctMult are multiplied as decimals. */
function contractSizeOf({ ctVal, ctMult }: InstrumentRow): DecimalString | undefined {
  if (ctVal === undefined || ctMult === undefined) return undefined
  const size = decimal(ctVal).times(decimal(ctMult)).toFixed()
  return isUnsignedDecimal(size) ? size : undefined
}
