import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { ownFile, writeFully, type Files } from './own-file.ts'

/** Where the waiting lines begin. */
export interface Position {
  readonly segment: number
  /** Where the batch begins that holds the first of them. Bytes. */
  readonly offset: number
  /** Lines of that batch that are dropped. */
  readonly dropped: number
}

const POSITION_FILE = 'position'
const TEXT = /^(\d+) (\d+) (\d+) ([0-9a-f]+) *\n$/
/** One write into a block the file has already: it works on a full disk, too. */
const BYTES = 64

/** Remembers the position. It is not synced: an older one only brings dropped lines back. */
export class PositionFile {
  readonly #handle: FileHandle

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  static async open(files: Files, directory: string): Promise<PositionFile> {
    return new PositionFile(await ownFile(files, join(directory, POSITION_FILE)))
  }

  /** What was written last; undefined when there is nothing, or it is damaged. */
  async read(): Promise<Position | undefined> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(BYTES), 0, BYTES, 0)
    const [, segment, offset, dropped, checksum] = TEXT.exec(buffer.toString('latin1', 0, bytesRead)) ?? []
    const position = { segment: Number(segment), offset: Number(offset), dropped: Number(dropped) }
    return checksum === checksumOf(position) ? position : undefined
  }

  async write(position: Position): Promise<void> {
    const { segment, offset, dropped } = position
    const text = `${segment} ${offset} ${dropped} ${checksumOf(position)}`.padEnd(BYTES - 1)
    await writeFully(this.#handle, Buffer.from(`${text}\n`, 'latin1'), 0)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

const checksumOf = ({ segment, offset, dropped }: Position): string => crc32(`${segment} ${offset} ${dropped}`).toString(16)
