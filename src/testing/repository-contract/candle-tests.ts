import { Decimal } from '../../domain/decimal.ts'
import type { OhlcvData } from '../../domain/market-data.ts'
import { CANDLE_TIMEFRAMES } from '../../domain/timeframe.ts'
import { decideCandle } from '../../storage/decide-candle.ts'
import type { WriteResult } from '../../storage/repository.ts'
import { seededRandom } from '../seeded-random.ts'
import { collect, faultOf, wrote, type ContractTest, type ContractWorld } from './contract-world.ts'
import { candleAt, many, MARKET, timeAt } from './sample-rows.ts'
import { plain } from './shelf.ts'

const SERIES = { ...MARKET, timeframe: '1m' } as const
const changed = { close: new Decimal('61000') }

interface Rule {
  readonly name: string
  readonly stored: Partial<OhlcvData>
  readonly given: Partial<OhlcvData>
  readonly force?: boolean
  readonly result: WriteResult
}

const KEPT = wrote(0, 1)
const OVERWRITTEN = wrote(0, 0, 1)

const RULES: readonly Rule[] = [
  { name: 'an equal one is kept', stored: {}, given: {}, result: KEPT },
  { name: 'an equal revision is no change', stored: {}, given: { status: 'revised' }, result: KEPT },
  { name: 'an equal one is no change, not even by force', stored: {}, given: {}, force: true, result: KEPT },
  {
    name: 'equal in number is equal',
    stored: { volume: new Decimal('1.50') },
    given: { volume: new Decimal('1.5') },
    result: KEPT,
  },
  { name: 'a closed one is not replaced by another', stored: {}, given: changed, result: KEPT },
  { name: 'a closed one is replaced by force', stored: {}, given: changed, force: true, result: OVERWRITTEN },
  { name: 'a closed one is replaced by a revision', stored: {}, given: { ...changed, status: 'revised' }, result: OVERWRITTEN },
  {
    name: 'a revised one is replaced by a revision',
    stored: { status: 'revised' },
    given: { ...changed, status: 'revised' },
    result: OVERWRITTEN,
  },
  { name: 'a revised one is not replaced by a closed one', stored: { status: 'revised' }, given: changed, result: KEPT },
  {
    name: 'a revised one is replaced by a closed one by force',
    stored: { status: 'revised' },
    given: changed,
    force: true,
    result: OVERWRITTEN,
  },
  {
    name: 'an open one is replaced by a newer open one',
    stored: { status: 'open' },
    given: { ...changed, status: 'open' },
    result: OVERWRITTEN,
  },
  {
    name: 'an open one is replaced when it closes, with the same numbers, too',
    stored: { status: 'open' },
    given: {},
    result: OVERWRITTEN,
  },
  { name: 'an open one does not replace a closed one', stored: {}, given: { ...changed, status: 'open' }, result: KEPT },
  {
    name: 'an open one does not replace a closed one, not even by force',
    stored: {},
    given: { ...changed, status: 'open' },
    force: true,
    result: KEPT,
  },
  ...(
    [
      { closeTime: timeAt(1) - 1 },
      { open: new Decimal(1) },
      { high: new Decimal(1) },
      { low: new Decimal(1) },
      { volume: new Decimal('12.345000000000000001') },
      { quoteVolume: new Decimal(1) },
      { quoteVolume: undefined },
      { takerBuyVolume: new Decimal(0) },
      { takerBuyVolume: undefined },
      { tradesCount: 18 },
      { tradesCount: undefined },
      { complete: false },
      { incompleteReason: 'too-late' },
      { source: 'exchange' },
    ] as const satisfies readonly Partial<OhlcvData>[]
  ).map((change: Partial<OhlcvData>) => ({
    name: `a revision that differs in ${Object.entries(change).map(([field, value]) => `${field} (${String(value)})`)[0] ?? ''} is a change`,
    stored: {},
    given: { ...change, status: 'revised' as const },
    result: OVERWRITTEN,
  })),
]

export const candleTests: readonly ContractTest[] = [
  ...RULES.map(({ name, stored, given, force, result }) => ({
    name: `a candle that is there: ${name}`,
    needs: ['candles'] as const,
    run: async ({ expect, marketData }: ContractWorld) => {
      const [before, after] = [candleAt(0, stored), candleAt(0, given)]
      await marketData.saveCandles([before])
      expect(await marketData.saveCandles([after], { forceUpdateCandles: force })).toEqual(result)
      const expected = plain(result.overwritten === 1 ? after : before)
      expect((await collect(marketData.candles(SERIES))).map(plain)).toEqual([expected])
      expect(plain(await marketData.latestCandle(SERIES))).toEqual(expected)
    },
  })),
  {
    name: 'a candle twice in one batch: the later one counts as having come later',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      const open = candleAt(0, { status: 'open' })
      const newer = candleAt(0, { status: 'open', ...changed })
      const revised = candleAt(1, { status: 'revised', ...changed })
      const batch = [open, candleAt(1), newer, candleAt(0), open, revised, candleAt(1)]
      expect(await marketData.saveCandles(batch)).toEqual(wrote(2, 2, 3))
      expect((await collect(marketData.candles(SERIES))).map(plain)).toEqual([candleAt(0), revised].map(plain))
    },
  },
  {
    name: 'candles in any sequence of batches end as decideCandle says',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      for (let round = 0; round < 40; round++) {
        const symbol = `ROUND${round}-USDT`
        const random = seededRandom(`candles ${round}`)
        const stored = new Map<number, OhlcvData>()
        for (let batch = 0; batch < 6; batch++) {
          const candles = many(1 + Math.floor(random() * 8), () => candleOfChance(symbol, random))
          const forceUpdateCandles = random() < 0.2
          const expected = saveInModel(stored, candles, forceUpdateCandles)
          const result = await marketData.saveCandles(candles, { forceUpdateCandles })
          expect({ round, batch, ...result }).toEqual({ round, batch, ...expected })
        }
        const found = await collect(marketData.candles({ ...SERIES, symbol }))
        const expected = [...stored.values()].toSorted((a, b) => a.openTime - b.openTime)
        expect({ round, candles: found.map(plain) }).toEqual({ round, candles: expected.map(plain) })
      }
    },
  },
  {
    name: 'candles of one market and time in each timeframe are different candles',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      const candles = CANDLE_TIMEFRAMES.map((timeframe, index) => candleAt(0, { timeframe, tradesCount: index }))
      expect(await marketData.saveCandles(candles)).toEqual(wrote(candles.length))
      for (const candle of candles) {
        const { timeframe } = candle
        expect((await collect(marketData.candles({ ...SERIES, timeframe }))).map(plain)).toEqual([plain(candle)])
        expect(plain(await marketData.latestCandle({ ...SERIES, timeframe }))).toEqual(plain(candle))
      }
    },
  },
  {
    name: 'the latest candle is the one that opened last, not the one written last',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      expect(await marketData.latestCandle(SERIES)).toBe(undefined)
      await marketData.saveCandles([candleAt(5), candleAt(9), candleAt(7)])
      await marketData.saveCandles([candleAt(2), candleAt(20, { symbol: 'ETH-USDT' }), candleAt(20, { timeframe: '5m' })])
      expect(plain(await marketData.latestCandle(SERIES))).toEqual(plain(candleAt(9)))
    },
  },
  {
    name: 'a range of candles of a timeframe that does not exist is a wrong query',
    needs: ['candles'],
    run: async ({ expect, marketData }) => {
      const series = { ...SERIES, timeframe: "1m' OR '1'='1" as '1m' }
      expect(await faultOf(() => collect(marketData.candles(series)))).toBe('CONFIG_INVALID')
    },
  },
]

const pick = <Item>(items: readonly Item[], random: () => number): Item => items[Math.floor(random() * items.length)] as Item

/** Of few values, so that equal ones meet. */
const candleOfChance = (symbol: string, random: () => number): OhlcvData =>
  candleAt(pick([0, 1, 2], random), {
    symbol,
    status: pick(['open', 'closed', 'revised'], random),
    close: pick([new Decimal('60001.25'), new Decimal('60001.250000000000000001')], random),
    quoteVolume: pick([undefined, new Decimal('740712.3450625')], random),
    complete: random() < 0.8,
  })

/** What `saveCandles` must do, candle by candle. */
function saveInModel(stored: Map<number, OhlcvData>, candles: readonly OhlcvData[], forceUpdateCandles: boolean): WriteResult {
  const count = { insert: 0, keep: 0, overwrite: 0 }
  for (const candle of candles) {
    const decision = decideCandle(stored.get(candle.openTime), candle, forceUpdateCandles)
    if (decision !== 'keep') stored.set(candle.openTime, candle)
    count[decision]++
  }
  return wrote(count.insert, count.keep, count.overwrite)
}
