import type { FileHandle } from 'node:fs/promises'
import { HEADER_BYTES, HEADER_START, headerOf, isIntact } from './batch.ts'
import { openOwnFile, type Files } from './own-file.ts'

/**
 * What comes next in a segment:
 *
 * - `batch`: an intact batch
 * - `damaged`: bytes that are no batch any more
 * - `torn`: a batch whose end is missing, because the process or the machine died while it was being appended
 */
export type Piece =
  | { readonly type: 'batch'; readonly start: number; readonly end: number; readonly lines: number; readonly payload: Buffer }
  | { readonly type: 'damaged' | 'torn'; readonly start: number; readonly end: number; readonly bytes: Buffer }

const CHUNK_BYTES = 64 * 1024
/** A long damage is handed out in parts, so that it does not fill the memory. */
const MAX_DAMAGE_BYTES = 1024 * 1024

/** Reads a segment piece by piece. Holds a chunk or one batch in memory, whichever is greater. */
export class SegmentReader {
  readonly #handle: FileHandle
  #at: number
  /** What has been read of the file from `#at` on. */
  #ahead: Buffer = Buffer.alloc(0)

  private constructor(handle: FileHandle, at: number) {
    this.#handle = handle
    this.#at = at
  }

  static async open(files: Files, path: string, at: number): Promise<SegmentReader> {
    return new SegmentReader(await openOwnFile(files, path, 'read'), at)
  }

  /** Where the next piece begins. */
  get at(): number {
    return this.#at
  }

  /** @param end of what may be read; undefined when it has been reached. */
  async next(end: number): Promise<Piece | undefined> {
    const start = this.#at
    if (start >= end) return undefined
    const header = headerOf(await this.#look(HEADER_BYTES, end))
    if (header === undefined) return this.#damage(end)
    const length = HEADER_BYTES + header.bytes
    const bytes = (await this.#look(length, end)).subarray(0, length)
    if (bytes.length < length) return this.#take({ type: 'torn', start, end, bytes })
    const payload = bytes.subarray(HEADER_BYTES)
    // The header is intact: the next batch begins where it says, whatever happened to this one.
    if (!isIntact(header, payload)) return this.#take({ type: 'damaged', start, end: start + length, bytes })
    return this.#take({ type: 'batch', start, end: start + length, lines: header.lines, payload })
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  /** Up to the next header. */
  async #damage(end: number): Promise<Piece> {
    const start = this.#at
    let searched = 0
    for (;;) {
      const wanted = searched + CHUNK_BYTES
      const bytes = await this.#look(wanted, end)
      for (let found: number; (found = bytes.indexOf(HEADER_START, searched, 'latin1')) !== -1;) {
        searched = found + 1
        if (headerOf(bytes.subarray(searched)) === undefined) continue
        return this.#take({ type: 'damaged', start, end: start + searched, bytes: bytes.subarray(0, searched) })
      }
      // Less than any batch: nothing that was acknowledged can be missing.
      if (bytes.length < wanted) return this.#take({ type: bytes.length < HEADER_BYTES ? 'torn' : 'damaged', start, end, bytes })
      // A header may begin at the end of what is here.
      searched = bytes.length - HEADER_BYTES
      if (searched < MAX_DAMAGE_BYTES) continue
      return this.#take({ type: 'damaged', start, end: start + searched, bytes: bytes.subarray(0, searched) })
    }
  }

  #take(piece: Piece): Piece {
    this.#ahead = this.#ahead.subarray(piece.end - this.#at)
    this.#at = piece.end
    return piece
  }

  /** At least so many bytes from here on, if there are as many before the end. */
  async #look(length: number, end: number): Promise<Buffer> {
    const wanted = Math.min(Math.max(length, CHUNK_BYTES), end - this.#at)
    if (this.#ahead.length < Math.min(length, wanted)) {
      const bytes = Buffer.allocUnsafe(wanted)
      let filled = this.#ahead.copy(bytes)
      while (filled < wanted) {
        const { bytesRead } = await this.#handle.read(bytes, filled, wanted - filled, this.#at + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      this.#ahead = bytes.subarray(0, filled)
    }
    return this.#ahead
  }
}
