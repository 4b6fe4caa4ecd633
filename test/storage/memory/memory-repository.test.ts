import { describe, expect, test } from 'vitest'
import { Decimal } from '../../../src/domain/decimal.ts'
import type { OhlcvData, PointOf } from '../../../src/domain/market-data.ts'
import { decideCandle } from '../../../src/storage/decide-candle.ts'
import { createMemoryRepository } from '../../../src/storage/memory/create-memory-repository.ts'
import type { MemoryRepositoryOptions } from '../../../src/storage/memory/memory-repository-options.ts'
import { compareFrames, compareTrades } from '../../../src/storage/range-query.ts'
import type { RangeQuery, StoredFrame } from '../../../src/storage/repository.ts'
import { collect } from '../../../src/testing/repository-contract/contract-world.ts'
import { candleAt, frameAt, many, MARKET, timeAt, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import fc from '../../support/fast-check.ts'

/** The plainest bounded store there can be: a list for each series, sorted anew each time. */
class NaiveStore<Row> {
  readonly series = new Map<string, Row[]>()
  evicted = 0
  readonly #max: number
  readonly #compare: (a: Row, b: Row) => number

  constructor(max: number, compare: (a: Row, b: Row) => number) {
    this.#max = max
    this.#compare = compare
  }

  put(series: string, row: Row): void {
    const rows = this.series.get(series) ?? []
    this.series.set(series, [...rows.filter((other) => this.#compare(other, row) !== 0), row].toSorted(this.#compare))
  }

  get size(): number {
    return [...this.series.values()].reduce((sum, rows) => sum + rows.length, 0)
  }

  /** One row after the other, of the series that has most; of several, the one that was made first. */
  trim(): void {
    while (this.size > this.#max) {
      const most = Math.max(...[...this.series.values()].map(({ length }) => length))
      const [name, rows] = [...this.series].find(([, { length }]) => length === most)!
      rows.shift()
      if (rows.length === 0) this.series.delete(name)
      this.evicted++
    }
  }

  read(series: string, { from = -Infinity, to = Infinity, order, limit }: RangeQuery, timeOf: (row: Row) => number): Row[] {
    const rows = (this.series.get(series) ?? []).filter((row) => timeOf(row) >= from && timeOf(row) < to)
    return (order === 'desc' ? rows.toReversed() : rows).slice(0, limit)
  }
}

const SYMBOLS = ['A', 'B', 'C']
const symbol = fc.constantFrom(...SYMBOLS)
const minute = fc.integer({ min: 0, max: 40 })
const range = fc.record(
  {
    from: minute.map(timeAt),
    to: minute.map(timeAt),
    order: fc.constantFrom('asc', 'desc'),
    limit: fc.integer({ min: 1, max: 20 }),
  },
  { requiredKeys: [] },
)
const batches = <Row>(row: fc.Arbitrary<Row>) => fc.array(fc.array(row, { maxLength: 30 }), { maxLength: 12 })

describe('the memory repository', () => {
  test('trades of any batches are those of a naive store with the same bound', async () => {
    const trade = fc
      .tuple(symbol, minute, fc.integer({ min: 0, max: 60 }))
      .map(([name, at, id]) => tradeAt(at, { ...MARKET, symbol: name }, { id: String(id) }))
    await fc.assert(
      fc.asyncProperty(batches(trade), fc.integer({ min: 1, max: 40 }), range, async (given, maxTrades, query) => {
        const repository = createMemoryRepository({ maxTrades })
        const model = new NaiveStore<PointOf<'trade'>>(maxTrades, compareTrades)
        for (const batch of given) {
          let inserted = 0
          for (const row of batch) {
            if (model.series.get(row.symbol)?.some(({ data }) => data.id === row.data.id) === true) continue
            model.put(row.symbol, row)
            inserted++
          }
          model.trim()
          expect(await repository.saveTrades(batch)).toEqual({ inserted, kept: batch.length - inserted, overwritten: 0 })
        }
        for (const name of SYMBOLS) {
          const market = { ...MARKET, symbol: name }
          const expected = model.read(name, query, ({ timestamp }) => timestamp)
          expect(await collect(repository.trades({ ...market, ...query }))).toEqual(expected)
          expect(await repository.latestTrade(market)).toEqual(model.series.get(name)?.at(-1))
        }
        const { rows, evicted } = await repository.statistics()
        expect([rows.trades, evicted]).toEqual([model.size, model.evicted])
      }),
    )
  })

  test('candles of any batches are those of a naive store with the same bound', async () => {
    const candle = fc
      .record({
        symbol,
        at: minute,
        status: fc.constantFrom('open', 'closed', 'revised'),
        close: fc.constantFrom(new Decimal(1), new Decimal(2)),
      })
      .map(({ at, ...changes }) => candleAt(at, changes))
    await fc.assert(
      fc.asyncProperty(
        batches(candle),
        fc.integer({ min: 1, max: 40 }),
        range,
        fc.boolean(),
        async (given, maxCandles, query, force) => {
          const repository = createMemoryRepository({ maxCandles })
          const model = new NaiveStore<OhlcvData>(maxCandles, (a, b) => a.openTime - b.openTime)
          for (const batch of given) {
            const count = { insert: 0, keep: 0, overwrite: 0 }
            for (const row of batch) {
              const stored = model.series.get(row.symbol)?.find(({ openTime }) => openTime === row.openTime)
              const decision = decideCandle(stored, row, force)
              if (decision !== 'keep') model.put(row.symbol, row)
              count[decision]++
            }
            model.trim()
            const expected = { inserted: count.insert, kept: count.keep, overwritten: count.overwrite }
            expect(await repository.saveCandles(batch, { forceUpdateCandles: force })).toEqual(expected)
          }
          for (const name of SYMBOLS) {
            const series = { ...MARKET, symbol: name, timeframe: '1m' } as const
            const expected = model.read(name, query, ({ openTime }) => openTime)
            expect(await collect(repository.candles({ ...series, ...query }))).toEqual(expected)
            expect(await repository.latestCandle(series)).toEqual(model.series.get(name)?.at(-1))
          }
          const { rows, evicted } = await repository.statistics()
          expect([rows.candles, evicted]).toEqual([model.size, model.evicted])
        },
      ),
    )
  })

  test('frames of any batches are those of a naive store with the same bound, by topic, too', async () => {
    const frame = fc
      .tuple(symbol, minute, fc.integer({ min: 0, max: 60 }), fc.constantFrom('trades', 'books'))
      .map(([name, at, id, topic]) => frameAt(at, { symbol: name, id: `${name}${id}`, topic }))
    await fc.assert(
      fc.asyncProperty(batches(frame), fc.integer({ min: 1, max: 40 }), range, async (given, maxFrames, { limit, ...query }) => {
        const repository = createMemoryRepository({ maxFrames })
        const model = new NaiveStore<StoredFrame>(maxFrames, compareFrames)
        for (const batch of given) {
          for (const row of batch) {
            if (model.series.get(row.symbol)?.some(({ id }) => id === row.id) !== true) model.put(row.symbol, row)
          }
          model.trim()
          await repository.saveFrames(batch)
        }
        for (const name of SYMBOLS) {
          const market = { ...MARKET, symbol: name }
          const all = model.read(name, query, ({ receivedAt }) => receivedAt)
          expect(await collect(repository.frames({ ...market, ...query }))).toEqual(all)
          const trades = all.filter(({ topic }) => topic === 'trades').slice(0, limit)
          expect(await collect(repository.frames({ ...market, ...query, limit, topic: 'trades' }))).toEqual(trades)
        }
        expect((await repository.statistics()).evicted).toBe(model.evicted)
      }),
    )
  })

  test('a busy market does not push out a quiet one', async () => {
    const repository = createMemoryRepository({ maxTrades: 1_000 })
    const quiet = { ...MARKET, symbol: 'QUIET-USDT' }
    await repository.saveTrades(many(100, (index) => tradeAt(index, quiet)))
    for (let batch = 0; batch < 50; batch++) await repository.saveTrades(many(200, (index) => tradeAt(200 * batch + index)))
    expect((await collect(repository.trades(quiet))).length).toBe(100)
    const busy = await collect(repository.trades(MARKET))
    expect(busy.map(({ timestamp }) => timestamp)).toEqual(many(900, (index) => timeAt(9_100 + index)))
    expect(await repository.statistics()).toMatchObject({ rows: { trades: 1_000 }, evicted: 9_100 })
  })

  test('who reads while the oldest go sees what is left, in order', async () => {
    const repository = createMemoryRepository({ maxTrades: 2_000 })
    await repository.saveTrades(many(2_000, (index) => tradeAt(index)))
    const seen: number[] = []
    for await (const { timestamp } of repository.trades(MARKET)) {
      seen.push(timestamp)
      if (seen.length === 10) await repository.saveTrades(many(1_500, (index) => tradeAt(2_000 + index)))
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.slice(-2_000)).toEqual(many(2_000, (index) => timeAt(1_500 + index)))
  })

  test('thousands of rows in any order are sorted', async () => {
    const rows = many(20_000, (index) => tradeAt((index * 7_919) % 20_000))
    const repository = createMemoryRepository()
    for (let at = 0; at < rows.length; at += 1_000) await repository.saveTrades(rows.slice(at, at + 1_000))
    const expected = many(20_000, timeAt)
    expect((await collect(repository.trades(MARKET))).map(({ timestamp }) => timestamp)).toEqual(expected)
    const descending = await collect(repository.trades({ ...MARKET, order: 'desc' }))
    expect(descending.map(({ timestamp }) => timestamp)).toEqual(expected.toReversed())
  })

  test('a row without a time is refused with its batch', async () => {
    const repository = createMemoryRepository()
    const bad = [
      () => repository.saveTrades([tradeAt(0), { ...tradeAt(1), timestamp: NaN }]),
      () => repository.saveCandles([candleAt(0), candleAt(1, { openTime: Infinity })]),
      () => repository.saveFrames([frameAt(0), frameAt(1, { receivedAt: NaN })]),
    ]
    for (const save of bad) await expect(save()).rejects.toMatchObject({ code: 'DATABASE_FAILED', fault: 'row' })
    expect((await repository.statistics()).rows).toEqual({ gaps: 0, candles: 0, trades: 0, frames: 0, cursors: 0 })
  })

  test.each([
    [{ maxTrades: 0 }, 'maxTrades'],
    [{ maxCandles: 1.5 }, 'maxCandles'],
    [{ maxFrames: -1 }, 'maxFrames'],
    [{ maxTrade: 1 }, 'did you mean "maxTrades"?'],
  ])('a wrong option is named: %o', (options, words) => {
    expect(() => createMemoryRepository(options as MemoryRepositoryOptions)).toThrow(words)
  })
})
