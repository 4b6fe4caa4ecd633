/** A trade as it stands in a file; the same shape for everybody. */
export interface BenchTrade {
  readonly id: string
  readonly price: string
  readonly size: string
  readonly side: 'buy' | 'sell'
  readonly timestamp: number
}

const START = Date.UTC(2026, 0, 5)
const TRADES_PER_SECOND = 10

/** Trades like those of BTC-USDT: a random walk in ticks of 0.1, sizes with up to eight decimals, about ten a second, in bursts. */
export function generatedTrades(count: number, random: () => number): BenchTrade[] {
  const trades: BenchTrade[] = []
  let ticks = 1_000_000
  let time = START
  for (let i = 0; i < count; i++) {
    // Every third trade comes in the same millisecond as the one before: an order that met several others.
    if (random() > 1 / 3) time += Math.ceil((-Math.log(1 - random()) * 1_500) / TRADES_PER_SECOND)
    ticks = Math.max(500_000, ticks + Math.round((random() - 0.5) * 6))
    const units = Math.ceil(10 ** (2 + random() * 6))
    trades.push({
      id: flat(String(700_000_000 + i)),
      price: flat(`${Math.floor(ticks / 10)}.${ticks % 10}`),
      size: flat((units / 1e8).toFixed(8).replace(/0+$/, '0')),
      side: random() < 0.5 ? 'buy' : 'sell',
      timestamp: time,
    })
  }
  return trades
}

/** Text as a socket hands it out, not a tree of its pieces. */
const flat = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
