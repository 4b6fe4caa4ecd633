import type { Instrument } from '../../domain/instrument.ts'
import type { MarketDataPoint, OhlcvData, PointOf } from '../../domain/market-data.ts'
import { isTimeframe } from '../../domain/timeframe.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import { keepsGaps, type CursorStore, type TapeCursor } from '../../ports/cursor-store.ts'
import type { Ports } from '../../ports/ports.ts'
import type { TradeHistory, TradeTarget } from '../exchange-definition.ts'
import type { RestClient } from '../rest-client.ts'
import { CompletenessLedger } from '../tape/completeness.ts'
import { createTape, type Tape } from '../tape/create-tape.ts'
import type { Gap } from '../../domain/gap.ts'
import { CandleCheck, type CandleMismatch } from './candle-check.ts'
import { CandleFeed } from './candle-feed.ts'
import { makesCandles, type ResolvedExchangeConfig } from './exchange-config.ts'

export interface TradeLineOptions {
  readonly exchange: string
  readonly config: ResolvedExchangeConfig
  /** Asked when candles begin; undefined when the exchange's list could not be had. */
  readonly instrument: () => Instrument | undefined
  /** Asked when a tape begins. */
  readonly cursorStore: () => CursorStore | undefined
  readonly history: TradeHistory | undefined
  readonly ports: Ports
  readonly rest: RestClient
  /** The exchange's clock, epoch milliseconds. */
  readonly serverTime: () => Promise<number>
  readonly deliver: (point: MarketDataPoint) => void
  readonly onGap: (gap: Gap) => void
  readonly onMismatch: (mismatch: CandleMismatch) => void
  readonly onError: (error: TapekeeperError) => void
}

/** Trades on their way to whoever wants them: first the tape, in order and once; then callbacks; then candles. */
export class TradeLine {
  readonly ledger: CompletenessLedger
  readonly #options: TradeLineOptions
  readonly #check: CandleCheck | undefined
  #tape: Tape | undefined
  #candles: CandleFeed | undefined
  #isOpening = false

  constructor(stream: string, options: TradeLineOptions) {
    const { dataTypes, candles } = options.config
    this.#options = options
    this.ledger = new CompletenessLedger(stream)
    if (dataTypes.includes('candle') && candles.crossCheck) this.#check = new CandleCheck(options.onMismatch)
  }

  /** @param latest the market's latest trade; asked for only where a complete series begins. */
  async open(stream: string, target: TradeTarget, latest: () => Promise<PointOf<'trade'> | undefined>): Promise<void> {
    const { exchange, config, history, rest, ports, onError } = this.#options
    if (makesCandles(config)) this.#candles ??= this.#newFeed(latest)
    this.#tape ??= createTape({
      ...target,
      exchange,
      stream,
      ledger: this.ledger,
      history,
      rest,
      clock: ports.clock,
      random: ports.random,
      settings: { ...config.tape, cursorStore: this.#cursorStore() },
      state: () => this.#candles?.state(),
      deliver: (point) => this.#deliver(point),
      onGap: (gap) => {
        this.#options.onGap(gap)
        this.#fenced(gap, (candles) => candles.gap(gap))
      },
      onError,
    })
    this.#isOpening = true
    await this.#tape.open()
    this.#isOpening = false
  }

  accept(point: PointOf<'trade'>): void {
    this.#candles?.pushed(point)
    this.#tape?.accept(point)
  }

  /** The exchange's own candle, for the cross-check. */
  theirs(candle: OhlcvData): void {
    this.#check?.theirs(candle)
  }

  confirmed(): void {
    this.#candles?.resume()
  }

  interrupted(): void {
    this.#tape?.interrupted()
    this.#candles?.interrupted()
  }

  /** A restart goes on where it was; otherwise what follows is a new line. */
  async close(forGood: boolean): Promise<void> {
    const tape = this.#tape
    if (forGood) this.#tape = undefined
    await tape?.close(forGood)
    this.#candles?.pause()
    if (forGood) this.#candles = undefined
  }

  /** The candles that are open belong to the cursor: both are of the same moment. */
  #cursorStore(): CursorStore | undefined {
    const store = this.#options.cursorStore()
    if (store === undefined) return undefined
    // Beside a collector that keeps the trades: candles alone may be further on, and their cursor says nothing of what is kept.
    const keepsTrades = this.#options.config.dataTypes.includes('trade')
    const keyOf = (stream: string): string => (keepsTrades ? stream : `${stream} (candles)`)
    return {
      load: async (stream) => {
        const cursor = await store.load(keyOf(stream))
        if (cursor !== undefined) this.#restore(cursor)
        return cursor
      },
      save: (stream, cursor) => store.save(keyOf(stream), cursor),
      ...(keepsGaps(store) && {
        saveGaps: (gaps: readonly Gap[]) => store.saveGaps(gaps.map((gap) => ({ ...gap, stream: keyOf(gap.stream) }))),
        openGaps: async (stream: string) => (await store.openGaps(keyOf(stream))).map((gap) => ({ ...gap, stream })),
      }),
    }
  }

  /** Candles that cannot be gone on with begin anew, and say so by being incomplete. */
  #restore({ state, timestamp }: TapeCursor): void {
    const candles = this.#candles
    // The tape does not wait for ever: what comes after it has begun is of no use to the candles either.
    if (candles === undefined || state === undefined || !this.#isOpening) return
    try {
      candles.restore(state, timestamp + this.#options.config.tape.maxBackfillMs)
    } catch {
      // Of other timeframes than before, or written by a later version.
    }
  }

  #deliver(point: PointOf<'trade'>): void {
    const { config, deliver } = this.#options
    if (config.dataTypes.includes('trade')) deliver(point)
    this.#fenced(point, (candles) => candles.trade(point))
  }

  /** A trade that cannot be reckoned with costs the candles that trade, and nobody else anything. */
  #fenced(subject: { readonly symbol: string }, task: (candles: CandleFeed) => void): void {
    if (this.#candles === undefined) return
    try {
      task(this.#candles)
    } catch (error) {
      this.#options.onError(TapekeeperError.from(error, 'FRAME_INVALID', { symbol: subject.symbol, for: 'candles' }))
    }
  }

  #newFeed(latestTrade: () => Promise<PointOf<'trade'> | undefined>): CandleFeed {
    const { exchange, config, instrument, serverTime, ports } = this.#options
    const { completeSeries, allowedLatenessMs, reviseWithinMs, updateIntervalMs } = config.candles
    return new CandleFeed({
      exchange,
      symbol: config.symbol,
      instrument: instrument(),
      timeframes: config.candles.timeframes.filter(isTimeframe),
      completeSeries,
      allowedLatenessMs,
      reviseWithinMs,
      updateIntervalMs,
      clock: ports.clock,
      isWhole: () => this.#tape?.isWhole ?? false,
      latestTrade,
      serverTime,
      onCandle: (candle) => {
        this.#check?.ours(candle)
        const receivedAt = ports.clock.now()
        this.#options.deliver({
          exchange,
          symbol: config.symbol,
          dataType: 'candle',
          timestamp: candle.openTime,
          receivedAt,
          data: candle,
        })
      },
    })
  }
}
