import type { Gap } from '../../domain/gap.ts'
import { compareGaps, gapKey } from '../../domain/stored-gaps.ts'
import type { TapeCursor } from '../../ports/cursor-store.ts'
import { decodeRecord, kindOfLine } from '../record-codec.ts'
import type { StorageRecord, StreamCursor } from '../storage-record.ts'
import type { SpoolKeeper } from './spool-keeper.ts'

/** Cursors and gaps that wait in memory or in the spool: newer than what the repository has. */
export class WaitingMarks {
  readonly #cursors = new Map<string, TapeCursor>()
  readonly #gaps = new Map<string, Gap>()
  #scan: Promise<void> | undefined

  /** After whatever is looked for in the spool has been found. */
  async cursor(stream: string): Promise<TapeCursor | undefined> {
    await this.#scan
    return this.#cursors.get(stream)
  }

  /** Of a stream: open ones, and filled ones whose opening may be stored. */
  async gaps(stream: string): Promise<readonly Gap[]> {
    await this.#scan
    return [...this.#gaps.values()].filter((gap) => gap.stream === stream)
  }

  setCursor({ stream, cursor }: StreamCursor): void {
    this.#cursors.set(stream, cursor)
  }

  setGap(gap: Gap): void {
    const key = keyOf(gap)
    if (this.#gaps.get(key)?.filled !== true) this.#gaps.set(key, gap)
  }

  /** The repository has it, or nobody ever will. */
  forgetCursor({ stream, cursor }: StreamCursor): void {
    if (this.#cursors.get(stream)?.id === cursor.id) this.#cursors.delete(stream)
  }

  forgetGap(gap: Gap): void {
    const key = keyOf(gap)
    if (gap.filled || this.#gaps.get(key)?.filled === false) this.#gaps.delete(key)
  }

  /** Looks for those that an earlier process left. */
  findIn(spool: SpoolKeeper): void {
    this.#scan = this.#find(spool)
  }

  async #find(spool: SpoolKeeper): Promise<void> {
    const found = new Map<string, TapeCursor>()
    await spool.scan((line) => {
      const record = markOf(line)
      if (record?.kind === 'cursor') found.set(record.row.stream, record.row.cursor)
      if (record?.kind === 'gap') this.setGap(record.row)
    })
    for (const [stream, cursor] of found) if (!this.#cursors.has(stream)) this.#cursors.set(stream, cursor)
  }
}

/** What is open of the stored ones and those on their way to them. */
export function openOf(stored: readonly Gap[], waiting: readonly Gap[]): readonly Gap[] {
  const open = new Map(stored.map((gap) => [gapKey(gap), gap]))
  for (const gap of waiting) {
    if (gap.filled) open.delete(gapKey(gap))
    else if (!open.has(gapKey(gap))) open.set(gapKey(gap), gap)
  }
  return [...open.values()].sort(compareGaps)
}

const keyOf = (gap: Gap): string => JSON.stringify([gap.stream, gapKey(gap)])

function markOf(line: string): StorageRecord | undefined {
  const kind = kindOfLine(line)
  if (kind !== 'cursor' && kind !== 'gap') return undefined
  try {
    return decodeRecord(line)
  } catch {
    // Reported when its turn comes to be stored.
    return undefined
  }
}
