import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Decimal, decimalString } from '../../../src/domain/decimal.ts'
import { createSqliteRepository } from '../../../src/storage/sqlite/create-sqlite-repository.ts'
import { collect } from '../../../src/testing/repository-contract/contract-world.ts'
import { gapAt } from '../../../src/testing/repository-contract/gap-tests.ts'
import { candleAt, frameAt, MARKET, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { scratchFile } from './scratch.ts'

test('any tool reads the file: decimals are their digits, times are numbers, whole ones integers', async () => {
  const file = scratchFile()
  const repository = createSqliteRepository({ file, synchronous: 'full' })
  const price = decimalString('0.000000000000000010')
  await repository.saveTrades([
    tradeAt(0, MARKET, { price }),
    { ...tradeAt(1), timestamp: 1_700_000_000_000.125, receivedAt: 1e12 },
  ])
  await repository.saveCandles([candleAt(0, { volume: new Decimal('1e-18'), quoteVolume: undefined })])
  await repository.saveFrames([frameAt(0, { text: 'a\0b\u{1f600}' })])
  await repository.cursor('acme trades BTC-USDT').save({ id: '1001', timestamp: 5 })
  await repository.saveGaps([gapAt(0)])
  await repository.saveGaps([{ ...gapAt(0), filled: true, at: 9 }])
  await repository.close()

  const tool = new Database(file)
  expect(
    tool.prepare('SELECT trade_id, timestamp, price, size, side, count, backfilled FROM trades ORDER BY trade_id').all(),
  ).toEqual([
    { trade_id: '1000', timestamp: tradeAt(0).timestamp, price, size: '0.00012300', side: 'buy', count: null, backfilled: 1 },
    {
      trade_id: '1001',
      timestamp: 1_700_000_000_000.125,
      price: '60001.50',
      size: '0.00012300',
      side: 'sell',
      count: 1,
      backfilled: 0,
    },
  ])
  const types = 'SELECT typeof(price), typeof(timestamp), typeof(received_at) FROM trades ORDER BY trade_id'
  expect(tool.prepare(types).raw().all()).toEqual([
    ['text', 'integer', 'integer'],
    ['text', 'real', 'integer'],
  ])
  expect(tool.prepare('SELECT volume, quote_volume, status FROM market_data').raw().all()).toEqual([
    ['0.000000000000000001', null, 'closed'],
  ])
  expect(tool.prepare('SELECT text FROM raw_frames').pluck().get()).toBe('a\0b\u{1f600}')
  expect(tool.prepare('SELECT * FROM tape_cursors').raw().all()).toEqual([['acme trades BTC-USDT', '1001', 5, null]])
  expect(
    tool.prepare('SELECT gap_key, from_id, to_id, missing, reason, announced_at, filled_at FROM tape_gaps').raw().all(),
  ).toEqual([['["1000","1001"]', '1000', '1001', 2, 'rest-failed', gapAt(0).at, 9]])
  expect(tool.pragma('journal_mode', { simple: true })).toBe('wal')
  tool.close()
})

test('names that look like SQL, in every text of every row, are stored as they are', async () => {
  const repository = createSqliteRepository({ file: ':memory:' })
  const evil = (what: string) => `${what}'; DROP TABLE trades; DROP TABLE market_data; -- " ? \0 \\`
  const market = { exchange: evil('exchange'), symbol: evil('symbol') }
  const trade = tradeAt(0, market, { id: evil('id'), side: evil('side') as never })
  const words = { status: evil('status'), source: evil('source'), incompleteReason: evil('reason') } as object
  const candle = candleAt(0, { ...market, complete: false, ...words })
  const topic = evil('topic')
  const frame = frameAt(0, { ...market, id: evil('frame'), dataType: evil('type') as never, topic, text: evil('text') })
  for (const inserted of [1, 0]) {
    expect(await repository.saveTrades([trade])).toMatchObject({ inserted })
    expect(await repository.saveCandles([candle])).toMatchObject({ inserted })
    expect(await repository.saveFrames([frame])).toMatchObject({ inserted })
  }
  expect(await collect(repository.trades(market))).toEqual([trade])
  expect(await collect(repository.candles({ ...market, timeframe: '1m' }))).toEqual([candle])
  expect(await collect(repository.frames({ ...market, topic }))).toEqual([frame])
  expect((await repository.statistics()).rows).toEqual({ candles: 1, trades: 1, frames: 1, cursors: 0, gaps: 0 })
  await repository.close()
})
