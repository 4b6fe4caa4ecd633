import { constants } from 'node:fs'
import * as disk from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'

/** What the spool needs of the file system. */
export type Files = Pick<typeof disk, 'open' | 'mkdir' | 'readdir' | 'unlink' | 'lstat' | 'chmod' | 'realpath'>

export const systemFiles: Files = disk

const OWNER_ONLY_DIRECTORY = 0o700
const OWNER_ONLY_FILE = 0o600
const OF_OTHERS = 0o077
const OTHERS_MAY_WRITE = 0o002
/** In a directory with this bit, as /tmp has it, nobody can move what belongs to somebody else. */
const STICKY = 0o1000

/** Windows knows owners and permissions, but not these. */
const HAS_MODES = process.platform !== 'win32'

/**
 * Makes sure of a directory that belongs to us and is ours alone to read, inside of one that is there or is made.
 *
 * @returns its real path.
 * @throws Error when something else is in the way.
 */
export async function ownDirectory(files: Files, parent: string, name: string): Promise<string> {
  await makeDirectories(files, parent)
  const real = await files.realpath(parent)
  const stat = await files.lstat(real)
  if (!stat.isDirectory()) throw new Error(`${real} is not a directory`)
  // Who may write there could put a directory of their own in the place of ours.
  if (HAS_MODES && (stat.mode & OTHERS_MAY_WRITE) !== 0 && (stat.mode & STICKY) === 0) {
    throw new Error(`everybody may write in ${real}; take that permission away (chmod o-w)`)
  }
  const path = join(real, name)
  await makeDirectory(files, path)
  const own = await files.lstat(path)
  if (!own.isDirectory()) throw new Error(`${path} is not a directory`)
  if (!HAS_MODES) return path
  const user = process.getuid?.()
  if (own.uid !== user) throw new Error(`${path} belongs to user ${own.uid}, and we are user ${user}`)
  if ((own.mode & 0o777) !== OWNER_ONLY_DIRECTORY) {
    await files.chmod(path, OWNER_ONLY_DIRECTORY)
    if (((await files.lstat(path)).mode & OF_OTHERS) !== 0) throw new Error(`others may read ${path}, and it cannot be forbidden`)
  }
  return path
}

/** Makes a new file that only we may read. */
export async function makeOwnFile(files: Files, path: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_EXCL } = constants
  return guarded(await files.open(path, O_RDWR | O_CREAT | O_EXCL, OWNER_ONLY_FILE), async (handle) => {
    // The umask may have taken away even what we need ourselves.
    if (HAS_MODES) await handle.chmod(OWNER_ONLY_FILE)
  })
}

/** Opens a file that is there. Links, pipes and directories are refused; one that others could read is taken away from them. */
export async function openOwnFile(files: Files, path: string, access: 'read' | 'write'): Promise<FileHandle> {
  const { O_RDONLY, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants as Partial<typeof constants>
  const mode = (access === 'read' ? O_RDONLY : O_RDWR) ?? 0
  return guarded(await files.open(path, mode | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0)), async (handle) => {
    const stat = await handle.stat()
    if (!stat.isFile()) throw new Error(`${path} is not a file`)
    if (HAS_MODES && (stat.mode & OF_OTHERS) !== 0) await handle.chmod(OWNER_ONLY_FILE)
  })
}

/** Opens a file of ours for writing, and makes it when it is missing. */
export async function ownFile(files: Files, path: string): Promise<FileHandle> {
  try {
    return await openOwnFile(files, path, 'write')
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
    return await makeOwnFile(files, path)
  }
}

/** Writes all of it, however little the system takes at a time. */
export async function writeFully(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    if (bytesWritten === 0) throw new Error('the disk takes nothing more')
    done += bytesWritten
  }
}

/** New names in a directory survive a power cut only after this. */
export async function syncDirectory(files: Files, path: string): Promise<void> {
  if (!HAS_MODES) return
  const handle = await files.open(path, constants.O_RDONLY)
  try {
    await handle.sync()
  } catch (error) {
    // Some file systems keep their directories safe by themselves and refuse to be asked.
    if (systemCodeOf(error) !== 'EINVAL') throw error
  } finally {
    await handle.close()
  }
}

/** For example `ENOSPC`. */
export const systemCodeOf = (error: unknown): string | undefined => {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : undefined
}

async function guarded(handle: FileHandle, check: (handle: FileHandle) => Promise<void>): Promise<FileHandle> {
  try {
    await check(handle)
    return handle
  } catch (error) {
    await handle.close().catch(() => undefined)
    throw error
  }
}

async function makeDirectories(files: Files, path: string): Promise<void> {
  try {
    await makeDirectory(files, path)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectories(files, dirname(path))
    await makeDirectory(files, path)
  }
}

async function makeDirectory(files: Files, path: string): Promise<void> {
  try {
    await files.mkdir(path, { mode: OWNER_ONLY_DIRECTORY })
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
    return
  }
  if (HAS_MODES) await files.chmod(path, OWNER_ONLY_DIRECTORY)
  await syncDirectory(files, dirname(path))
}
