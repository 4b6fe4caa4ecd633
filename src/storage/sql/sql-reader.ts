import { sql, type Kysely } from 'kysely'
import type { Gap } from '../../domain/gap.ts'
import { compareGaps } from '../../domain/stored-gaps.ts'
import type { OhlcvData, PointOf } from '../../domain/market-data.ts'
import type { TapeCursor } from '../../ports/cursor-store.ts'
import { checkRange, type CheckedRange } from '../range-query.ts'
import type { CandleQuery, CandleSeries, FrameQuery, Market, StoredCursor, StoredFrame, TradeQuery } from '../repository.ts'
import { inRange, rangePages, type Page, type RangeOrder, type TimeValue } from './range-pages.ts'
import { finite, text } from './row-values.ts'
import { candleOf, frameOf, gapOf, tradeOf } from './stored-rows.ts'
import type { CandleRow, FrameRow, Tables, TradeRow } from './tables.ts'

/** Runs one request of an operation: opens when needed, refuses when closed, and lets no error of the driver escape bare. */
export type RunSql = <R>(
  operation: string,
  table: keyof Tables,
  access: 'read only' | 'read write',
  request: (db: Kysely<Tables>) => Promise<R>,
) => Promise<R>

const CANDLE_ORDER: RangeOrder<CandleRow> = { columns: ['open_time'], placeOf: (row) => [row.open_time] }
const TRADE_ORDER: RangeOrder<TradeRow> = {
  columns: ['timestamp', 'id_length', 'trade_id'],
  placeOf: (row) => [row.timestamp, row.id_length, row.trade_id],
}
const FRAME_ORDER: RangeOrder<FrameRow> = {
  columns: ['received_at', 'id_length', 'frame_id'],
  placeOf: (row) => [row.received_at, row.id_length, row.frame_id],
}

const LATEST: CheckedRange = { from: undefined, to: undefined, order: 'desc', limit: 1 }
const ONE = { rows: 1, after: undefined }

/** All that is the same in every dialect: reading, and the tape's cursors. */
export class SqlReader {
  readonly #run: RunSql
  readonly #timeValue: TimeValue

  /** @param timeValue how the dialect takes a time; default: as it is, epoch milliseconds. */
  constructor(run: RunSql, timeValue: TimeValue = (ms) => ms) {
    this.#run = run
    this.#timeValue = timeValue
  }

  async *candles(query: CandleQuery): AsyncGenerator<OhlcvData, void, undefined> {
    const range = checkRange(query)
    for await (const row of rangePages<CandleRow>(range, (page) =>
      this.#run('candles', 'market_data', 'read only', (db) => candlePage(db, query, range, page, this.#timeValue)),
    ))
      yield candleOf(row)
  }

  async latestCandle(series: CandleSeries): Promise<OhlcvData | undefined> {
    const [row] = await this.#run('latestCandle', 'market_data', 'read only', (db) =>
      candlePage(db, series, LATEST, ONE, this.#timeValue),
    )
    return row && candleOf(row)
  }

  async *trades(query: TradeQuery): AsyncGenerator<PointOf<'trade'>, void, undefined> {
    const range = checkRange(query)
    for await (const row of rangePages<TradeRow>(range, (page) =>
      this.#run('trades', 'trades', 'read only', (db) => tradePage(db, query, range, page, this.#timeValue)),
    ))
      yield tradeOf(row)
  }

  async latestTrade(market: Market): Promise<PointOf<'trade'> | undefined> {
    const [row] = await this.#run('latestTrade', 'trades', 'read only', (db) =>
      tradePage(db, market, LATEST, ONE, this.#timeValue),
    )
    return row && tradeOf(row)
  }

  async *frames(query: FrameQuery): AsyncGenerator<StoredFrame, void, undefined> {
    const range = checkRange(query)
    for await (const row of rangePages<FrameRow>(range, (page) =>
      this.#run('frames', 'raw_frames', 'read only', (db) => framePage(db, query, range, page, this.#timeValue)),
    ))
      yield frameOf(row)
  }

  cursor(stream: string): StoredCursor {
    return {
      load: () =>
        this.#run('cursor.load', 'tape_cursors', 'read only', async (db) => {
          const row = await db.selectFrom('tape_cursors').selectAll().where('stream', '=', stream).executeTakeFirst()
          return row && { id: row.trade_id, timestamp: row.timestamp, state: row.state ?? undefined }
        }),
      save: ({ id, timestamp, state }: TapeCursor) =>
        this.#run('cursor.save', 'tape_cursors', 'read write', async (db) => {
          const place = {
            trade_id: text(id, 'id'),
            timestamp: sql<number>`${this.#timeValue(finite(timestamp, 'timestamp'))}`,
            state: state ?? null,
          }
          await db
            .insertInto('tape_cursors')
            .values({ stream: text(stream, 'stream'), ...place })
            .onConflict((conflict) => conflict.column('stream').doUpdateSet(place))
            .execute()
        }),
    }
  }

  async openGaps(stream: string): Promise<readonly Gap[]> {
    const rows = await this.#run('openGaps', 'tape_gaps', 'read only', (db) =>
      db.selectFrom('tape_gaps').selectAll().where('stream', '=', stream).where('filled_at', 'is', null).execute(),
    )
    return rows.map(gapOf).sort(compareGaps)
  }
}

const candlePage = (
  db: Kysely<Tables>,
  series: CandleSeries,
  range: CheckedRange,
  page: Page<CandleRow>,
  timeValue: TimeValue,
) => {
  const rows = db
    .selectFrom('market_data')
    .selectAll()
    .where('exchange', '=', series.exchange)
    .where('symbol', '=', series.symbol)
    .where('timeframe', '=', series.timeframe)
  return inRange(rows, range, CANDLE_ORDER, page, timeValue).execute()
}

const tradePage = (
  db: Kysely<Tables>,
  { exchange, symbol }: Market,
  range: CheckedRange,
  page: Page<TradeRow>,
  timeValue: TimeValue,
) => {
  const rows = db.selectFrom('trades').selectAll().where('exchange', '=', exchange).where('symbol', '=', symbol)
  return inRange(rows, range, TRADE_ORDER, page, timeValue).execute()
}

const framePage = (db: Kysely<Tables>, query: FrameQuery, range: CheckedRange, page: Page<FrameRow>, timeValue: TimeValue) => {
  const { exchange, symbol, topic } = query
  const rows = db.selectFrom('raw_frames').selectAll().where('exchange', '=', exchange).where('symbol', '=', symbol)
  return inRange(topic === undefined ? rows : rows.where('topic', '=', topic), range, FRAME_ORDER, page, timeValue).execute()
}
