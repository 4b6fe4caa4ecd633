import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { makeOwnFile, systemCodeOf, type Files } from './own-file.ts'

/**
 * One lane, one process. Each puts down a file that carries its process id in the name, which needs no space on a full disk, and then looks
 * whether somebody else's is there. Two that come at the same moment may both give way, but never both go on.
 */
const LOCK = /^lock-(\d+)-(\w*)$/

const KEY = Symbol.for('tapekeeper.spool.open-lanes')
/** Lanes this process has open; one list, also when our ESM and CJS builds are both loaded. */
const openLanes = ((globalThis as { [KEY]?: Set<string> })[KEY] ??= new Set())

/**
 * @returns what gives the lane back.
 * @throws Error when another process, or this one, has the lane.
 */
export async function takeLane(files: Files, directory: string): Promise<() => Promise<void>> {
  if (openLanes.has(directory)) throw new Error(`this process (pid ${process.pid}) has the lane open already`)
  openLanes.add(directory)
  try {
    const lock = await putLock(files, directory)
    return async () => {
      await remove(files, lock)
      openLanes.delete(directory)
    }
  } catch (error) {
    openLanes.delete(directory)
    throw error
  }
}

async function putLock(files: Files, directory: string): Promise<string> {
  const { stamp } = await lookAt(process.pid)
  const name = `lock-${process.pid}-${stamp}`
  const path = join(directory, name)
  try {
    await (await makeOwnFile(files, path)).close()
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
    // Without a stamp it may be from an earlier life of this container, in which we had the same id.
    if (stamp !== '') throw new Error(`another thread of this process (pid ${process.pid}) has the lane open`, { cause: error })
  }
  try {
    for (const other of await files.readdir(directory)) {
      const [, pid, itsStamp = ''] = LOCK.exec(other) ?? []
      if (pid === undefined || other === name) continue
      if (await isRunning(Number(pid), itsStamp)) throw new Error(`process ${pid} has the lane open`)
      await remove(files, join(directory, other))
    }
    return path
  } catch (error) {
    await remove(files, path).catch(() => undefined)
    throw error
  }
}

/** Whether the process that left a lock is still there, and not another one that got its id. */
async function isRunning(pid: number, stamp: string): Promise<boolean> {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (systemCodeOf(error) === 'ESRCH') return false
  }
  const now = await lookAt(pid)
  return !now.isOver && (stamp === '' || now.stamp === '' || now.stamp === stamp)
}

/**
 * When a process began, on Linux: an id that is used again differs by that. Elsewhere the stamp is empty. A process that ended and that
 * nobody asked how is over, though it still has its id.
 */
async function lookAt(pid: number): Promise<{ readonly stamp: string; readonly isOver: boolean }> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1')
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    // The name of the program stands in brackets and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state, ticks] = [fields[0], fields[19]]
    return { stamp: ticks === undefined ? '' : `${boot.slice(0, 8)}_${ticks}`, isOver: state === 'Z' || state === 'X' }
  } catch {
    return { stamp: '', isOver: false }
  }
}

async function remove(files: Files, path: string): Promise<void> {
  try {
    await files.unlink(path)
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error
  }
}
