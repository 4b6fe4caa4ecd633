import { idPlus, type IdValue } from '../domain/trade-id.ts'

/** What is known of the ids `from` to `to`. */
export type Overlap = 'none' | 'some' | 'all'

/** A set of ids that count, exact at any size, as ranges. Ids that come in order cost one comparison and no memory. */
export class IdRanges {
  // Ordered, without overlap, never adjacent.
  readonly #from: IdValue[] = []
  readonly #to: IdValue[] = []
  /** The range that was extended last. */
  #recent = 0
  #greatest: IdValue = -Infinity

  get ranges(): [from: IdValue, to: IdValue][] {
    return this.#from.map((from, i) => [from, this.#to[i] ?? from])
  }

  overlap(from: IdValue, to: IdValue): Overlap {
    if (from > this.#greatest) return 'none'
    // The first range that does not end before `from`.
    const i = this.#firstEndingAt(from)
    const start = this.#from[i]
    if (start === undefined || start > to) return 'none'
    return start <= from && (this.#to[i] ?? to) >= to ? 'all' : 'some'
  }

  /** True when this continues the range that grew last and runs into no other: by far the usual case. It is then added. */
  extend(from: IdValue, to: IdValue): boolean {
    const i = this.#recent
    if (i >= this.#to.length || this.#to[i] !== before(from)) return false
    if (i < this.#to.length - 1 && (this.#from[i + 1] ?? Infinity) <= after(to)) return false
    if (to > this.#greatest) this.#greatest = to
    this.#to[i] = to
    return true
  }

  /** Adds ids of which none is known. */
  add(from: IdValue, to: IdValue): void {
    const i = this.#firstEndingAt(from)
    const joinsLeft = i > 0 && this.#to[i - 1] === before(from)
    const joinsRight = this.#from[i] === after(to)
    this.#recent = joinsLeft ? i - 1 : i
    if (to > this.#greatest) this.#greatest = to
    if (joinsLeft && joinsRight) {
      this.#to[i - 1] = this.#to[i] ?? to
      this.#from.splice(i, 1)
      this.#to.splice(i, 1)
    } else if (joinsLeft) this.#to[i - 1] = to
    else if (joinsRight) this.#from[i] = from
    else {
      this.#from.splice(i, 0, from)
      this.#to.splice(i, 0, to)
    }
  }

  #firstEndingAt(id: IdValue): number {
    let low = 0
    let high = this.#to.length
    if (high > 0 && (this.#to[high - 1] ?? 0) < id) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#to[middle] ?? 0) < id) low = middle + 1
      else high = middle
    }
    return low
  }
}

// Nearly all ids are numbers, and those of them that count are safe ones.
const before = (id: IdValue): IdValue => (typeof id === 'number' ? id - 1 : idPlus(id, -1))
const after = (id: IdValue): IdValue => (typeof id === 'number' && id < Number.MAX_SAFE_INTEGER ? id + 1 : idPlus(id, 1))
