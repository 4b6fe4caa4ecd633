import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { FakeExchange } from 'tapekeeper/testing'
import { startFake } from './fake.ts'

interface Normalized {
  readonly type: string
  readonly symbol: string
  readonly id: string
  readonly price: number
  readonly amount: number
  readonly side: string
  readonly timestamp: Date
  readonly isSnapshot: boolean
  readonly bids: readonly { readonly price: number; readonly amount: number }[]
  readonly asks: readonly { readonly price: number; readonly amount: number }[]
}
interface Tardis {
  readonly streamNormalized: (options: object, ...normalizers: unknown[]) => AsyncGenerator<Normalized>
  readonly normalizeTrades: unknown
  readonly normalizeBookChanges: unknown
}

describe('tardis-dev', { timeout: 120_000 }, () => {
  let fake: FakeExchange
  let tardis: Tardis

  before(async () => {
    fake = await startFake('tardis-dev')
    const module: unknown = await import('tardis-dev')
    tardis = module as Tardis
  })
  after(async () => {
    delete process.env['WSS_URL_OKEX']
    await fake.close()
  })

  /** The first `count` messages. One URL replaces all of the exchange's, so each test streams from one endpoint. */
  async function take(url: string, count: number, normalizer: unknown): Promise<Normalized[]> {
    process.env['WSS_URL_OKEX'] = url
    const errors: Error[] = []
    const messages: Normalized[] = []
    const options = { exchange: 'okex', symbols: ['BTC-USDT'], onError: (error: Error) => errors.push(error) }
    for await (const message of tardis.streamNormalized(options, normalizer)) {
      messages.push(message)
      if (messages.length === count) break
    }
    assert.deepEqual(errors, [])
    return messages
  }

  test('streams individual trades as they were generated', async () => {
    const trades = await take(fake.endpoints.business, 40, tardis.normalizeTrades)
    const fills = fake.trades('BTC-USDT')
    const start = fills.findIndex(({ id }) => id === trades[0]?.id)
    assert.deepEqual(
      trades.map(({ type, symbol, id, price, amount, side, timestamp }) => ({
        type,
        symbol,
        id,
        price,
        amount,
        side,
        timestamp,
      })),
      fills.slice(start, start + trades.length).map(({ id, price, size, side, timestamp }) => ({
        type: 'trade',
        symbol: 'BTC-USDT',
        id,
        price: Number(price),
        amount: Number(size),
        side,
        timestamp: new Date(timestamp),
      })),
    )
  })

  test('streams a book that starts with a snapshot', async () => {
    const [snapshot, ...updates] = await take(fake.endpoints.public, 10, tardis.normalizeBookChanges)
    assert.equal(snapshot?.isSnapshot, true)
    assert.ok(snapshot.bids.length > 0 && snapshot.asks.length > 0)
    assert.ok(snapshot.bids[0]!.price < snapshot.asks[0]!.price)
    assert.ok(updates.every(({ type, isSnapshot }) => type === 'book_change' && !isSnapshot))
  })
})
