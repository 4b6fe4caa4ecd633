import assert from 'node:assert/strict'
import type { FakeExchange, FakeFill, FakeInstrument } from 'tapekeeper/testing'
import { buildIfStale, loadTesting } from '../src/built.ts'

/** Lively enough for a test of seconds, and not limited by how often tests ask. */
export async function startFake(seed: string): Promise<FakeExchange> {
  const { startFakeExchange } = await loadTesting(buildIfStale())
  return startFakeExchange({
    exchange: 'okx',
    seed,
    tradesPerSecond: 20,
    bookUpdatesPerSecond: 10,
    historyMs: 5 * 60_000,
    enforceDialLimit: false,
    credentials: CREDENTIALS,
  })
}

export const CREDENTIALS = {
  apiKey: '6b1a3c52-09f4-4d1e-8f55-1c7a2b9d0e43',
  secret: 'A1B2C3D4E5F60718293A4B5C6D7E8F90',
  passphrase: 'Peer-Test1',
}

/** A row of the `trades` channel or of REST, as the exchange writes it. */
export interface TradeRow {
  readonly instId: string
  readonly tradeId: string
  readonly px: string
  readonly sz: string
  readonly side: string
  readonly ts: string
  /** Fills merged into the row; missing over REST, where every fill is a row. */
  readonly count?: string
}

/** Every row is what was generated, and the next row follows the one before: nothing is missing, nothing comes twice. */
export function assertRowsAreGenerated(rows: readonly TradeRow[], fills: readonly FakeFill[]): void {
  const byId = new Map(fills.map((fill) => [fill.id, fill]))
  rows.forEach((row, index) => {
    const count = Number(row.count ?? 1)
    const ids = Array.from({ length: count }, (_, back) => String(Number(row.tradeId) - (count - 1 - back)))
    const merged = ids.map((id) => byId.get(id))
    const last = merged.at(-1)
    assert.ok(last, `${row.tradeId} was never generated`)
    assert.deepEqual(
      { price: row.px, side: row.side, timestamp: Number(row.ts) },
      { price: last.price, side: last.side, timestamp: last.timestamp },
    )
    if (count === 1) assert.equal(row.sz, last.size)
    else assert.ok(Math.abs(Number(row.sz) - merged.reduce((sum, fill) => sum + Number(fill?.size), 0)) < 1e-7)
    const previous = rows[index - 1]
    if (previous !== undefined) assert.equal(ids[0], String(Number(previous.tradeId) + 1), 'ids are dense')
  })
}

/** The ticker shows the last trade before it; the very first one may be as old as the market's last step. */
export function assertShowsLastTrade(
  ticker: { readonly last: number; readonly timestamp: number },
  isFirst: boolean,
  fills: readonly FakeFill[],
): void {
  const until = fills.filter(({ timestamp }) => timestamp <= ticker.timestamp)
  const allowed = isFirst ? until.filter(({ timestamp }) => timestamp >= ticker.timestamp - 1_000) : until.slice(-1)
  assert.ok(
    allowed.some(({ price }) => Number(price) === ticker.last),
    `last ${ticker.last}, but the tape ends with ${until.at(-1)?.price}`,
  )
}

export function nativeNames(instruments: readonly FakeInstrument[], type?: string): string[] {
  return instruments
    .filter(({ native }) => type === undefined || native.instType === type)
    .map(({ native }) => native.instId)
    .sort()
}

/** Looks again until it is so. */
export async function until(isSo: () => boolean, what: string, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!isSo()) {
    if (Date.now() > deadline) assert.fail(`waited ${timeoutMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
