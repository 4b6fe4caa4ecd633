import { kindOfLine } from '../record-codec.ts'
import type { RecordKind } from '../storage-record.ts'

/** How many lines of each kind wait in the spool and have not been read. */
export class SpooledKinds {
  readonly #counts = new Map<RecordKind, number>()
  /** Of an earlier process: they may be of any kind, and stand in front. */
  #unknown = 0

  found(lines: number): void {
    this.#unknown = lines
  }

  appended(lines: readonly string[]): void {
    this.#count(lines, 1)
  }

  /** The next lines from the front. */
  read(lines: readonly string[]): void {
    const unknown = Math.min(this.#unknown, lines.length)
    this.#unknown -= unknown
    this.#count(lines.slice(unknown), -1)
  }

  has(kind: RecordKind): boolean {
    return this.#unknown > 0 || (this.#counts.get(kind) ?? 0) > 0
  }

  #count(lines: readonly string[], by: 1 | -1): void {
    for (const line of lines) {
      const kind = kindOfLine(line)
      if (kind !== undefined) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + by)
    }
  }
}
