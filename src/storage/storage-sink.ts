import type { Gap } from '../domain/gap.ts'
import type { MarketDataPoint, PointOf } from '../domain/market-data.ts'
import type { RawFrame } from '../domain/raw-frame.ts'
import { forwardTime } from '../kit/forward-time.ts'
import { systemClock, type Clock } from '../ports/clock.ts'
import type { CursorStore } from '../ports/cursor-store.ts'
import { systemRandom } from '../ports/random.ts'
import type { Sink } from '../ports/sink.ts'
import type { StorageRecord } from './storage-record.ts'
import type { LossReason } from './writer/entry.ts'
import { keepsGaps } from './writer/repository-gate.ts'
import { StorageWriter } from './writer/storage-writer.ts'
import type { StorageStatus, StorageWriterOptions } from './writer/writer-options.ts'

export interface StorageSinkOptions extends Omit<StorageWriterOptions, 'onLost' | 'lane'> {
  /** Trades that will never be stored, in order, and why. */
  readonly onLost?: ((trades: readonly PointOf<'trade'>[], reason: LossReason) => void) | undefined
}

/** Digits of the number of a frame: as text they sort like numbers. */
const COUNTER_DIGITS = 12
const SESSION_DIGITS = 9
const CHANCE_DIGITS = 5

/**
 * Everything of a collector that is kept: trades, also those found later, closed and revised candles, and raw frames where the
 * repository takes them. One writer for each repository.
 */
export class StorageSink implements Sink {
  readonly cursorStore: CursorStore | undefined

  readonly #clock: Clock
  readonly #trades: StorageWriter | undefined
  readonly #candles: StorageWriter | undefined
  readonly #writers: readonly StorageWriter[]
  /** Later sessions sort behind earlier ones. */
  readonly #session: string
  #frames = 0

  constructor(options: StorageSinkOptions) {
    const { name, repositories, clock = systemClock, random = systemRandom, onLost = () => undefined } = options
    const { rawTrades, marketData } = repositories
    const chance = Math.floor(random() * 36 ** CHANCE_DIGITS)
    this.#clock = clock
    this.#session = digits(forwardTime(clock), SESSION_DIGITS) + digits(chance, CHANCE_DIGITS)
    const common: StorageWriterOptions = {
      ...options,
      onLost: (records, reason) => {
        const trades = tradesOf(records)
        if (trades.length > 0) onLost(trades, reason)
      },
    }
    if (rawTrades !== undefined && Object.is(rawTrades, marketData)) {
      this.#trades = new StorageWriter(common)
      this.#candles = this.#trades
    } else {
      if (rawTrades !== undefined) {
        this.#trades = new StorageWriter({ ...common, lane: `${name}.raw-trades`, repositories: { rawTrades } })
      }
      if (marketData !== undefined) {
        this.#candles = new StorageWriter({ ...common, lane: `${name}.market-data`, repositories: { marketData } })
      }
    }
    this.#writers = [...new Set([this.#trades, this.#candles])].filter((writer) => writer !== undefined)
    const keepsCursors = rawTrades?.cursor !== undefined && rawTrades.capabilities.stores.includes('cursors')
    this.cursorStore =
      this.#trades !== undefined && keepsCursors ? this.#cursorsIn(this.#trades, keepsGaps(rawTrades)) : undefined
  }

  /** Begins to store what an earlier process left in the spool. Never rejects. */
  async open(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.open()))
  }

  point(point: MarketDataPoint): void {
    if (point.dataType === 'trade') this.#trades?.write({ kind: 'trade', row: point })
    if (point.dataType === 'candle' && point.data.status !== 'open') this.#candles?.write({ kind: 'candle', row: point.data })
  }

  /** Trades found later are delivered to nobody, and are stored none the less. */
  gap(gap: Gap): void {
    if (!gap.filled) return
    for (const row of gap.trades ?? []) this.#trades?.write({ kind: 'trade', row })
  }

  frame(frame: RawFrame): void {
    const id = `${this.#session}-${String(++this.#frames).padStart(COUNTER_DIGITS, '0')}`
    this.#trades?.write({ kind: 'frame', row: { ...frame, id } })
  }

  async flush(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.flush(signal)))
  }

  /** Flushes and takes nothing more; the repositories stay open. Never rejects. */
  async close(signal?: AbortSignal): Promise<void> {
    await this.flush(signal)
    // A tape whose cursor waited all the time has a newer one now, which must not find the door closed.
    if (signal?.aborted !== true) await nextTurn(this.#clock)
    const flushed = this.#trades?.flush(signal)
    // It waits for the candles first, and comes to the trades after that.
    await this.#candles?.close(signal)
    await flushed
    await this.#trades?.close(signal)
  }

  issues(): readonly string[] {
    return this.#writers.flatMap((writer) => writer.issues())
  }

  status(): readonly StorageStatus[] {
    return this.#writers.map((writer) => writer.status())
  }

  /**
   * After a restart, trades up to the cursor are not read again, and so the candles made of them are not made again: they have to be
   * in safety, too, before the cursor may move. With gaps it is the same: once one counts as filled, its trades are not read again.
   */
  #cursorsIn(trades: StorageWriter, hasGaps: boolean): CursorStore {
    const candles = this.#candles === trades ? undefined : this.#candles
    return {
      load: (stream) => trades.loadCursor(stream),
      // At once where no candles wait: what is handed over first is to be stored first.
      save: async (stream, cursor) => {
        if (candles?.isEmpty === false) await candles.saveCursor(stream, cursor)
        await trades.saveCursor(stream, cursor)
      },
      ...(hasGaps && {
        saveGaps: async (gaps: readonly Gap[]) => {
          if (candles?.isEmpty === false) await candles.saveGaps(gaps)
          await trades.saveGaps(gaps)
        },
        openGaps: (stream: string) => trades.openGaps(stream),
      }),
    }
  }
}

const nextTurn = (clock: Clock): Promise<void> => new Promise((resolve) => void clock.after(0, resolve))

const digits = (number: number, length: number): string => number.toString(36).padStart(length, '0')

const tradesOf = (records: readonly StorageRecord[]): readonly PointOf<'trade'>[] =>
  records.flatMap((record) => (record.kind === 'trade' ? [record.row] : []))
