import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { DataStream } from '../../../src/core/collector/data-stream.ts'
import { Delivery, type LostTrades } from '../../../src/core/collector/delivery.ts'
import type { PointOf } from '../../../src/domain/market-data.ts'
import { asDecimal } from '../../support/decimals.ts'

function setUp() {
  const faults: unknown[] = []
  const told = { dropped: 0, overflow: 0 }
  const lost: LostTrades[] = []
  const delivery = new Delivery({
    onFault: (error, dataType) => faults.push([dataType, error]),
    onDropped: (streams) => void (told.dropped += streams),
    onTradesLost: (each) => lost.push(each),
    onOverflow: () => told.overflow++,
    overflowError: () => new Error('too slow'),
  })
  return { delivery, faults, told, lost }
}

const trade = (id: string): PointOf<'trade'> => ({
  exchange: 'acme',
  symbol: 'ABC-USD',
  dataType: 'trade',
  timestamp: 1,
  receivedAt: 2,
  data: { id, price: asDecimal('1'), size: asDecimal('1'), side: 'buy', backfilled: false },
})

const ticker: PointOf<'ticker'> = { ...trade('1'), dataType: 'ticker', data: {} as PointOf<'ticker'>['data'] }

test('each consumer gets its type only, the same object, in order', async () => {
  const { delivery } = setUp()
  const heard: string[] = []
  delivery.add('trade', (point) => heard.push(`a${point.data.id}`))
  delivery.add('trade', (point) => heard.push(`b${point.data.id}`))
  const tickers = vi.fn()
  delivery.add('ticker', tickers)
  const stream = delivery.stream('trade', {})
  const first = trade('1')
  delivery.deliver(first)
  delivery.deliver(trade('2'))
  expect(heard).toEqual(['a1', 'b1', 'a2', 'b2'])
  expect(tickers).not.toHaveBeenCalled()
  expect((await stream.next()).value).toBe(first)
  delivery.deliver(ticker)
  expect(tickers).toHaveBeenCalledExactlyOnceWith(ticker)
  expect(stream.size).toBe(1)
})

describe('a bad callback harms nobody', () => {
  test('whether it throws, rejects or returns a broken thenable', async () => {
    const { delivery, faults } = setUp()
    const good = vi.fn()
    delivery.add('trade', () => {
      throw new Error('throws')
    })
    delivery.add('trade', async () => Promise.reject(new Error('rejects')))
    delivery.add('trade', () => ({
      then: () => {
        throw new Error('thenable')
      },
    }))
    delivery.add('trade', good)
    const stream = delivery.stream('trade', {})
    delivery.deliver(trade('1'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(good).toHaveBeenCalledTimes(1)
    expect(stream.size).toBe(1)
    expect(faults.map((fault) => (fault as [string, Error])[1].message).sort()).toEqual(['rejects', 'thenable', 'throws'])
  })
})

describe('while points are handed out', () => {
  test('a callback may remove itself and add others; they hear the next point', () => {
    const { delivery } = setUp()
    const late = vi.fn()
    const other = vi.fn()
    const once = vi.fn(() => {
      delivery.remove('trade', once)
      delivery.add('trade', late)
    })
    delivery.add('trade', once)
    delivery.add('trade', other)
    delivery.deliver(trade('1'))
    expect([once, other, late].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0])
    delivery.deliver(trade('2'))
    expect([once, other, late].map(({ mock }) => mock.calls.length)).toEqual([1, 2, 1])
  })

  test('a stream that overflows with `throw` ends without disturbing the others', () => {
    const { delivery, told } = setUp()
    const strict = delivery.stream('trade', { highWaterMark: 1, onOverflow: 'throw' })
    const patient = delivery.stream('trade', {})
    for (const id of ['1', '2', '3']) delivery.deliver(trade(id))
    expect([strict.ended, patient.size, told]).toEqual([true, 3, { dropped: 1, overflow: 1 }])
  })
})

test('trades that a slow stream lost are told, first and last, when it reads again', async () => {
  const { delivery, lost } = setUp()
  const stream = delivery.stream('trade', { highWaterMark: 2, onOverflow: 'drop-newest' })
  for (const id of ['1', '2', '3', '4', '5']) delivery.deliver(trade(id))
  expect(lost).toEqual([])
  await stream.next()
  expect(lost.map(({ first, last, fills }) => [first.data.id, last.data.id, fills])).toEqual([['3', '5', 3]])
  delivery.deliver(trade('6'))
  await stream.next()
  expect(lost).toHaveLength(1)
})

test('streams that nobody reads any more are left alone once they are full, and lose nothing by it', async () => {
  const { delivery, told, lost } = setUp()
  const policies = ['drop-oldest', 'drop-newest'] as const
  const streams = Array.from({ length: 1_000 }, (_, i) =>
    delivery.stream('trade', { highWaterMark: 3, onOverflow: policies[i % 2]! }),
  )
  const read = delivery.stream('trade', { highWaterMark: 3 })
  for (let id = 1; id <= 4; id++) {
    delivery.deliver(trade(String(id)))
    await read.next()
  }
  const push = vi.spyOn(DataStream.prototype, 'push')
  for (let id = 5; id <= 50; id++) {
    delivery.deliver(trade(String(id)))
    await read.next()
  }
  // The one that is read, for each of the 46 trades.
  expect(push).toHaveBeenCalledTimes(46)
  push.mockRestore()
  expect(told).toEqual({ dropped: 1_000 * 47, overflow: 1_000 })
  expect(lost).toEqual([])
  const ids = async (stream: DataStream<PointOf<'trade'>>): Promise<string[]> => {
    const found: string[] = []
    while (stream.size > 0) found.push(((await stream.next()).value as PointOf<'trade'>).data.id)
    return found
  }
  expect([await ids(streams[0]!), await ids(streams[1]!)]).toEqual([
    ['48', '49', '50'],
    ['1', '2', '3'],
  ])
  expect(lost.map(({ first, last, fills }) => [first.data.id, last.data.id, fills])).toEqual([
    ['1', '47', 47],
    ['4', '50', 47],
  ])
  delivery.deliver(trade('51'))
  expect([streams[0]!.size, streams[0]!.dropped, streams[2]!.dropped, read.dropped]).toEqual([1, 47, 48, 0])
  delivery.endStreams()
  expect(streams.every(({ ended }) => ended)).toBe(true)
  expect(lost).toHaveLength(1_000)
})

test('the same callback twice is called twice, and removed one at a time', () => {
  const { delivery } = setUp()
  const callback = vi.fn()
  delivery.add('trade', callback)
  delivery.add('trade', callback)
  delivery.deliver(trade('1'))
  expect(callback).toHaveBeenCalledTimes(2)
  delivery.remove('trade', callback)
  delivery.remove('ticker', callback)
  delivery.deliver(trade('2'))
  expect(callback).toHaveBeenCalledTimes(3)
  delivery.remove('trade', callback)
  delivery.remove('trade', callback)
  delivery.deliver(trade('3'))
  expect(callback).toHaveBeenCalledTimes(3)
})

test('endStreams ends every stream of every type, and new ones can be made', async () => {
  const { delivery } = setUp()
  const streams = [delivery.stream('trade', {}), delivery.stream('trade', {}), delivery.stream('ticker', {})]
  delivery.endStreams()
  expect(streams.every(({ ended }) => ended)).toBe(true)
  const fresh = delivery.stream('trade', {})
  delivery.deliver(trade('1'))
  expect((await fresh.next()).done).toBe(false)
})

test('types: the point is that of the data type, without a cast', () => {
  const { delivery } = setUp()
  delivery.add('trade', (point) => expectTypeOf(point).toEqualTypeOf<PointOf<'trade'>>())
  expectTypeOf(delivery.stream('orderbook', {})).toEqualTypeOf<DataStream<PointOf<'orderbook'>>>()
})
