import type { DatabaseOperationError } from '../../errors/database-operation-error.ts'
import type { Random } from '../../ports/random.ts'
import type { WriteResult } from '../repository.ts'

/**
 * What came of one attempt. `unclear`: the repository did not say whose fault it was, and calls itself healthy.
 */
export type Verdict =
  | { readonly is: 'stored'; readonly result: WriteResult }
  | { readonly is: 'away' | 'closed' | 'row' | 'unclear'; readonly error: DatabaseOperationError }

/** Why a round ended early. `held`: rows that may be sound cannot be stored now. */
export interface Stop {
  readonly is: 'away' | 'closed' | 'held'
  readonly error: DatabaseOperationError
}

/** So many rows in a row that fail alone are no coincidence: it is the table, not the rows. */
export const SYSTEMIC_ROWS = 20
/** Rows tried out of turn before that is believed. */
const PROBES = 5

/** What is known about one kind of rows; lives as long as the writer. */
export class KindHistory<R extends object> {
  /** Times that rows of this kind were stored. */
  #stored = 0
  /** Rows that have failed alone since a row was stored. */
  #failedAlone = new Set<R>()
  readonly #storedBefore = new WeakMap<R, number>()

  stored(): void {
    this.#stored++
    this.#failedAlone = new Set()
  }

  failedAlone(row: R): void {
    this.#failedAlone.add(row)
    if (!this.#storedBefore.has(row)) this.#storedBefore.set(row, this.#stored)
  }

  get isSystemic(): boolean {
    return this.#failedAlone.size >= SYSTEMIC_ROWS
  }

  /** Others have been stored since it failed for the first time. */
  isRefuted(row: R): boolean {
    return this.#stored > (this.#storedBefore.get(row) ?? this.#stored)
  }
}

export interface IsolationTools<R extends object> {
  readonly history: KindHistory<R>
  readonly random: Random
  keyOf(row: R): string
  attempt(rows: readonly R[]): Promise<Verdict>
  onStored(rows: readonly R[], result: WriteResult): void
  onRejected(row: R, error: DatabaseOperationError): void
}

interface Suspect<R> {
  readonly row: R
  readonly verdict: Exclude<Verdict, { is: 'stored' }>
  /** Rows of the same key that came later: they wait, so that the order of one key is kept. */
  readonly followers: R[]
}

/**
 * Stores rows of one kind and finds those that can never be stored, by halving: some 2 log n attempts for each. A row that fails
 * alone is suspect, and judged when all others have been tried:
 *
 * 1. fault `row`: rejected
 * 2. fault unclear: tried alone once more when others of its kind have been stored since it failed first, and rejected when it fails again;
 *    else held
 * 3. when 20 rows have failed alone and none was stored in between, neither is believed: a few rows are tried out of turn, and when they
 *    fail, too, everything is held
 *
 * @returns why it ended before every row was stored or rejected; undefined when none is left.
 */
export async function storeIsolating<R extends object>(rows: readonly R[], tools: IsolationTools<R>): Promise<Stop | undefined> {
  return new Isolation(rows, tools).run()
}

class Isolation<R extends object> {
  readonly #tools: IsolationTools<R>
  /** Still to be tried, in order. */
  #segments: (readonly R[])[]
  readonly #suspects = new Map<string, Suspect<R>>()
  #held: Stop | undefined

  constructor(rows: readonly R[], tools: IsolationTools<R>) {
    this.#tools = tools
    this.#segments = [rows]
  }

  async run(): Promise<Stop | undefined> {
    while (this.#segments.length > 0) {
      const stop = (await this.#tryAll()) ?? (await this.#judgeAll())
      if (stop !== undefined) return stop
    }
    return this.#held
  }

  async #tryAll(): Promise<Stop | undefined> {
    for (let segment = this.#segments.shift(); segment !== undefined; segment = this.#segments.shift()) {
      const rows = this.#withoutFollowers(segment)
      const [first] = rows
      if (first === undefined) continue
      const verdict = await this.#attempt(rows)
      if (verdict.is === 'stored') continue
      if (isStop(verdict)) return verdict
      if (rows.length > 1) {
        const middle = rows.length >>> 1
        this.#segments.unshift(rows.slice(0, middle), rows.slice(middle))
        continue
      }
      this.#suspects.set(this.#tools.keyOf(first), { row: first, verdict, followers: [] })
      this.#tools.history.failedAlone(first)
      const stop = this.#tools.history.isSystemic ? await this.#probe(verdict.error) : undefined
      if (stop !== undefined) return stop
    }
    return undefined
  }

  async #attempt(rows: readonly R[]): Promise<Verdict> {
    const verdict = await this.#tools.attempt(rows)
    if (verdict.is === 'stored') {
      this.#tools.history.stored()
      this.#tools.onStored(rows, verdict.result)
    }
    return verdict
  }

  #withoutFollowers(rows: readonly R[]): readonly R[] {
    if (this.#suspects.size === 0) return rows
    return rows.filter((row) => {
      const suspect = this.#suspects.get(this.#tools.keyOf(row))
      suspect?.followers.push(row)
      return suspect === undefined
    })
  }

  /** @returns undefined when one of those to come can be stored, so that it is the rows after all. */
  async #probe(error: DatabaseOperationError): Promise<Stop | undefined> {
    const candidates = this.#firstOfEachKey()
    for (let i = 0; i < PROBES && candidates.length > 0; i++) {
      const [row] = candidates.splice(Math.floor(this.#tools.random() * candidates.length), 1)
      if (row === undefined) break
      const verdict = await this.#attempt([row])
      if (isStop(verdict)) return verdict
      if (verdict.is !== 'stored') continue
      this.#segments = this.#segments.map((segment) => segment.filter((other) => other !== row))
      return undefined
    }
    return { is: 'held', error }
  }

  #firstOfEachKey(): R[] {
    const keys = new Set(this.#suspects.keys())
    return this.#segments.flat().filter((row) => {
      const key = this.#tools.keyOf(row)
      return !keys.has(key) && keys.add(key)
    })
  }

  async #judgeAll(): Promise<Stop | undefined> {
    for (const [key, { row, verdict, followers }] of [...this.#suspects]) {
      const stop = await this.#judge(row, verdict)
      if (stop === undefined) this.#segments.push(followers)
      else if (stop.is !== 'held') return stop
      else this.#held ??= stop
      this.#suspects.delete(key)
    }
    return undefined
  }

  async #judge(row: R, verdict: Suspect<R>['verdict']): Promise<Stop | undefined> {
    if (verdict.is !== 'row') {
      if (!this.#tools.history.isRefuted(row)) return { is: 'held', error: verdict.error }
      const again = await this.#attempt([row])
      if (again.is === 'stored') return undefined
      if (isStop(again)) return again
    }
    this.#tools.onRejected(row, verdict.error)
    return undefined
  }
}

const isStop = (verdict: Verdict): verdict is Verdict & Stop => verdict.is === 'away' || verdict.is === 'closed'
