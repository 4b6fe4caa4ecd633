/**
 * Candles of a quiet market: one per bucket, also where nothing was traded; closed by the clock, not by the next trade; and a late trade
 * that changes what had closed. No network, no waiting: time is told to the aggregator.
 *
 *   npx tsx examples/candles-complete-series.ts
 */
import { CandleAggregator, decimalString, vwap, type OhlcvData } from 'tapekeeper'

const MINUTE = 60_000
/** Two minutes before midnight UTC. */
const START = Date.UTC(2026, 0, 5, 23, 58)

function show(candle: OhlcvData): void {
  const { timeframe, openTime, status, open, high, low, close, volume, tradesCount } = candle
  const numbers = [open, high, low, close].map((price) => price.toFixed(1).padStart(6)).join(' ')
  const average = vwap(candle)?.toFixed(2) ?? '-'
  const time = new Date(openTime).toISOString().slice(5, 16)
  console.log(
    `${time} ${timeframe} ${status.padEnd(7)} ${numbers}  volume ${volume.toString()} in ${tradesCount} trades, vwap ${average}`,
  )
}

const aggregator = new CandleAggregator({
  exchange: 'example',
  symbol: 'ABC-USD',
  timeframes: ['1m', '5m'],
  completeSeries: true,
  // From a database or REST: the series can begin before the first trade.
  previousClose: decimalString('99.5'),
  since: START,
  allowedLatenessMs: 2_000,
  onCandle: show,
})

console.log('no trade for a minute, one in the next, then silence across midnight')
aggregator.advance(START + MINUTE)
aggregator.add({ id: '1', price: '100.5', size: '0.3', side: 'buy', timestamp: START + MINUTE + 400 })
aggregator.add({ id: '2', price: '101.0', size: '0.1', side: 'sell', timestamp: START + MINUTE + 900 })
// In a program a timer does this: set it to `aggregator.nextDueAt()`.
for (let at = aggregator.nextDueAt(); at !== undefined && at <= START + 4 * MINUTE; at = aggregator.nextDueAt())
  aggregator.advance(at)

console.log('a trade of the second minute comes three minutes late: its candle is revised, and what stood at its close')
aggregator.add({ id: '3', price: '98.0', size: '0.2', side: 'sell', timestamp: START + MINUTE + 30_000 })

console.log('trades are missing, and are found')
const gap = { fromTime: START + 2 * MINUTE, toTime: START + 2 * MINUTE + 10_000, reason: 'rest-failed' }
const tell = ({ complete, incompleteReason }: OhlcvData): string => (complete ? 'complete' : `incomplete: ${incompleteReason}`)
const watched = new CandleAggregator({
  exchange: 'example',
  symbol: 'ABC-USD',
  timeframes: ['1m'],
  onCandle: (candle) => console.log(`${candle.timeframe} ${candle.status} ${tell(candle)}`),
})
watched.add({ id: '7', price: '98.5', size: '1', side: 'buy', timestamp: START + 2 * MINUTE })
watched.gap({ ...gap, filled: false })
watched.advance(START + 3 * MINUTE)
watched.gap({ ...gap, filled: true })
