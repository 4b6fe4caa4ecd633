import type { CheckedRange } from '../range-query.ts'
import { SortedRows } from './sorted-rows.ts'

export interface ShelfOptions<Row> {
  /** Rows kept, of all series together. */
  readonly max: number
  readonly compare: (a: Row, b: Row) => number
  readonly timeOf: (row: Row) => number
  readonly onDropped?: (series: string, row: Row) => void
}

/** One kind of rows: a sorted list for each series. Beyond its bound, the series that has most rows loses its oldest. */
export class BoundedShelf<Row> {
  readonly #options: ShelfOptions<Row>
  readonly #series = new Map<string, SortedRows<Row>>()
  #size = 0
  #evicted = 0

  constructor(options: ShelfOptions<Row>) {
    this.#options = options
  }

  get size(): number {
    return this.#size
  }

  get evicted(): number {
    return this.#evicted
  }

  /** The row of a series that is equal by `compare`. */
  find(series: string, row: Row): Row | undefined {
    return this.#series.get(series)?.find(row)
  }

  last(series: string): Row | undefined {
    return this.#series.get(series)?.last
  }

  /** Adds a row, or puts it in the place of its equal. The bound is for the caller to restore, with `trim`. */
  set(series: string, row: Row): void {
    let rows = this.#series.get(series)
    if (rows === undefined) this.#series.set(series, (rows = new SortedRows(this.#options.compare)))
    const before = rows.size
    rows.set(row)
    this.#size += rows.size - before
  }

  /** Drops what is beyond the bound. */
  trim(): void {
    const { max, onDropped } = this.#options
    if (this.#size <= max) return
    const sizes = Array.from(this.#series.values(), ({ size }) => size)
    const level = levelOf(sizes, max)
    // The largest come down to the same level; what does not divide evenly is left to those made last.
    let spare = max - heldAt(level, sizes)
    for (const [series, rows] of [...this.#series].toReversed()) {
      if (rows.size <= level) continue
      const count = rows.size - level - (spare-- > 0 ? 1 : 0)
      for (const row of rows.dropFirst(count)) onDropped?.(series, row)
      if (rows.size === 0) this.#series.delete(series)
    }
    this.#evicted += this.#size - max
    this.#size = max
  }

  /** Page by page, so that rows may come and go meanwhile. `wanted` is what else a row must be like. */
  *read(series: string, range: CheckedRange, wanted: (row: Row) => boolean = () => true): Generator<Row, void, undefined> {
    const { from = -Infinity, to = Infinity, order, limit = Infinity } = range
    const { timeOf, compare } = this.#options
    let left = limit
    let previous: Row | undefined
    for (;;) {
      const last = previous
      const page =
        order === 'asc'
          ? this.#series.get(series)?.pageAfter((row) => (last === undefined ? timeOf(row) < from : compare(row, last) <= 0))
          : this.#series.get(series)?.pageBefore((row) => (last === undefined ? timeOf(row) < to : compare(row, last) < 0))
      if (page === undefined || page.length === 0) return
      for (const row of page) {
        const time = timeOf(row)
        if (order === 'asc' ? time >= to : time < from) return
        if (!wanted(row)) continue
        yield row
        if (--left === 0) return
      }
      previous = page.at(-1)
    }
  }

  clear(): void {
    this.#series.clear()
    this.#size = 0
  }
}

/** Rows held when no series has more than `level`. */
const heldAt = (level: number, sizes: readonly number[]): number => sizes.reduce((sum, size) => sum + Math.min(size, level), 0)

/** The highest level at which not more than `max` rows are held. */
function levelOf(sizes: readonly number[], max: number): number {
  let low = 0
  let high = max
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (heldAt(middle, sizes) <= max) low = middle
    else high = middle - 1
  }
  return low
}
