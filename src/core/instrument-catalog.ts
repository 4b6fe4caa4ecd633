import { MARKET_TYPES, parseSymbol, type Instrument, type MarketType } from '../domain/instrument.ts'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { didYouMean } from '../errors/config-problems.ts'
import type { ExchangeDefinition, SymbolLookup } from './exchange-definition.ts'
import type { RestClient } from './rest-client.ts'
import { meantBy, noSymbol } from './symbol-meant.ts'

/** A list this old is asked for again. Milliseconds, as all below. */
const FRESH_MS = 3_600_000
/** Before a symbol is called unknown: markets are listed while programs run, and one request a minute hurts nobody. */
const FRESH_FOR_UNKNOWN_MS = 60_000
/** After a failure the exchange is left alone this long. */
const FAILED_MS = 15_000
/** An attempt that takes longer than this is not waited for any more. */
const LONGEST_ATTEMPT_MS = 60_000
/** A start does not wait longer than this for a list. */
const PATIENCE_MS = 5_000

interface Loaded {
  readonly list: Promise<readonly Instrument[]>
  /** Elapsed milliseconds. */
  readonly askedAt: number
}

interface Attempt extends Loaded {
  /** Until then there is no other attempt. Elapsed milliseconds. */
  until: number
}

/** What a symbol stands for. `instrument` is undefined when the list could not be had and the naming convention had to do. */
export interface ResolvedSymbol {
  readonly nativeSymbol: string
  readonly instrument: Instrument | undefined
}

/** The instruments of one exchange, loaded when needed, shared by its collectors, and the translation of symbols both ways. */
export class InstrumentCatalog implements SymbolLookup {
  readonly #definition: ExchangeDefinition
  readonly #rest: RestClient
  readonly #clock: Clock
  readonly #loaded = new Map<MarketType, Loaded>()
  readonly #attempts = new Map<MarketType, Attempt>()
  readonly #bySymbol = new Map<string, Instrument>()
  readonly #byNative = new Map<string, Instrument>()

  constructor(definition: ExchangeDefinition, rest: RestClient, clock: Clock) {
    this.#definition = definition
    this.#rest = rest
    this.#clock = clock
  }

  symbolOf(nativeSymbol: string): string | undefined {
    return this.#byNative.get(nativeSymbol)?.symbol ?? this.#definition.symbolOf(nativeSymbol)
  }

  /** All symbols, live ones only. Falls back to the built-in list when the exchange cannot be asked. */
  async livePairs(): Promise<readonly string[]> {
    try {
      const lists = await Promise.all(MARKET_TYPES.map((marketType) => this.load(marketType)))
      return lists.flat().flatMap(({ live, symbol }) => (live ? [symbol] : []))
    } catch {
      // An older list is better than the built-in one.
      const known = [...this.#bySymbol.values()].flatMap(({ live, symbol }) => (live ? [symbol] : []))
      return known.length > 0 ? known : this.#definition.fallbackPairs
    }
  }

  /**
   * The instruments of one market, as the exchange listed them no longer than `maxAgeMs` ago.
   *
   * @throws TapekeeperError `REST_FAILED` or `RATE_LIMITED`.
   */
  load(marketType: MarketType, maxAgeMs = FRESH_MS): Promise<readonly Instrument[]> {
    const now = this.#clock.elapsed()
    const known = this.#loaded.get(marketType)
    if (known !== undefined && now - known.askedAt < maxAgeMs) return known.list
    const latest = this.#attempts.get(marketType)
    if (latest !== undefined && now < latest.until) return latest.list
    const list = this.#definition.loadInstruments(this.#rest, marketType)
    const attempt: Attempt = { list, askedAt: now, until: now + LONGEST_ATTEMPT_MS }
    this.#attempts.set(marketType, attempt)
    list.then(
      (instruments) => {
        // An answer that comes after that of a later attempt is older.
        if (this.#attempts.get(marketType) !== attempt) return
        this.#loaded.set(marketType, attempt)
        this.#remember(marketType, instruments)
      },
      () => (attempt.until = this.#clock.elapsed() + FAILED_MS),
    )
    return list
  }

  /**
   * Their symbol for ours: by their list, or by their naming convention when the list cannot be had in time.
   *
   * @throws TapekeeperError `SYMBOL_UNKNOWN` when it is not on the list, or cannot be a symbol.
   */
  async resolve(symbol: string, logger: Logger): Promise<ResolvedSymbol> {
    const { id, name } = this.#definition
    const parts = parseSymbol(symbol)
    const byConvention = this.#definition.nativeSymbolOf(symbol)
    if (parts === undefined || byConvention === undefined) {
      const { message, nearest } = noSymbol(symbol, this.#definition, [...this.#bySymbol.keys()])
      throw new TapekeeperError('SYMBOL_UNKNOWN', message, { exchange: id, symbol, nearest })
    }
    try {
      await this.#inTime(this.load(parts.marketType, this.#bySymbol.has(symbol) ? FRESH_MS : FRESH_FOR_UNKNOWN_MS))
    } catch (cause) {
      // An older list is better than none.
      const known = this.#bySymbol.get(symbol)
      if (known !== undefined) return { nativeSymbol: known.nativeSymbol, instrument: known }
      const reason = messageOf(cause)
      logger.warn(`instrument list not available, using ${name}'s naming convention`, {
        exchange: id,
        symbol,
        nativeSymbol: byConvention,
        reason,
      })
      return { nativeSymbol: byConvention, instrument: undefined }
    }
    const instrument = this.#bySymbol.get(symbol)
    if (instrument === undefined) throw this.#unknown(symbol)
    if (!instrument.live)
      logger.warn(`${symbol} is not trading: ${instrument.state}`, { exchange: id, symbol, state: instrument.state })
    return { nativeSymbol: instrument.nativeSymbol, instrument }
  }

  /** The newest list replaces the one before: what was delisted is forgotten. */
  #remember(marketType: MarketType, instruments: readonly Instrument[]): void {
    for (const [symbol, known] of this.#bySymbol) {
      if (known.marketType !== marketType) continue
      this.#bySymbol.delete(symbol)
      this.#byNative.delete(known.nativeSymbol)
    }
    for (const instrument of instruments) {
      this.#bySymbol.set(instrument.symbol, instrument)
      this.#byNative.set(instrument.nativeSymbol, instrument)
    }
  }

  #unknown(symbol: string): TapekeeperError {
    const { id, name } = this.#definition
    const nearest = meantBy(symbol, this.#definition, [...this.#bySymbol.keys()])
    return new TapekeeperError('SYMBOL_UNKNOWN', `${name} has no instrument "${symbol}"${didYouMean(nearest)}`, {
      exchange: id,
      symbol,
      nearest,
    })
  }

  #inTime<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(PATIENCE_MS, () => reject(new Error(`no instrument list within ${PATIENCE_MS} ms`)))
      void promise.then(resolve, reject).finally(cancel)
    })
  }
}
