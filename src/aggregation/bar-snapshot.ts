import type { BarSnapshot } from './aggregator-snapshot.ts'
import { Bar } from './bar.ts'
import type { Exact } from './exact.ts'
import { idNumber } from '../domain/trade-id.ts'

const WORD = 10_000_000n
const SAFE = 2n ** 50n

/** Everything a bar is, exactly. */
export function barToSnapshot(bar: Bar): BarSnapshot {
  const { open, high, low, close } = bar.exactPrices()
  const sums = bar.exactSums()
  return {
    openTime: bar.openTime,
    isClosed: bar.isClosed,
    count: bar.count,
    scales: [bar.priceScale, bar.sizeScale],
    prices: [write(open), write(high), write(low), write(close)],
    first: [bar.firstTime, bar.firstId],
    last: [bar.lastTime, bar.lastId],
    volume: write(sums.volume),
    buyVolume: write(sums.buyVolume),
    quoteVolume: write(sums.quote),
  }
}

export function barFromSnapshot(from: BarSnapshot, lengthMs: number): Bar {
  const bar = new Bar().reset(from.openTime, from.openTime + lengthMs)
  bar.isClosed = from.isClosed
  bar.count = from.count
  ;[bar.priceScale, bar.sizeScale] = from.scales
  ;[bar.firstTime, bar.firstId] = from.first
  ;[bar.lastTime, bar.lastId] = from.last
  bar.firstNumber = idNumber(bar.firstId)
  bar.lastNumber = idNumber(bar.lastId)

  const [open, high, low, close] = [read(from.prices[0]), read(from.prices[1]), read(from.prices[2]), read(from.prices[3])]
  if ([open, high, low, close].every((price) => fits(price, bar.priceScale))) {
    bar.open = Number(open.digits)
    bar.high = Number(high.digits)
    bar.low = Number(low.digits)
    bar.close = Number(close.digits)
  } else bar.prices = { open, high, low, close }

  const [volume, buyVolume, quote] = [read(from.volume), read(from.buyVolume), read(from.quoteVolume)]
  const upper = quote.digits / WORD
  const isUsual = fits(volume, bar.sizeScale) && fits(buyVolume, bar.sizeScale) && quote.scale === bar.priceScale + bar.sizeScale
  if (isUsual && upper / WORD < SAFE) {
    bar.volume = Number(volume.digits)
    bar.buyVolume = Number(buyVolume.digits)
    bar.quote0 = Number(quote.digits % WORD)
    bar.quote1 = Number(upper % WORD)
    bar.quote2 = Number(upper / WORD)
  } else bar.sums = { volume, buyVolume, quote }
  return bar
}

const fits = ({ digits, scale }: Exact, wanted: number): boolean => scale === wanted && digits < SAFE

const write = ({ digits, scale }: Exact): string => `${digits}e-${scale}`

function read(text: string): Exact {
  const at = text.indexOf('e')
  return { digits: BigInt(text.slice(0, at)), scale: Number(text.slice(at + 2)) }
}
