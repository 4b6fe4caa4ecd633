import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeOwnFile, syncDirectory, writeFully, type Files } from './own-file.ts'

/** Appends to one new segment. What fails leaves nothing behind. */
export class SegmentWriter {
  readonly path: string
  readonly #handle: FileHandle
  readonly #fsync: boolean
  /** End of the last batch that was acknowledged. */
  #end = 0
  /** Something may be behind the end that must not be there. */
  #isDirty = false

  private constructor(path: string, handle: FileHandle, fsync: boolean) {
    this.path = path
    this.#handle = handle
    this.#fsync = fsync
  }

  static async create(files: Files, path: string, fsync: boolean): Promise<SegmentWriter> {
    const handle = await makeOwnFile(files, path)
    try {
      if (fsync) await syncDirectory(files, dirname(path))
      return new SegmentWriter(path, handle, fsync)
    } catch (error) {
      await handle.close().catch(() => undefined)
      await files.unlink(path).catch(() => undefined)
      throw error
    }
  }

  get end(): number {
    return this.#end
  }

  async append(batch: Buffer): Promise<void> {
    await this.cleanUp()
    try {
      await writeFully(this.#handle, batch, this.#end)
      if (this.#fsync) await this.#handle.datasync()
    } catch (error) {
      this.#isDirty = true
      // Where even that fails, the next append has to begin with it.
      await this.cleanUp().catch(() => undefined)
      throw error
    }
    this.#end += batch.length
  }

  /** Removes what a failed append may have left. */
  async cleanUp(): Promise<void> {
    if (!this.#isDirty) return
    await this.#handle.truncate(this.#end)
    if (this.#fsync) await this.#handle.datasync()
    this.#isDirty = false
  }

  async close(): Promise<void> {
    try {
      await this.cleanUp()
    } finally {
      await this.#handle.close()
    }
  }
}
