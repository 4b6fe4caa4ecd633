import { describe, expect, test } from 'vitest'
import type { Instrument } from '../../src/domain/instrument.ts'
import type { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'
import { registerExchange } from '../../src/exchanges/registry.ts'
import { createDecoder } from '../../src/manager/decoder.ts'
import { acme } from '../support/acme.ts'

registerExchange(acme)
registerExchange({
  ...acme,
  id: 'broken',
  createDecoder: () => () => {
    throw new Error('definition')
  },
})

const trade = (topic: string) => JSON.stringify({ topic, px: '42.10', seq: 7 })

test('a frame to points, with our symbol', () => {
  const decoder = createDecoder({ exchange: 'acme' })
  expect(decoder.decode(trade('trades.abcusd'), 123)).toMatchObject([
    { exchange: 'acme', symbol: 'ABC-USD', dataType: 'trade', receivedAt: 123, data: { id: '7', price: '42.10' } },
  ])
  expect(decoder.errors).toBe(0)
})

test('left out, receivedAt is now', () => {
  const before = Date.now()
  const [point] = createDecoder({ exchange: 'acme' }).decode(trade('trades.abcusd'))
  expect(point?.receivedAt).toBeGreaterThanOrEqual(before)
  expect(point?.receivedAt).toBeLessThanOrEqual(Date.now())
})

test("the exchange's list goes before its naming convention", () => {
  const instruments = [{ nativeSymbol: 'abcusd', symbol: 'ABCUSD-X' } as Instrument]
  const decoder = createDecoder({ exchange: 'acme', instruments })
  expect(decoder.decode(trade('trades.abcusd'), 1)[0]?.symbol).toBe('ABCUSD-X')
  expect(decoder.decode(trade('trades.defusd'), 1)[0]?.symbol).toBe('DEF-USD')
})

describe('never throws', () => {
  test.each([['{'], [''], ['\u0000']])('%j is counted and reported', (text) => {
    const heard: TapekeeperError[] = []
    const decoder = createDecoder({ exchange: 'acme', onError: (error) => heard.push(error) })
    expect(decoder.decode(text, 1)).toEqual([])
    expect([decoder.errors, heard[0]?.code]).toEqual([1, 'FRAME_INVALID'])
  })

  test.each(['pong', '{"ack":"trades.abcusd"}', '{"move":true}'])('%s holds no data and is no error', (text) => {
    const decoder = createDecoder({ exchange: 'acme' })
    expect([decoder.decode(text, 1), decoder.errors]).toEqual([[], 0])
  })

  test('not even when the definition or the listener does', () => {
    const decoder = createDecoder({
      exchange: 'broken',
      onError: () => {
        throw new Error('listener')
      },
    })
    expect(decoder.decode('{}', 1)).toEqual([])
    expect(decoder.errors).toBe(1)
  })
})

test('an unknown exchange is an error', () => {
  expect(() => createDecoder({ exchange: 'acmee' })).toThrow(/did you mean "acme"/)
})
