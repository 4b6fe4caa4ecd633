import { INVERSE_SCALE, type Bar } from './candles.ts'
import type { FakeInstrument } from './instruments.ts'
import { formatScaled, formatSteps, gridOf, toSteps, type Grid } from './units.ts'

/** What the numbers of one instrument mean: how ticks, lots and volumes are written. */
export interface Contract {
  price(ticks: number): string
  size(lots: number): string
  ticks(price: string): number
  lots(size: string): number
  readonly isInverse: boolean
  readonly startTicks: number
  readonly minLots: number
  /** An everyday order. */
  readonly typicalLots: number
  volumes(bar: Pick<Bar, 'lots' | 'notional' | 'inverse'>): Volumes
}

interface Volumes {
  /** Base currency on spot, contracts on derivatives. */
  readonly vol: string
  readonly base: string
  readonly quote: string
}

/** Instruments that do not trade yet may lack their steps. */
const FALLBACK_STEP = '0.01'
const BASE_DECIMALS = 8

/** What an everyday order is worth, by quote currency. */
const ORDER_VALUE: Readonly<Record<string, number>> = { BTC: 0.005, ETH: 0.1 }
const ORDER_VALUE_IN_DOLLARS = 400

export function contractOf({ native, startPrice }: FakeInstrument): Contract {
  const tick = gridOf(native.tickSz || FALLBACK_STEP)
  const lot = gridOf(native.lotSz || FALLBACK_STEP)
  const isSpot = native.instType === 'SPOT'
  const isInverse = native.ctType === 'inverse'
  const multiplier = isSpot ? ONE : times(gridOf(native.ctVal || '1'), gridOf(native.ctMult || '1'))

  const perLot = isSpot ? toNumber(lot) : toNumber(lot) * toNumber(multiplier)
  const value = ORDER_VALUE[native.quoteCcy] ?? ORDER_VALUE_IN_DOLLARS
  const minLots = Math.max(1, toSteps(native.minSz || FALLBACK_STEP, lot))
  const everyday = isInverse ? value / perLot : value / (Number(startPrice) * perLot)

  const amount = (lots: number | bigint, ...grids: readonly Grid[]): string => {
    const grid = grids.reduce(times, ONE)
    return formatScaled(BigInt(lots) * BigInt(grid.mantissa), grid.decimals)
  }
  return {
    price: (ticks) => formatSteps(ticks, tick),
    size: (lots) => formatSteps(lots, lot),
    ticks: (price) => toSteps(price, tick),
    lots: (size) => toSteps(size, lot),
    isInverse,
    startTicks: Math.max(1, Math.round(Number(startPrice) / toNumber(tick))),
    minLots,
    typicalLots: Math.max(minLots, Math.round(everyday)),
    volumes({ lots, notional, inverse }) {
      const vol = amount(lots, lot)
      if (isInverse) return { vol, base: inverseBase(inverse, lot, multiplier, tick), quote: amount(lots, lot, multiplier) }
      return { vol, base: isSpot ? vol : amount(lots, lot, multiplier), quote: amount(notional, tick, lot, multiplier) }
    },
  }
}

const ONE: Grid = { mantissa: 1, decimals: 0 }
const times = (a: Grid, b: Grid): Grid => ({ mantissa: a.mantissa * b.mantissa, decimals: a.decimals + b.decimals })
const toNumber = ({ mantissa, decimals }: Grid): number => mantissa / 10 ** decimals

/** Σ contracts × value ÷ price, which has no end as a decimal: cut after eight digits, as OKX does. */
function inverseBase(inverse: bigint, lot: Grid, multiplier: Grid, tick: Grid): string {
  const top = times(lot, multiplier)
  // inverse / 10^INVERSE_SCALE × top.mantissa / 10^top.decimals × 10^tick.decimals / tick.mantissa, in units of 10^-BASE_DECIMALS
  const numerator = inverse * BigInt(top.mantissa) * 10n ** BigInt(tick.decimals + BASE_DECIMALS)
  const denominator = BigInt(tick.mantissa) * 10n ** BigInt(INVERSE_SCALE + top.decimals)
  return formatScaled(numerator / denominator, BASE_DECIMALS)
}
