import { expect, test } from 'vitest'
import { CandleCheck, type CandleMismatch } from '../../../src/core/collector/candle-check.ts'
import { Decimal } from '../../../src/domain/decimal.ts'
import type { OhlcvData } from '../../../src/domain/market-data.ts'

const MINUTE_MS = 60_000

function candle(close: string, part: Partial<OhlcvData> = {}): OhlcvData {
  const openTime = part.openTime ?? 0
  return {
    exchange: 'acme',
    symbol: 'ABC-USD',
    timeframe: '1m',
    openTime,
    closeTime: openTime + MINUTE_MS,
    open: new Decimal('1'),
    high: new Decimal('9'),
    low: new Decimal('1'),
    close: new Decimal(close),
    volume: new Decimal('5'),
    quoteVolume: new Decimal('10'),
    takerBuyVolume: new Decimal('2'),
    tradesCount: 3,
    status: 'closed',
    complete: true,
    incompleteReason: undefined,
    source: 'trades',
    ...part,
  }
}

const theirs = (close: string, part: Partial<OhlcvData> = {}): OhlcvData =>
  candle(close, { takerBuyVolume: undefined, tradesCount: undefined, source: 'exchange', ...part })

const incomplete = { complete: false, incompleteReason: 'repairing' } as const

function watched(): { check: CandleCheck; mismatches: CandleMismatch[] } {
  const mismatches: CandleMismatch[] = []
  return { check: new CandleCheck((mismatch) => mismatches.push(mismatch)), mismatches }
}

test.each([
  ['ours first', ['ours', 'theirs']],
  ['theirs first', ['theirs', 'ours']],
] as const)('a difference is told with both candles and the fields that differ: %s', (_name, order) => {
  const { check, mismatches } = watched()
  const [mine, other] = [candle('2'), theirs('3')]
  for (const [at, who] of order.entries()) {
    expect(mismatches).toHaveLength(0)
    if (who === 'ours') check.ours(mine)
    else check.theirs(other)
    expect(mismatches).toHaveLength(at)
  }
  expect(mismatches).toEqual([
    { ours: mine, theirs: other, differences: [{ field: 'close', ours: new Decimal('2'), theirs: new Decimal('3') }] },
  ])
})

test('by value, and only what both sides say', () => {
  const { check, mismatches } = watched()
  check.ours(candle('2.50'))
  check.theirs(theirs('2.5'))
  expect(mismatches).toEqual([])
})

test('each bucket and each timeframe for itself', () => {
  const { check, mismatches } = watched()
  check.ours(candle('2'))
  check.theirs(theirs('3', { openTime: MINUTE_MS }))
  check.theirs(theirs('3', { timeframe: '5m' }))
  expect(mismatches).toEqual([])
  check.ours(candle('2', { timeframe: '5m' }))
  expect(mismatches.map(({ ours }) => ours.timeframe)).toEqual(['5m'])
})

test('what is open says nothing yet, on either side', () => {
  const { check, mismatches } = watched()
  check.ours(candle('2', { status: 'open' }))
  check.theirs(theirs('3'))
  check.ours(candle('4', { status: 'open', openTime: MINUTE_MS }))
  check.theirs(theirs('5', { status: 'open', openTime: MINUTE_MS }))
  check.ours(candle('5', { openTime: MINUTE_MS }))
  expect(mismatches).toEqual([])
})

test('one that is known to be incomplete is not compared; its revision is', () => {
  const { check, mismatches } = watched()
  check.theirs(theirs('3'))
  check.ours(candle('2', incomplete))
  expect(mismatches).toEqual([])
  check.ours(candle('3', { status: 'revised' }))
  expect(mismatches).toEqual([])

  check.theirs(theirs('3', { openTime: MINUTE_MS }))
  check.ours(candle('2', { ...incomplete, openTime: MINUTE_MS }))
  check.ours(candle('2', { status: 'revised', openTime: MINUTE_MS }))
  expect(mismatches.map(({ ours }) => ours.status)).toEqual(['revised'])
})

test('a revision that agrees is silent after one that did not, and one that differs again is told again', () => {
  const { check, mismatches } = watched()
  check.ours(candle('2'))
  check.theirs(theirs('3'))
  expect(mismatches).toHaveLength(1)
  check.ours(candle('3', { status: 'revised' }))
  expect(mismatches).toHaveLength(1)
  check.ours(candle('4', { status: 'revised' }))
  expect(mismatches.map(({ ours }) => String(ours.close))).toEqual(['2', '4'])
})

test.each(['ours', 'theirs'] as const)('the oldest that wait are forgotten, so that memory stays bounded: %s', (side) => {
  const { check, mismatches } = watched()
  const opposite = side === 'ours' ? 'theirs' : 'ours'
  const give = (who: 'ours' | 'theirs', close: string, openTime: number): void =>
    who === 'ours' ? check.ours(candle(close, { openTime })) : check.theirs(theirs(close, { openTime }))
  for (let i = 0; i < 1_001; i++) give(side, '2', i * MINUTE_MS)
  give(opposite, '3', 0)
  expect(mismatches).toEqual([])
  give(opposite, '3', MINUTE_MS)
  give(opposite, '3', 1_000 * MINUTE_MS)
  expect(mismatches.map(({ ours }) => ours.openTime)).toEqual([MINUTE_MS, 1_000 * MINUTE_MS])
})
