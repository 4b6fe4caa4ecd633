import { expect, test } from 'vitest'
import type { FrameQuery } from '../../../src/storage/repository.ts'
import { candleKey, candleValues, frameValues, tradeValues, type SqlValue } from '../../../src/storage/sql/row-values.ts'
import { CANDLE_COLUMNS, CANDLE_KEY, FRAME_COLUMNS, TRADE_COLUMNS } from '../../../src/storage/sql/tables.ts'
import { collect } from '../../../src/testing/repository-contract/contract-world.ts'
import { candleAt, frameAt, many, MARKET, timeAt, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { inMemory } from './in-memory.ts'
import fc from '../../support/fast-check.ts'
import { property } from '../../support/runs.ts'

test('the tables have the columns that values are written for, in the same order', async () => {
  const { connection } = await inMemory()
  const columns = (table: string) => connection.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table)
  expect(columns('trades')).toEqual(TRADE_COLUMNS)
  expect(columns('market_data')).toEqual(CANDLE_COLUMNS)
  expect(columns('raw_frames')).toEqual(FRAME_COLUMNS)
  expect(CANDLE_COLUMNS.slice(0, CANDLE_KEY.length)).toEqual(CANDLE_KEY)
  const lengths = [tradeValues(tradeAt(0)), candleValues(candleAt(0)), candleKey(candleAt(0)), frameValues(frameAt(0))]
  expect(lengths.map(({ length }) => length)).toEqual([11, 17, 4, 8])
})

const insert = (table: string, values: readonly SqlValue[]): string =>
  `INSERT INTO ${table} VALUES (${values.map(() => '?').join(',')})`

test.each(['asc', 'desc'] as const)(
  'every page, %s, is read from an index in order, and begins where the last one ended',
  async (order) => {
    const { connection, reader, queries } = await inMemory()
    for (const row of many(2_500, (index) => tradeAt(index)))
      connection.prepare(insert('trades', tradeValues(row))).run(...tradeValues(row))
    for (const row of many(2_500, (index) => candleAt(index)))
      connection.prepare(insert('market_data', candleValues(row))).run(...candleValues(row))
    for (const row of many(2_500, (index) => frameAt(index)))
      connection.prepare(insert('raw_frames', frameValues(row))).run(...frameValues(row))
    const range = { ...MARKET, from: timeAt(10), to: timeAt(2_490), order }
    const topic: FrameQuery = { ...range, topic: 'trades' }
    const reads = [
      reader.trades(range),
      reader.candles({ ...range, timeframe: '1m' }),
      reader.frames(range),
      reader.frames(topic),
    ]
    for (const rows of reads) expect(await collect<unknown>(rows)).toHaveLength(2_480)
    await reader.latestTrade(MARKET)
    await reader.latestCandle({ ...MARKET, timeframe: '1m' })
    expect(queries).toHaveLength(4 * 3 + 2)
    for (const { sql, parameters } of queries) {
      const plan = connection.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters) as { detail: string }[]
      expect(plan).toHaveLength(1) // no sorting
      expect(plan[0]!.detail).toMatch(/^SEARCH \w+ USING (?:PRIMARY KEY|INDEX raw_frames_in_time) \(exchange=\? AND symbol=\?/)
    }
    // Of the bounds in time, the one that the page before has taken over is gone.
    const [first, second] = queries.map(({ sql }) => sql.match(/(?:"timestamp"|\)) (?:>=|<|>) /g))
    expect(first).toEqual(['"timestamp" >= ', '"timestamp" < '])
    expect(second).toEqual(order === 'asc' ? ['"timestamp" < ', ') > '] : ['"timestamp" >= ', ') < '])
  },
)

test('no text that a caller gives ever becomes part of a statement', async () => {
  const evil = fc.oneof(
    fc.constantFrom(
      `'; DROP TABLE trades; --`,
      `" OR 1=1 --`,
      `') OR ('1'='1`,
      '?',
      '$1',
      ':a',
      '@p1',
      '\\',
      '`',
      '%',
      '_',
      '\0',
    ),
    fc.string({ unit: 'binary', minLength: 1 }),
  )
  const { reader, queries } = await inMemory()
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(evil, evil, evil, evil, async (exchange, symbol, topic, stream) => {
      queries.length = 0
      const market = { exchange, symbol }
      await collect(reader.trades(market))
      await collect(reader.frames({ ...market, topic }))
      await collect(reader.candles({ ...market, timeframe: '1m' }))
      await reader.latestTrade(market)
      await reader.latestCandle({ ...market, timeframe: topic as '1m' })
      await reader.cursor(stream).save({ id: symbol, timestamp: 1 })
      expect(await reader.cursor(stream).load()).toEqual({ id: symbol, timestamp: 1 })
      for (const { sql } of queries) seen.add(sql)
      expect(seen.size).toBe(7)
    }),
    property({ quick: 30, deep: 200 }),
  )
})

test('a row that is no row of ours is refused with words', () => {
  const trade = tradeAt(0)
  const wrong = (changes: Record<string, unknown>) => () =>
    tradeValues({ ...trade, ...changes, data: { ...trade.data, ...(changes['data'] as object | undefined) } })
  expect(wrong({ symbol: 7 })).toThrow(new RangeError('symbol is not a text: number'))
  expect(wrong({ exchange: undefined })).toThrow(new RangeError('exchange is not a text: undefined'))
  expect(wrong({ timestamp: NaN })).toThrow(new RangeError('timestamp is not a finite number: number'))
  expect(wrong({ receivedAt: '1' })).toThrow(new RangeError('receivedAt is not a finite number: "1"'))
  expect(wrong({ data: { id: 7 } })).toThrow(new RangeError('id is not a text: number'))
  expect(wrong({ data: { price: '1e5' } })).toThrow(new RangeError('price is not a plain decimal number: "1e5"'))
  expect(wrong({ data: { size: 0.1 } })).toThrow(new RangeError('size is not a plain decimal number: number'))
  expect(wrong({ data: { count: Infinity } })).toThrow(new RangeError('count is not a finite number: number'))
  const candle = candleAt(0)
  expect(() => candleValues({ ...candle, open: '1' as never })).toThrow(new RangeError('open is not a finite Decimal: "1"'))
  expect(() => candleValues({ ...candle, volume: candle.volume.div(0) })).toThrow(RangeError)
  expect(() => frameValues({ ...frameAt(0), text: new Uint8Array(2) as never })).toThrow(
    new RangeError('text is not a text: object'),
  )
})
