import { hash32, seededRandom } from '../seeded-random.ts'
import type { Random } from '../../ports/random.ts'
import { BOOK_DEPTH, BookModel, type BookChanges, type BookSide } from './book-model.ts'
import { CandleStore } from './candle-store.ts'
import { contractOf, type Contract } from './contract.ts'
import type { FakeInstrument } from './instruments.ts'
import { Tape, type Fill } from './tape.ts'

export interface MarketOptions {
  readonly seed: number | string
  tradesPerSecondOf(instrument: FakeInstrument): number
  readonly bookUpdatesPerSecond: number
  readonly historyMs: number
  readonly historyLimit: number
}

/** A change of the public book: the frame of the `books` channel before it is written. */
export interface BookStep {
  readonly changes: BookChanges
  readonly sequence: number
  readonly previousSequence: number
  readonly bestChanged: boolean
  readonly topFiveChanged: boolean
}

/** What happened in one tick. */
export interface MarketStep {
  readonly fills: readonly Fill[]
  readonly book: BookStep | undefined
}

/** A taker order given by hand. */
export interface TakerOrder {
  readonly price: number
  readonly sizes: readonly number[]
  readonly side: 'buy' | 'sell'
  readonly source: '0' | '1'
  readonly timestamp: number
}

/** Mean number of fills of a random taker order, see `#fillCount`. */
const FILLS_PER_ORDER = 1.85
/** The time before the fake's start is made in larger steps and is no busier than this: nobody watched, and 200 markets start at once. */
const PAST_STEP_MS = 1_000
const PAST_TRADES_PER_SECOND = 2

/**
 * One instrument's market: a book, a tape and candles, all from one seed. The same seed and the same number of steps give the same
 * market, whoever watches; ids and sequence numbers are therefore equal on all connections.
 */
export class Market {
  readonly instrument: FakeInstrument
  readonly contract: Contract
  readonly tape: Tape
  readonly candles: CandleStore
  readonly book: BookModel
  /** Of the last change of the book that was published. */
  bookSequence: number
  bookTimestamp: number
  /** Fills per second, on average. */
  tradesPerSecond: number
  readonly #options: MarketOptions
  readonly #random: Random
  #sequence: number
  #now: number

  constructor(instrument: FakeInstrument, startAt: number, options: MarketOptions) {
    this.instrument = instrument
    this.contract = contractOf(instrument)
    this.#options = options
    this.tradesPerSecond = options.tradesPerSecondOf(instrument)
    this.#random = seededRandom(`${options.seed}/${instrument.native.instId}`)
    const spread = hash32(instrument.native.instId)
    this.tape = new Tape(100_000_000 + (spread % 800_000_000), options.historyLimit)
    this.candles = new CandleStore(this.tape, this.contract.isInverse)
    this.book = new BookModel(this.contract.startTicks, this.contract.typicalLots, this.#random, this.#isLive ? BOOK_DEPTH : 0)
    this.#sequence = 10_000_000 + (spread % 80_000_000)
    this.bookSequence = this.#sequence
    this.#now = startAt - (this.#trades ? options.historyMs : 0)
    this.bookTimestamp = this.#now
    const pace = this.tradesPerSecond
    this.tradesPerSecond = Math.min(pace, PAST_TRADES_PER_SECOND)
    while (this.#now < startAt) this.skip(Math.min(PAST_STEP_MS, startAt - this.#now))
    this.tradesPerSecond = pace
  }

  get #isLive(): boolean {
    return this.instrument.native.state === 'live'
  }

  get #trades(): boolean {
    return this.#isLive && this.tradesPerSecond > 0
  }

  /** Time up to which the market has been made. */
  get now(): number {
    return this.#now
  }

  /** Lets `ms` milliseconds of market happen. */
  step(ms: number): MarketStep {
    const fills = this.#happen(ms)
    const changes = this.book.drainChanges()
    return { fills, book: changes === undefined ? undefined : this.#publish(changes) }
  }

  /** The same with nobody watching: what it was is not told, so it costs less. */
  skip(ms: number): void {
    this.#happen(ms)
    if (this.book.discardChanges()) this.#numberBook()
  }

  /** A taker order by hand; the book does not change. */
  execute({ price, sizes, side, source, timestamp }: TakerOrder): Fill[] {
    const order = this.#nextSequence()
    return sizes.map((size) => this.#fill({ price, size, side, source, timestamp, order }))
  }

  /** Exactly `count` random fills, now. */
  executeRandom(count: number, timestamp: number): Fill[] {
    const fills: Fill[] = []
    while (fills.length < count)
      fills.push(...this.#randomOrder(Math.min(count - fills.length, this.#fillCount()), timestamp, false))
    return fills
  }

  /** The book's numbering starts again, as after OKX's maintenance: the next change is numbered below its predecessor. */
  restartSequence(): void {
    this.#sequence = 2
  }

  bestPrice(side: 'buy' | 'sell'): number {
    return this.book[side === 'buy' ? 'asks' : 'bids'][0]?.price ?? this.tape.last?.price ?? this.contract.startTicks
  }

  randomLots(): number {
    return this.contract.minLots + Math.floor(this.contract.typicalLots * (0.05 + 4 * this.#random() ** 3))
  }

  #happen(ms: number): readonly Fill[] {
    const from = this.#now
    this.#now += ms
    if (!this.#isLive) return []
    const fills = this.#trades ? this.#randomOrders(from, ms) : []
    if (this.#random() < (this.#options.bookUpdatesPerSecond * ms) / 1_000) this.book.evolve()
    return fills
  }

  #randomOrders(from: number, ms: number): Fill[] {
    const count = poisson((this.tradesPerSecond * ms) / 1_000 / FILLS_PER_ORDER, this.#random)
    const times = Array.from({ length: count }, () => from + 1 + Math.floor(this.#random() * ms)).sort((a, b) => a - b)
    return times.flatMap((timestamp) => this.#randomOrder(this.#fillCount(), timestamp, true))
  }

  /** 1 in most cases, up to 7. */
  #fillCount(): number {
    const roll = this.#random()
    if (roll < 0.6) return 1
    if (roll < 0.8) return 2
    return roll < 0.9 ? 3 : 4 + Math.floor(this.#random() * 4)
  }

  /** A taker order walks the other side's levels; an occasional last fill comes from a retail order. */
  #randomOrder(count: number, timestamp: number, consume: boolean): Fill[] {
    const side = this.#random() < 0.5 ? 'buy' : 'sell'
    const bookSide: BookSide = side === 'buy' ? 'asks' : 'bids'
    const order = this.#nextSequence()
    const fills: Fill[] = []
    let level = 0
    let lotsAtLevel = 0
    for (let left = count; left > 0; left--) {
      const price = this.book[bookSide][level]?.price ?? this.bestPrice(side)
      const size = this.randomLots()
      const source = left === 1 && this.#random() < 0.05 ? '1' : '0'
      fills.push(this.#fill({ price, size, side, source, timestamp, order }))
      lotsAtLevel += size
      if (left > 1 && this.#random() < 0.3) {
        level++
        lotsAtLevel = 0
      }
    }
    if (consume) this.book.consume(bookSide, level, lotsAtLevel)
    return fills
  }

  #fill(fill: Omit<Fill, 'id'>): Fill {
    // Ids and times never disagree about what came first.
    const timestamp = Math.max(fill.timestamp, this.tape.last?.timestamp ?? 0)
    const added = this.tape.append({ ...fill, timestamp })
    this.candles.add(added)
    return added
  }

  #numberBook(): void {
    this.bookSequence = this.#nextSequence()
    this.bookTimestamp = this.#now
  }

  #publish(changes: BookChanges): BookStep {
    const previousSequence = this.bookSequence
    this.#numberBook()
    const reaches = (depth: number): boolean => {
      const bid = this.book.bids[depth - 1]?.price ?? 0
      const ask = this.book.asks[depth - 1]?.price ?? Infinity
      return (changes.bids[0]?.price ?? -1) >= bid || (changes.asks[0]?.price ?? Infinity) <= ask
    }
    return { changes, sequence: this.bookSequence, previousSequence, bestChanged: reaches(1), topFiveChanged: reaches(5) }
  }

  #nextSequence(): number {
    this.#sequence += 1 + Math.floor(this.#random() * 4)
    return this.#sequence
  }
}

/** A random count with the given mean (Knuth); in portions, because e^-mean vanishes for large means. */
function poisson(mean: number, random: Random): number {
  const PORTION = 30
  let count = 0
  for (let left = mean; left > 0; left -= PORTION) {
    const limit = Math.exp(-Math.min(left, PORTION))
    for (let product = random(); product > limit; product *= random()) count++
  }
  return count
}
