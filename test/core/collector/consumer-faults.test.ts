import { expect, test } from 'vitest'
import { consumerGap, storageGaps } from '../../../src/core/collector/consumer-faults.ts'
import type { PointOf } from '../../../src/domain/market-data.ts'
import { asDecimal } from '../../support/decimals.ts'

const trade = (id: string, count?: number, symbol = 'A-B'): PointOf<'trade'> => ({
  exchange: 'fake',
  symbol,
  dataType: 'trade',
  timestamp: 1,
  receivedAt: 2,
  data: { id, count, price: asDecimal('1'), size: asDecimal('1'), side: 'buy', backfilled: false },
})

const runsOf = (...trades: PointOf<'trade'>[]) =>
  storageGaps('fake', trades, 3).map(({ symbol, fromId, toId, missing }) => [symbol, fromId, toId, missing])

test.each([
  ['of ordinary size', 1_000n],
  ['beyond 2^53', 9_007_199_254_740_992n],
  ['about 2^53', 9_007_199_254_740_989n],
  ['of 30 digits', 123_456_789_012_345_678_901_234_567_890n],
])('neighbours are one gap, and what lies between is none of it: ids %s', (_name, first) => {
  const id = (n: number): string => String(first + BigInt(n))
  expect(runsOf(trade(id(0)), trade(id(1)), trade(id(4), 3), trade(id(6)), trade(id(7), 1, 'C-D'))).toEqual([
    ['A-B', id(0), id(4), 5],
    ['A-B', id(6), id(6), 1],
    ['C-D', id(7), id(7), 1],
  ])
  const lost = { first: trade(id(4), 3), last: trade(id(9)), fills: 8 }
  expect(consumerGap('fake', lost, 3)).toMatchObject({ fromId: id(2), toId: id(9), missing: 8 })
})

test('ids that do not count have no neighbours', () => {
  expect(runsOf(trade('a', 3), trade('b'), trade('007'), trade('8'))).toEqual([
    ['A-B', 'a', 'a', 3],
    ['A-B', 'b', 'b', 1],
    ['A-B', '007', '007', 1],
    ['A-B', '8', '8', 1],
  ])
})
