import { describe, expect, test } from 'vitest'
import { CandleAggregator } from '../../src/aggregation/candle-aggregator.ts'
import { foldCandles } from '../../src/aggregation/fold-candles.ts'
import type { AggregatorSnapshot } from '../../src/aggregation/aggregator-snapshot.ts'
import type { CandleAggregatorOptions } from '../../src/aggregation/aggregator-options.ts'
import type { OhlcvData, PointOf } from '../../src/domain/market-data.ts'
import { TIMEFRAMES, timeframeMs, type Timeframe } from '../../src/domain/timeframe.ts'
import { asDecimal } from '../support/decimals.ts'
import { eachSeed } from '../support/runs.ts'
import { firstDifference, lastOf, naiveCandles, type TestTrade } from './support/naive.ts'
import { chance, randomTape, type Chance } from './support/random-tape.ts'

const NAME = { exchange: 'test', symbol: 'ABC-USD' }
const DAY = 86_400_000

function aggregatorOf(options: Partial<CandleAggregatorOptions> = {}) {
  const candles: OhlcvData[] = []
  const aggregator = new CandleAggregator({ ...NAME, timeframes: TIMEFRAMES, onCandle: (c) => void candles.push(c), ...options })
  return { aggregator, candles }
}

const someTimeframes = ({ random, pick }: Chance): readonly Timeframe[] => {
  const some = TIMEFRAMES.filter(() => random() < 0.4)
  return some.length > 0 ? some : [pick(TIMEFRAMES)]
}

/** Arrival times at most `allowance` behind the exchange's, so that nothing is late; now and then a trade comes twice. */
function arrivals(from: Chance, tape: readonly TestTrade[], allowance: number): { at: number; trade: TestTrade }[] {
  const all = tape.flatMap((trade) => {
    const once = { at: trade.timestamp + from.int(allowance), trade }
    return from.int(4) === 0 ? [once, { at: trade.timestamp + from.int(allowance * 3), trade }] : [once]
  })
  return from.shuffle(all).sort((a, b) => a.at - b.at)
}

const pointOf = ({ timestamp, price, size, ...rest }: TestTrade): PointOf<'trade'> => ({
  ...NAME,
  dataType: 'trade',
  timestamp,
  receivedAt: timestamp,
  data: { ...rest, price: asDecimal(price), size: asDecimal(size), backfilled: false },
})

describe('any order within the allowance, with duplicates, gives the same candles, to the byte', () => {
  test('tapes of all kinds of numbers', () =>
    eachSeed({ quick: 400, deep: 4_000 }, (seed) => {
      const from = chance(seed)
      const tape = randomTape(from, 1 + from.int(24))
      const timeframes = someTimeframes(from)
      const allowance = from.pick([1, 500, 1_500, 20_000])
      const series = from.int(3) === 0 && tape.at(-1)!.timestamp - tape[0]!.timestamp < 5_000_000
      const { aggregator, candles } = aggregatorOf({ timeframes, allowedLatenessMs: allowance, completeSeries: series })
      for (const { at, trade } of arrivals(from, tape, allowance)) {
        aggregator.advance(at)
        aggregator.add(from.int(2) === 0 ? pointOf(trade) : trade)
      }
      aggregator.flush()
      expect(candles.some(({ status }) => status !== 'closed')).toBe(false)
      // By the clock, a duplicate that comes last may have closed empty candles behind the last trade.
      const expected = naiveCandles(tape, { timeframes, series })
      const got = Object.entries(lastOf(candles)).filter(
        ([key, { tradesCount }]) => !series || key in expected || tradesCount !== 0,
      )
      expect(firstDifference(Object.fromEntries(got), expected)).toBeUndefined()
    }))
})

describe('the fold', () => {
  test('every timeframe is the exact fold of each lower one', () =>
    eachSeed({ quick: 60, deep: 400 }, (seed) => {
      const from = chance(seed)
      const tape = randomTape(from, 1 + from.int(40))
      const { aggregator, candles } = aggregatorOf({
        completeSeries: from.int(4) === 0 && tape.at(-1)!.timestamp - tape[0]!.timestamp < 1e5,
      })
      for (const trade of tape) {
        aggregator.advance(trade.timestamp)
        aggregator.add(trade)
      }
      aggregator.flush()
      for (const higher of TIMEFRAMES) {
        const expected = lastOf(candles.filter(({ timeframe }) => timeframe === higher))
        for (const lower of TIMEFRAMES) {
          if (timeframeMs(higher)! % timeframeMs(lower)! !== 0 || higher === lower) continue
          const folded = foldCandles(
            candles.filter(({ timeframe }) => timeframe === lower),
            higher,
          )
          expect(firstDifference(lastOf(folded), expected), `${lower} to ${higher}`).toBeUndefined()
        }
      }
    }))
})

interface Hole {
  readonly trades: TestTrade[]
  readonly from: number
  readonly to: number
}

describe('late trades, gaps, restarts', () => {
  test('what is known in the end is what candles say in the end', () =>
    eachSeed({ quick: 600, deep: 6_000 }, (seed) => {
      const from = chance(seed)
      const whole = randomTape(from, 2 + from.int(24))
      const span = whole.at(-1)!.timestamp - whole[0]!.timestamp
      const timeframes = someTimeframes(from)
      const completeSeries = span < 3e6 && from.int(3) === 0
      const options = { timeframes, completeSeries, allowedLatenessMs: from.pick([0, 700]), reviseWithinMs: 10 * DAY }

      // One hole, perhaps filled, perhaps never.
      const cut = from.int(whole.length)
      const size = from.int(3) === 0 ? 1 + from.int(4) : 0
      const missing = whole.slice(cut, cut + size).filter((_, i) => cut + i > 0 && cut + i < whole.length - 1)
      const tape = whole.filter((trade) => !missing.includes(trade))
      const hole: Hole = {
        trades: missing,
        from: whole[whole.indexOf(missing[0]!) - 1]?.timestamp ?? 0,
        to: whole[whole.indexOf(missing.at(-1)!) + 1]?.timestamp ?? 0,
      }
      const isFilled = from.int(2) === 0

      // Half of the trades come late, by anything up to the whole span.
      const events = tape.map((trade) => ({ at: trade.timestamp + (from.int(2) === 0 ? 0 : from.int(span + 1_000)), trade }))
      events.sort((a, b) => a.at - b.at)
      const all: OhlcvData[] = []
      const onCandle = (candle: OhlcvData): void => void all.push(candle)
      let { aggregator } = aggregatorOf({ ...options, onCandle })
      const gapAt = from.int(events.length)
      events.forEach(({ at, trade }, i) => {
        aggregator.advance(at)
        aggregator.add(trade)
        if (from.int(5) === 0) aggregator.add(trade)
        if (missing.length > 0 && i === gapAt) aggregator.gap({ ...gapOf(hole), filled: false })
        if (from.int(6) !== 0) return
        const snapshot = JSON.parse(JSON.stringify(aggregator.snapshot())) as AggregatorSnapshot
        aggregator = aggregatorOf({ ...options, snapshot, onCandle }).aggregator
      })
      const fill = { ...gapOf(hole), filled: true, trades: hole.trades.map(pointOf) }
      const fillsBeforeEnd = from.int(2) === 0
      if (missing.length > 0 && isFilled && fillsBeforeEnd) aggregator.gap(fill)
      aggregator.flush()
      if (missing.length > 0 && isFilled && !fillsBeforeEnd) aggregator.gap(fill)

      const known = isFilled ? whole : tape
      const gaps = missing.length > 0 && !isFilled ? [{ ...hole, reason: 'rest-failed' }] : []
      const expected = naiveCandles(known, { timeframes, series: completeSeries, gaps })
      const got = Object.entries(lastOf(all)).filter(([key, { tradesCount }]) => key in expected || tradesCount !== 0)
      expect(firstDifference(Object.fromEntries(got), expected)).toBeUndefined()
    }))

  const gapOf = ({ from, to }: Hole) => ({ fromTime: from, toTime: to, reason: 'rest-failed' })
})

test('an aggregator that is restored goes on as the other would: the same candles, one by one', () =>
  eachSeed({ quick: 100, deep: 300 }, (seed) => {
    const from = chance(seed)
    const tape = randomTape(from, 2 + from.int(30))
    const options = {
      timeframes: someTimeframes(from),
      allowedLatenessMs: from.pick([0, 2_000]),
      reviseWithinMs: from.pick([0, 5_000, DAY]),
      updateIntervalMs: from.pick([undefined, 0, 400]),
    }
    const one = aggregatorOf(options)
    const at = from.int(tape.length)
    const jittered = tape.map((trade) => ({ at: trade.timestamp + from.int(3_000), trade })).sort((a, b) => a.at - b.at)
    const run = (aggregator: CandleAggregator, part: typeof jittered): void => {
      for (const { at: now, trade } of part) {
        aggregator.advance(now)
        aggregator.add(trade)
      }
    }
    run(one.aggregator, jittered.slice(0, at))
    const snapshot = JSON.parse(JSON.stringify(one.aggregator.snapshot())) as AggregatorSnapshot
    const two = aggregatorOf({ ...options, snapshot })
    expect(two.aggregator.snapshot()).toEqual(snapshot)
    one.candles.length = 0
    for (const { aggregator } of [one, two]) {
      run(aggregator, jittered.slice(at))
      aggregator.flush()
    }
    const closed = (candles: OhlcvData[]): string => JSON.stringify(candles.filter(({ status }) => status !== 'open'))
    expect(closed(two.candles)).toBe(closed(one.candles))
  }))
