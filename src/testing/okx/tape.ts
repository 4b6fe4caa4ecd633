/** One fill in whole ticks and lots. Fills of one row share `order`, price and source. */
export interface Fill {
  readonly id: number
  readonly price: number
  readonly size: number
  readonly side: 'buy' | 'sell'
  /** `1` marks a retail price improvement order. */
  readonly source: '0' | '1'
  /** Epoch milliseconds. */
  readonly timestamp: number
  /** The sequence number of the taker order. */
  readonly order: number
}

/** One row of the `trades` channel: a taker order's fills at one price from one source. */
export interface TradeRow {
  readonly fills: readonly Fill[]
  readonly last: Fill
}

/** Every fill of one instrument, oldest first, ids dense. The oldest are forgotten beyond `limit`. */
export class Tape {
  readonly #limit: number
  #fills: Fill[] = []
  #nextId: number

  constructor(firstId: number, limit: number) {
    this.#nextId = firstId
    this.#limit = limit
  }

  get all(): readonly Fill[] {
    return this.#fills
  }

  get last(): Fill | undefined {
    return this.#fills.at(-1)
  }

  append(fill: Omit<Fill, 'id'>): Fill {
    const added = { id: this.#nextId++, ...fill }
    this.#fills.push(added)
    // In large steps: forgetting one at a time would copy the whole tape with every fill.
    if (this.#fills.length > this.#limit * 1.25) this.#fills = this.#fills.slice(-this.#limit)
    return added
  }

  /** Up to `limit` fills with smaller ids than `id`, newest first. */
  before(id: number, limit: number): Fill[] {
    const first = this.#fills[0]
    if (first === undefined) return []
    const end = Math.min(this.#fills.length, Math.max(0, id - first.id))
    return this.#fills.slice(Math.max(0, end - limit), end).reverse()
  }

  /** The newest rows, oldest first. */
  lastRows(count: number): TradeRow[] {
    const rows: Fill[][] = []
    for (let i = this.#fills.length - 1; i >= 0; i--) {
      const fill = this.#fills[i]
      const row = rows.at(-1)
      const later = row?.at(-1)
      if (fill === undefined) break
      if (row !== undefined && later !== undefined && belongTogether(fill, later)) row.push(fill)
      else if (rows.length === count) break
      else rows.push([fill])
    }
    return rows.reverse().map((fills) => asRow(fills.reverse()))
  }
}

/** Merges consecutive fills into the rows of the `trades` channel. */
export function rowsOf(fills: readonly Fill[]): TradeRow[] {
  const rows: Fill[][] = []
  for (const fill of fills) {
    const row = rows.at(-1)
    const earlier = row?.at(-1)
    if (row !== undefined && earlier !== undefined && belongTogether(earlier, fill)) row.push(fill)
    else rows.push([fill])
  }
  return rows.map(asRow)
}

function asRow(fills: readonly Fill[]): TradeRow {
  const last = fills.at(-1)
  if (last === undefined) throw new RangeError('a row without fills')
  return { fills, last }
}

const belongTogether = (a: Fill, b: Fill): boolean => a.order === b.order && a.price === b.price && a.source === b.source
