import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** `collector_debug.20261122T101500000Z.log`, beside `collector_debug.log`; the time of the rotation, so that names sort by age. */
export function rotatedName(stem: string, at: Date, index = 1): string {
  const time = at.toISOString().replaceAll(/[-:.]/g, '')
  return `${stem}.${time}${index === 1 ? '' : `.${index}`}.log`
}

const ROTATED = /^\.\d{8}T\d{9}Z(?:\.\d+)?\.log$/

/**
 * Removes all but the newest `keep` rotated files of one log, and empty ones: a quiet log is rotated, too. Goes by the directory and not
 * by memory, so that a lower limit or an earlier run's files count as well.
 */
export async function removeOldFiles(directory: string, stem: string, keep: number): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(stem) && ROTATED.test(name.slice(stem.length)))
  const files = await Promise.all(
    names.sort().map(async (name) => ({ path: join(directory, name), size: (await stat(join(directory, name))).size })),
  )
  const full = files.filter(({ size }) => size > 0)
  const old = [...files.filter(({ size }) => size === 0), ...full.slice(0, Math.max(0, full.length - keep))]
  await Promise.all(old.map(({ path }) => rm(path, { force: true })))
}
