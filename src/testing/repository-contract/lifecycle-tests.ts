import { collect, faultOf, type ContractTest, type ContractWorld } from './contract-world.ts'
import { gapAt, gapsOf } from './gap-tests.ts'
import { candleAt, frameAt, MARKET, tradeAt } from './sample-rows.ts'

type Action = () => Promise<unknown>

/** Everything that a repository of this kind can be asked to do. */
const MARKET_DATA = ({ marketData }: ContractWorld): readonly (readonly [name: string, action: Action])[] => [
  ['saveCandles', () => marketData.saveCandles([candleAt(0)])],
  ['candles', () => collect(marketData.candles({ ...MARKET, timeframe: '1m' }))],
  ['latestCandle', () => marketData.latestCandle({ ...MARKET, timeframe: '1m' })],
  ['statistics', () => marketData.statistics()],
]

const RAW_TRADES = ({ rawTrades }: ContractWorld): readonly (readonly [name: string, action: Action])[] => [
  ['saveTrades', () => rawTrades.saveTrades([tradeAt(0)])],
  ['trades', () => collect(rawTrades.trades(MARKET))],
  ['latestTrade', () => rawTrades.latestTrade(MARKET)],
  ['statistics', () => rawTrades.statistics()],
]

const FRAMES = ({ frames }: ContractWorld): readonly (readonly [name: string, action: Action])[] => [
  ['saveFrames', () => frames.saveFrames([frameAt(0)])],
  ['frames', () => collect(frames.frames(MARKET))],
]

const CURSORS = ({ rawTrades }: ContractWorld): readonly (readonly [name: string, action: Action])[] => {
  const cursor = rawTrades.cursor?.('acme trades:BTC-USDT')
  return [
    ['cursor.load', async () => cursor?.load()],
    ['cursor.save', async () => cursor?.save({ id: '1', timestamp: 1 })],
  ]
}

const GAPS = ({ rawTrades }: ContractWorld): readonly (readonly [name: string, action: Action])[] => [
  ['saveGaps', () => gapsOf(rawTrades).saveGaps([gapAt(0)])],
  ['openGaps', () => gapsOf(rawTrades).openGaps(gapAt(0).stream)],
]

export const lifecycleTests: readonly ContractTest[] = [
  {
    name: 'a repository has a name, and declares the capabilities that you say it has',
    needs: [],
    run: async ({ expect, repositories, capabilities }) => {
      const stores = new Set(repositories.flatMap((repository) => repository.capabilities.stores))
      expect([...stores].toSorted()).toEqual([...new Set(capabilities.stores)].toSorted())
      for (const repository of repositories) {
        const { isPersistent, isShared } = repository.capabilities
        expect({ isPersistent, isShared }).toEqual({ isPersistent: capabilities.isPersistent, isShared: capabilities.isShared })
        expect([typeof repository.name, repository.name === '']).toEqual(['string', false])
      }
      return Promise.resolve()
    },
  },
  {
    name: 'a new repository is healthy and empty',
    needs: [],
    run: async ({ expect, repositories }) => {
      for (const repository of repositories) {
        const { isHealthy, issue, latencyMs } = await repository.healthCheck()
        expect({ isHealthy, issue, isTimed: latencyMs >= 0 }).toEqual({ isHealthy: true, issue: undefined, isTimed: true })
        const { rows, evicted } = await repository.statistics()
        expect([Object.values(rows).filter((count) => count !== 0), evicted]).toEqual([[], 0])
      }
    },
  },
  {
    name: 'close may be called many times, also at once',
    needs: [],
    run: async ({ expect, repositories }) => {
      for (const repository of repositories) {
        await Promise.all([repository.close(), repository.close()])
        await repository.close()
        expect(await faultOf(() => repository.statistics())).toBe('closed')
      }
    },
  },
  {
    name: 'a closed repository is not healthy and says so, without rejecting',
    needs: [],
    run: async ({ expect, repositories }) => {
      for (const repository of repositories) {
        await repository.close()
        const { isHealthy, issue, latencyMs } = await repository.healthCheck()
        expect([isHealthy, typeof issue, latencyMs >= 0]).toEqual([false, 'string', true])
      }
    },
  },
  ...(
    [
      ['candles', MARKET_DATA],
      ['trades', RAW_TRADES],
      ['frames', FRAMES],
      ['cursors', CURSORS],
      ['gaps', GAPS],
    ] as const
  ).map(([kind, actionsOf]): ContractTest => ({
    name: `${kind}: whatever is called after close is rejected with the fault closed`,
    needs: [kind],
    run: async (world) => {
      const actions = actionsOf(world)
      for (const [name, action] of actions) world.expect([name, await faultOf(action)]).toEqual([name, 'nothing, it resolved'])
      await world.close()
      for (const [name, action] of actions) world.expect([name, await faultOf(action)]).toEqual([name, 'closed'])
    },
  })),
]
