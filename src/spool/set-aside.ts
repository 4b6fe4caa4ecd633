import { join } from 'node:path'
import { ownFile, syncDirectory, writeFully, type Files } from './own-file.ts'

export const SET_ASIDE_FILE = 'set-aside.ndjson'

export interface SetAsideRules {
  readonly maxBytes: number
  readonly fsync: boolean
}

/** Appends lines that nothing can be done with to a file of their own, all or none. */
export async function setLinesAside(
  files: Files,
  directory: string,
  lines: readonly string[],
  { maxBytes, fsync }: SetAsideRules,
): Promise<void> {
  if (lines.length === 0) return
  const path = join(directory, SET_ASIDE_FILE)
  const handle = await ownFile(files, path)
  try {
    const { size } = await handle.stat()
    // A process that died here may have left half a line.
    const isWhole = size === 0 || (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] === 10
    const bytes = Buffer.from(`${isWhole ? '' : '\n'}${lines.join('\n')}\n`)
    if (size + bytes.length > maxBytes) throw new Error(`${path} would be larger than maxBytes (${maxBytes})`)
    try {
      await writeFully(handle, bytes, size)
      if (fsync) await handle.datasync()
      if (fsync && size === 0) await syncDirectory(files, directory)
    } catch (error) {
      await handle.truncate(size).catch(() => undefined)
      throw error
    }
  } finally {
    await handle.close()
  }
}
