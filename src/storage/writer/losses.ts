import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { StorageRecord } from '../storage-record.ts'
import { keyFieldsOf, type LossReason } from './entry.ts'

/** So many are handed over at once. */
const CHUNK = 1_000

interface LossOptions {
  readonly name: string
  readonly onError: (error: TapekeeperError) => void
  readonly onLost: (records: readonly StorageRecord[], reason: LossReason) => void
}

/** Rows that had to be left out: counted, handed over in chunks, reported once for each spell. */
export class Losses {
  /** Overflow and given up, since the beginning. */
  total = 0
  /** Since the last time that all was well. */
  inSpell = 0

  readonly #options: LossOptions
  #pending: StorageRecord[] = []
  #isReported = false

  constructor(options: LossOptions) {
    this.#options = options
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  overflow(record: StorageRecord): void {
    this.#count(1)
    this.#pending.push(record)
    if (this.#pending.length >= CHUNK) this.handOver()
  }

  handOver(): void {
    const records = this.#pending
    if (records.length === 0) return
    this.#pending = []
    if (!this.#isReported) this.#report('there is no room for more', records)
    this.#isReported = true
    this.#options.onLost(records, 'overflow')
  }

  givenUp(records: readonly StorageRecord[]): TapekeeperError {
    this.handOver()
    this.#count(records.length)
    const error = this.#report('given up', records)
    if (records.length > 0) this.#options.onLost(records, 'given-up')
    return error
  }

  /** A row that came after the end. */
  refuse(record: StorageRecord): void {
    this.#count(1)
    if (!this.#isReported) this.#report('closed', [record])
    this.#isReported = true
    this.#options.onLost([record], 'given-up')
  }

  endSpell(): void {
    this.handOver()
    this.inSpell = 0
    this.#isReported = false
  }

  #count(rows: number): void {
    this.total += rows
    this.inSpell += rows
  }

  #report(why: string, records: readonly StorageRecord[]): TapekeeperError {
    const { name, onError } = this.#options
    const [first] = records
    const error = new TapekeeperError('STORAGE_OVERFLOW', `${name}: ${records.length} rows are not stored: ${why}`, {
      ...(first === undefined ? {} : rangeOf(first, records)),
      rows: records.length,
    })
    if (records.length > 0) onError(error)
    return error
  }
}

/** First and last id of the market of the first one. */
function rangeOf(first: StorageRecord, records: readonly StorageRecord[]): Readonly<Record<string, unknown>> {
  const { kind, exchange, symbol } = keyFieldsOf(first)
  const same = records
    .map(keyFieldsOf)
    .filter((key) => key['kind'] === kind && key['exchange'] === exchange && key['symbol'] === symbol)
  const idOf = (key: Readonly<Record<string, unknown>> | undefined): unknown => key?.['id'] ?? key?.['openTime']
  return { kind, exchange, symbol, fromId: idOf(same[0]), toId: idOf(same.at(-1)) }
}
