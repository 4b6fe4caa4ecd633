import { decimalString } from '../../domain/decimal.ts'
import { compareTrades } from '../../storage/range-query.ts'
import { collect, faultOf, wrote, type ContractTest } from './contract-world.ts'
import { many, MARKET, timeAt, tradeAt } from './sample-rows.ts'

/** In the order in which ids of one timestamp come: numbers of any size by their value, then all others as text. */
const IDS_IN_ORDER = [
  ...new Set([
    ...['0', '9', '10', '99', '100', '1000000000', '9007199254740993', '9007199254740994', '18446744073709551616'],
    ...many(30, (index) => ['1', '9'].map((digit) => digit.repeat(index + 1))).flat(),
    ...['00', '007', '08', '0x10', '12ab', '1e3', 'A', 'a', 'a9'],
    ...['4f6c1c52-8a77-4b8e-9d0e-1c3f5b7d9e2a', '4f6c1c52-8a77-4b8e-9d0e-1c3f5b7d9e2b'],
  ]),
].sort(byValueThenText)

function byValueThenText(a: string, b: string): number {
  const [one, other] = [a, b].map((id) => (/^(0|[1-9]\d*)$/.test(id) ? BigInt(id) : undefined))
  if (one !== undefined && other !== undefined) return one < other ? -1 : one > other ? 1 : 0
  if (one !== undefined || other !== undefined) return one !== undefined ? -1 : 1
  return a < b ? -1 : 1
}

export const tradeTests: readonly ContractTest[] = [
  {
    name: 'a trade that is there stays as it is, whatever comes with its id',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const first = tradeAt(0)
      const others = [
        tradeAt(0, MARKET, { price: decimalString('1') }),
        tradeAt(0, MARKET, { backfilled: !first.data.backfilled }),
        { ...tradeAt(0), timestamp: timeAt(3) },
        { ...tradeAt(0), timestamp: timeAt(-3) },
      ]
      expect(await rawTrades.saveTrades([first])).toEqual(wrote(1))
      for (const other of others) expect(await rawTrades.saveTrades([other])).toEqual(wrote(0, 1))
      expect(await rawTrades.saveTrades(others)).toEqual(wrote(0, 4))
      expect(await collect(rawTrades.trades(MARKET))).toEqual([first])
    },
  },
  {
    name: 'the first of two different trades of one id in one batch is stored',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const other = { ...tradeAt(0, MARKET, { size: decimalString('9') }), timestamp: timeAt(-1) }
      expect(await rawTrades.saveTrades([tradeAt(0), other])).toEqual(wrote(1, 1))
      expect(await collect(rawTrades.trades(MARKET))).toEqual([tradeAt(0)])
    },
  },
  {
    name: 'one id on two markets is two trades',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const markets = [MARKET, { ...MARKET, symbol: 'ETH-USDT' }, { ...MARKET, exchange: 'other' }]
      expect(await rawTrades.saveTrades(markets.map((market) => tradeAt(0, market)))).toEqual(wrote(3))
      for (const market of markets) expect(await collect(rawTrades.trades(market))).toEqual([tradeAt(0, market)])
    },
  },
  {
    name: 'trades of one timestamp come in the order of their ids: 9 before 10',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      const trades = IDS_IN_ORDER.map((id) => tradeAt(0, MARKET, { id }))
      await rawTrades.saveTrades(trades.filter((_, index) => index % 2 === 0).toReversed())
      await rawTrades.saveTrades(trades.filter((_, index) => index % 2 === 1))
      const idsOf = async (order: 'asc' | 'desc', limit?: number): Promise<readonly string[]> =>
        (await collect(rawTrades.trades({ ...MARKET, order, limit }))).map(({ data }) => data.id)
      expect(await idsOf('asc')).toEqual(IDS_IN_ORDER)
      expect(await idsOf('desc')).toEqual(IDS_IN_ORDER.toReversed())
      expect(await idsOf('asc', 3)).toEqual(IDS_IN_ORDER.slice(0, 3))
      expect(await idsOf('desc', 3)).toEqual(IDS_IN_ORDER.toReversed().slice(0, 3))
    },
  },
  {
    name: 'thousands of trades of one timestamp come each once, in order',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      // Numbers of one to seventeen digits, and behind them texts shorter than most of those.
      const idAt = (index: number): string => (index < 4_000 ? String(BigInt(index) ** 5n) : `x${index}`)
      const trades = many(5_000, (index) => tradeAt(0, MARKET, { id: idAt((index * 7_919) % 5_000) }))
      expect(await rawTrades.saveTrades(trades)).toEqual(wrote(5_000))
      for (const order of ['asc', 'desc'] as const) {
        const ids = (await collect(rawTrades.trades({ ...MARKET, order }))).map(({ data }) => data.id)
        expect(order === 'asc' ? ids : ids.toReversed()).toEqual(many(5_000, idAt))
      }
    },
  },
  {
    name: 'the latest trade is the last one in the order of trades',
    needs: ['trades'],
    run: async ({ expect, rawTrades }) => {
      expect(await rawTrades.latestTrade(MARKET)).toBe(undefined)
      const trades = [
        tradeAt(5, MARKET, { id: '10' }),
        tradeAt(5, MARKET, { id: '9' }),
        tradeAt(3, MARKET, { id: '99' }),
        tradeAt(5, MARKET, { id: '8' }),
      ]
      await rawTrades.saveTrades([...trades, tradeAt(9, { ...MARKET, symbol: 'ETH-USDT' })])
      await rawTrades.saveTrades([tradeAt(1)])
      expect(await rawTrades.latestTrade(MARKET)).toEqual(trades.toSorted(compareTrades).at(-1))
      expect((await rawTrades.latestTrade(MARKET))?.data.id).toBe('10')
    },
  },
  {
    name: 'a batch with a trade that can never be stored is stored not at all, and says fault row',
    needs: ['trades'],
    run: async ({ expect, rawTrades, subject: { badTrade } }) => {
      if (badTrade === undefined) return
      const good = many(20, (index) => tradeAt(index))
      await rawTrades.saveTrades(good.slice(0, 3))
      for (const at of [0, 10, 20]) {
        const batch = [...good.slice(0, at), badTrade, ...good.slice(at)]
        expect(await faultOf(() => rawTrades.saveTrades(batch))).toBe('row')
        expect(await collect(rawTrades.trades(MARKET))).toEqual(good.slice(0, 3))
      }
      expect(await faultOf(() => rawTrades.saveTrades([badTrade]))).toBe('row')
      expect(await rawTrades.saveTrades(good)).toEqual(wrote(17, 3))
    },
  },
]
