import { describe, expect, test } from 'vitest'
import type { RestClient } from '../../../src/core/rest-client.ts'
import { loadBook } from '../../../src/exchanges/okx/book-snapshot.ts'
import { tradeHistory } from '../../../src/exchanges/okx/trade-history.ts'
import { RECEIVED_AT } from './support.ts'

const TARGET = { symbol: 'BTC-USDT-PERP', nativeSymbol: 'BTC-USDT-SWAP' }
const fill = { instId: 'BTC-USDT-SWAP', tradeId: '7', px: '10.5', sz: '2', side: 'sell', ts: '1795046400123' }
const { signal } = new AbortController()

/** Answers every GET with these rows, through the definition's own reading of the body. */
function restOf(data: unknown, asked: string[] = []): RestClient {
  return {
    async get(path, read) {
      asked.push(path)
      const outcome = read({ code: '0', msg: '', data })
      if (outcome.kind !== 'ok') throw new Error(`${outcome.kind}: ${outcome.message}`)
      return outcome.data
    },
  }
}
const page = (data: unknown, asked?: string[]) => tradeHistory.pageBefore!(restOf(data, asked), TARGET, '9', RECEIVED_AT, signal)
const latest = (data: unknown, asked?: string[]) => tradeHistory.latest!(restOf(data, asked), TARGET, RECEIVED_AT, signal)

describe('fills over REST', () => {
  test('are single ones, marked as backfilled, of the instrument asked for', async () => {
    const asked: string[] = []
    const point = {
      exchange: 'okx',
      symbol: 'BTC-USDT-PERP',
      dataType: 'trade',
      timestamp: 1_795_046_400_123,
      receivedAt: RECEIVED_AT,
    }
    const data = { id: '7', price: '10.5', size: '2', side: 'sell', count: undefined, backfilled: true }
    expect(await page([fill], asked)).toStrictEqual([{ ...point, data }])
    expect(await latest([fill], asked)).toStrictEqual({ ...point, data })
    expect(asked).toEqual([
      '/api/v5/market/history-trades?instId=BTC-USDT-SWAP&type=1&after=9&limit=100',
      '/api/v5/market/trades?instId=BTC-USDT-SWAP&limit=1',
    ])
  })

  test.each([
    ['a time in microseconds', { ts: '1795046400123000' }, 'ts is "1795046400123000", which looks like microseconds'],
    ['a time in seconds', { ts: '1795046400' }, 'ts is "1795046400", which looks like seconds'],
    ['another instrument', { instId: 'BTC-USDT' }, 'instId is "BTC-USDT", not the BTC-USDT-SWAP asked for'],
    ['no price', { px: null }, 'px is null'],
  ])('a row with %s is left out; an answer of nothing else is a failure, and not an empty page', async (_name, fields, words) => {
    const bad = { ...fill, ...fields }
    expect((await page([bad, fill, null])).map(({ data }) => data.id)).toEqual(['7'])
    await expect(page([bad, null])).rejects.toThrow(`failed: ${words}`)
    await expect(latest([bad])).rejects.toThrow(`failed: ${words}`)
  })

  test('without rows there are none, however that is written', async () => {
    for (const nothing of [[], null, '', undefined]) {
      expect(await page(nothing)).toEqual([])
      expect(await latest(nothing)).toBeUndefined()
    }
  })

  test.each([{ instId: null }, { instId: '' }, { count: null }, { source: 0 }, { seqId: '1' }])(
    '%j costs nothing',
    async (fields) => {
      expect(await page([{ ...fill, ...fields }])).toHaveLength(1)
    },
  )
})

describe('the book over REST', () => {
  const book = { asks: [['10', '0', '0', '0'], ['12', '1', '0', '1'], ['11', '1', '0', '1']], bids: [['9', '0.0', '0', '0']], ts: '1795046400123', seqId: 5 } // prettier-ignore
  const load = (fields: object) => loadBook(restOf([{ ...book, ...fields }]), TARGET, () => RECEIVED_AT, signal)

  test('is a snapshot as any other: best first, no level without size', async () => {
    const asks = [
      ['11', '1'],
      ['12', '1'],
    ]
    expect(await load({})).toMatchObject({ symbol: 'BTC-USDT-PERP', data: { kind: 'snapshot', bids: [], asks, sequence: 5 } })
    expect((await load({ seqId: '7', checksum: null })).data.sequence).toBe(7)
    expect((await load({ seqId: null })).data.sequence).toBeUndefined()
  })

  test.each([
    [{ ts: '1795046400' }, 'ts is "1795046400", which looks like seconds'],
    [{ seqId: 'x' }, 'seqId is "x"'],
    [{ bids: [['9', '-1']] }, 'a size of bids is "-1"'],
  ])('%j is a failed request', async (fields, words) => {
    await expect(load(fields)).rejects.toThrow(`failed: ${words}`)
  })
})
