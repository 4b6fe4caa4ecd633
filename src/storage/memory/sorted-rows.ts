/** Rows per chunk: what a row that comes late has to move, at most. */
const LARGEST_CHUNK = 512

/** Tells rows that lie before a place from those behind it; all that lie before it come first. */
export type IsBefore<Row> = (row: Row) => boolean

/**
 * Rows in order, no two of them equal by `compare`. To append, to insert anywhere and to drop the oldest cost about the same, however
 * many there are: they lie in chunks.
 */
export class SortedRows<Row> {
  readonly #compare: (a: Row, b: Row) => number
  /** None of them is empty. */
  readonly #chunks: Row[][] = []
  #size = 0

  constructor(compare: (a: Row, b: Row) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#size
  }

  get last(): Row | undefined {
    return this.#chunks.at(-1)?.at(-1)
  }

  find(row: Row): Row | undefined {
    const { chunk, at } = this.#placeOf(row)
    const found = chunk?.[at]
    return found !== undefined && this.#compare(found, row) === 0 ? found : undefined
  }

  /** Adds a row, or puts it in the place of its equal. */
  set(row: Row): void {
    const last = this.#chunks.at(-1)
    if (last === undefined || this.#compare(last[last.length - 1] as Row, row) < 0) {
      if (last === undefined || last.length >= LARGEST_CHUNK) this.#chunks.push([row])
      else last.push(row)
      this.#size++
      return
    }
    const { chunk = last, index, at } = this.#placeOf(row)
    if (this.#compare(chunk[at] as Row, row) === 0) {
      chunk[at] = row
      return
    }
    chunk.splice(at, 0, row)
    this.#size++
    if (chunk.length > LARGEST_CHUNK) this.#chunks.splice(index + 1, 0, chunk.splice(chunk.length >> 1))
  }

  /** Removes the first rows, which it returns. */
  dropFirst(count: number): Row[] {
    const dropped: Row[] = []
    let whole = 0
    for (const chunk of this.#chunks) {
      if (dropped.length + chunk.length > count) break
      for (const row of chunk) dropped.push(row)
      whole++
    }
    this.#chunks.splice(0, whole)
    for (const row of this.#chunks[0]?.splice(0, count - dropped.length) ?? []) dropped.push(row)
    this.#size -= dropped.length
    return dropped
  }

  /** Rows behind a place, ascending; at least one when there is one. They are the caller's. */
  pageAfter(isBefore: IsBefore<Row>): readonly Row[] {
    const { chunk, at } = this.#partition(isBefore)
    return chunk?.slice(at) ?? []
  }

  /** Rows before a place, descending; at least one when there is one. They are the caller's. */
  pageBefore(isBefore: IsBefore<Row>): readonly Row[] {
    const { chunk, index, at } = this.#partition(isBefore)
    const page = chunk === undefined || at === 0 ? this.#chunks[index - 1] : chunk.slice(0, at)
    return page?.toReversed() ?? []
  }

  #placeOf(row: Row) {
    return this.#partition((other) => this.#compare(other, row) < 0)
  }

  /** The first row that does not lie before the place; without a chunk when all do. */
  #partition(isBefore: IsBefore<Row>): { readonly chunk: Row[] | undefined; readonly index: number; readonly at: number } {
    const index = partition(this.#chunks, (chunk) => isBefore(chunk[chunk.length - 1] as Row))
    const chunk = this.#chunks[index]
    return { chunk, index, at: chunk === undefined ? 0 : partition(chunk, isBefore) }
  }
}

function partition<Item>(items: readonly Item[], isBefore: (item: Item) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(items[middle] as Item)) low = middle + 1
    else high = middle
  }
  return low
}
