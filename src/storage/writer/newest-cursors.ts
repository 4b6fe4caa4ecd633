import type { TapeCursor } from '../../ports/cursor-store.ts'
import { decodeRecord, isCursorLine } from '../record-codec.ts'
import type { StreamCursor } from '../storage-record.ts'
import type { SpoolKeeper } from './spool-keeper.ts'

/** Cursors that wait in memory or in the spool: newer than what the repository has. */
export class NewestCursors {
  readonly #cursors = new Map<string, TapeCursor>()
  #scan: Promise<void> | undefined

  /** After whatever is looked for in the spool has been found. */
  async get(stream: string): Promise<TapeCursor | undefined> {
    await this.#scan
    return this.#cursors.get(stream)
  }

  set({ stream, cursor }: StreamCursor): void {
    this.#cursors.set(stream, cursor)
  }

  /** The repository has it, or nobody ever will. */
  forget({ stream, cursor }: StreamCursor): void {
    if (this.#cursors.get(stream)?.id === cursor.id) this.#cursors.delete(stream)
  }

  /** Looks for those that an earlier process left. */
  findIn(spool: SpoolKeeper): void {
    this.#scan = this.#find(spool)
  }

  async #find(spool: SpoolKeeper): Promise<void> {
    const found = new Map<string, TapeCursor>()
    await spool.scan((line) => {
      const row = cursorOf(line)
      if (row !== undefined) found.set(row.stream, row.cursor)
    })
    for (const [stream, cursor] of found) if (!this.#cursors.has(stream)) this.#cursors.set(stream, cursor)
  }
}

function cursorOf(line: string): StreamCursor | undefined {
  if (!isCursorLine(line)) return undefined
  try {
    const record = decodeRecord(line)
    return record.kind === 'cursor' ? record.row : undefined
  } catch {
    // Reported when its turn comes to be stored.
    return undefined
  }
}
