/**
 * A repository that keeps trades, candles and cursors in plain files of one directory: one line per batch, so that a batch is there as a
 * whole or not at all. What it holds is read once and kept in memory, too: good for as much as fits there.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  checkRange,
  compareTrades,
  Decimal,
  decideCandle,
  DatabaseOperationError,
  type CandleDecision,
  type CandleQuery,
  type CandleSeries,
  type DatabaseFault,
  type Market,
  type MarketDataRepository,
  type OhlcvData,
  type PointOf,
  type RawTradeRepository,
  type Repository,
  type RepositoryHealth,
  type SaveCandlesOptions,
  type StoredCursor,
  type TapeCursor,
  type TradeQuery,
  type WriteResult,
} from 'tapekeeper'
import { Journal } from './journal.ts'

type Trade = PointOf<'trade'>
interface SavedCursor {
  readonly stream: string
  readonly cursor: TapeCursor
}

/** One kind of rows: by series, and in it by what makes a row itself. */
class Table<Row> {
  readonly journal: Journal
  readonly #series = new Map<string, Map<string, Row>>()
  readonly #seriesOf: (row: Row) => string
  readonly #keyOf: (row: Row) => string

  constructor(journal: Journal, seriesOf: (row: Row) => string, keyOf: (row: Row) => string) {
    this.journal = journal
    this.#seriesOf = seriesOf
    this.#keyOf = keyOf
  }

  get size(): number {
    return [...this.#series.values()].reduce((sum, rows) => sum + rows.size, 0)
  }

  in(series: string): Row[] {
    return [...(this.#series.get(series)?.values() ?? [])]
  }

  set(row: Row): void {
    const series = this.#seriesOf(row)
    const rows = this.#series.get(series) ?? new Map<string, Row>()
    this.#series.set(series, rows.set(this.#keyOf(row), row))
  }

  /** First the file, then the memory: who reads never sees what may be lost. */
  async save(rows: readonly Row[], decide: (stored: Row | undefined, row: Row) => CandleDecision): Promise<WriteResult> {
    const count = { insert: 0, keep: 0, overwrite: 0 }
    const changes = new Map<string, Row>()
    for (const row of rows) {
      const [series, key] = [this.#seriesOf(row), this.#keyOf(row)]
      const place = JSON.stringify([series, key])
      // A row may come twice in one batch.
      const decision = decide(changes.get(place) ?? this.#series.get(series)?.get(key), row)
      if (decision !== 'keep') changes.set(place, row)
      count[decision]++
    }
    if (changes.size > 0) await this.journal.append([...changes.values()])
    for (const row of changes.values()) this.set(row)
    return { inserted: count.insert, kept: count.keep, overwritten: count.overwrite }
  }
}

/** No two different lists of names give the same text, whatever the names hold. */
const nameOf = ({ exchange, symbol }: Market, timeframe = ''): string => JSON.stringify([exchange, symbol, timeframe])

export class FileRepository implements MarketDataRepository, RawTradeRepository {
  readonly name = 'files'
  readonly capabilities = { stores: ['candles', 'trades', 'cursors'], isPersistent: true, isShared: false } as const
  readonly #directory: string
  readonly #trades: Table<Trade>
  readonly #candles: Table<OhlcvData>
  readonly #cursors: Table<SavedCursor>
  #opened: Promise<void> | undefined
  #lastWrite: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(directory: string) {
    this.#directory = directory
    const journal = (name: string): Journal => new Journal(join(directory, `${name}.ndjson`))
    this.#trades = new Table(
      journal('trades'),
      (trade) => nameOf(trade),
      ({ data }) => data.id,
    )
    this.#candles = new Table(
      journal('candles'),
      (candle) => nameOf(candle, candle.timeframe),
      ({ openTime }) => String(openTime),
    )
    this.#cursors = new Table(
      journal('cursors'),
      ({ stream }) => stream,
      () => '',
    )
  }

  saveTrades(trades: readonly Trade[]): Promise<WriteResult> {
    return this.#write('saveTrades', 'trades', () => {
      // A row that can never be stored: the writer finds it by the fault, leaves it out and stores the others.
      const bad = trades.find(({ timestamp }) => !Number.isFinite(timestamp))
      if (bad !== undefined) throw failure(`trade ${bad.data.id} has no time`, 'saveTrades', 'trades', 'row')
      return this.#trades.save(trades, (stored) => (stored === undefined ? 'insert' : 'keep'))
    })
  }

  async *trades(query: TradeQuery): AsyncGenerator<Trade, void, undefined> {
    const { from = -Infinity, to = Infinity, order, limit } = checkRange(query)
    await this.#ready('trades', 'trades')
    const rows = this.#trades.in(nameOf(query)).filter(({ timestamp }) => timestamp >= from && timestamp < to)
    rows.sort(order === 'asc' ? compareTrades : (a, b) => compareTrades(b, a))
    yield* rows.slice(0, limit)
  }

  async latestTrade(market: Market): Promise<Trade | undefined> {
    await this.#ready('latestTrade', 'trades')
    return this.#trades.in(nameOf(market)).toSorted(compareTrades).at(-1)
  }

  saveCandles(candles: readonly OhlcvData[], { forceUpdateCandles = false }: SaveCandlesOptions = {}): Promise<WriteResult> {
    return this.#write('saveCandles', 'candles', () =>
      this.#candles.save(candles, (stored, candle) => decideCandle(stored, candle, forceUpdateCandles)),
    )
  }

  async *candles(query: CandleQuery): AsyncGenerator<OhlcvData, void, undefined> {
    const { from = -Infinity, to = Infinity, order, limit } = checkRange(query)
    await this.#ready('candles', 'candles')
    const rows = this.#candles.in(nameOf(query, query.timeframe)).filter(({ openTime }) => openTime >= from && openTime < to)
    rows.sort((a, b) => (order === 'asc' ? a.openTime - b.openTime : b.openTime - a.openTime))
    yield* rows.slice(0, limit)
  }

  async latestCandle(series: CandleSeries): Promise<OhlcvData | undefined> {
    await this.#ready('latestCandle', 'candles')
    const rows = this.#candles.in(nameOf(series, series.timeframe))
    return rows.toSorted((a, b) => a.openTime - b.openTime).at(-1)
  }

  cursor(stream: string): StoredCursor {
    return {
      load: async () => {
        await this.#ready('cursor.load', 'cursors')
        return this.#cursors.in(stream)[0]?.cursor
      },
      save: async (cursor) => {
        await this.#write('cursor.save', 'cursors', () => this.#cursors.save([{ stream, cursor }], () => 'overwrite'))
      },
    }
  }

  async healthCheck(): Promise<RepositoryHealth> {
    const startedAt = performance.now()
    const issue = await this.#ready('healthCheck', 'all').then(
      () => undefined,
      (error: unknown) => String(error),
    )
    return { isHealthy: issue === undefined, latencyMs: performance.now() - startedAt, issue }
  }

  async statistics(): ReturnType<Repository['statistics']> {
    await this.#ready('statistics', 'all')
    const rows = { trades: this.#trades.size, candles: this.#candles.size, cursors: this.#cursors.size }
    const bytes = this.#journals.reduce((sum, journal) => sum + journal.bytes, 0)
    return { rows, isEstimate: false, bytes, evicted: 0 }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    // What is under way is not this method's to report.
    await Promise.allSettled([this.#opened, this.#lastWrite])
    await Promise.allSettled(this.#journals.map((journal) => journal.close()))
  }

  get #journals(): readonly Journal[] {
    return [this.#trades.journal, this.#candles.journal, this.#cursors.journal]
  }

  /** One write after the other: each must know what the one before it has stored. */
  async #write<Result>(operation: string, table: string, action: () => Promise<Result>): Promise<Result> {
    const ready = this.#ready(operation, table)
    const write = Promise.allSettled([this.#lastWrite, ready]).then(() => ready.then(action))
    this.#lastWrite = write
    try {
      return await write
    } catch (error) {
      // A full or missing disk: the same rows may be tried again later.
      throw DatabaseOperationError.of(error, { operation, table, fault: 'away' })
    }
  }

  /** Opens the files on first use; what has failed is tried again by the next call. */
  async #ready(operation: string, table: string): Promise<void> {
    if (this.#closed !== undefined) throw failure('the repository is closed', operation, table, 'closed')
    this.#opened ??= this.#open()
    try {
      await this.#opened
    } catch (error) {
      this.#opened = undefined
      throw DatabaseOperationError.of(error, { operation, table, fault: 'away' })
    }
  }

  async #open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    for (const batch of await this.#trades.journal.open()) for (const row of batch as Trade[]) this.#trades.set(row)
    for (const batch of await this.#cursors.journal.open()) for (const row of batch as SavedCursor[]) this.#cursors.set(row)
    for (const batch of await this.#candles.journal.open()) for (const row of batch as OhlcvData[]) this.#candles.set(revive(row))
  }
}

const failure = (message: string, operation: string, table: string, fault: DatabaseFault): DatabaseOperationError =>
  new DatabaseOperationError(message, { operation, table, fault })

/** JSON holds a candle's numbers as text, digit by digit. */
const revive = (candle: OhlcvData): OhlcvData => ({
  ...candle,
  open: new Decimal(candle.open),
  high: new Decimal(candle.high),
  low: new Decimal(candle.low),
  close: new Decimal(candle.close),
  volume: new Decimal(candle.volume),
  quoteVolume: candle.quoteVolume && new Decimal(candle.quoteVolume),
  takerBuyVolume: candle.takerBuyVolume && new Decimal(candle.takerBuyVolume),
})
