import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

interface DriverPackage {
  readonly version: string
  /** The Node versions it says it runs on, for example `>=22` or `20.x || 22.x`. */
  readonly node: string
}

/** Node 20 has its last version in 12: the next one ends the process when a database is opened. */
const LAST_FOR_NODE_20 = 12

/**
 * Why this `better-sqlite3` cannot run on this Node, and what to install; undefined when it can, or nothing is known. Asked before its
 * native part is loaded: one that was made for a later Node takes the process down without a word.
 */
export function driverProblem(driver: DriverPackage | undefined, nodeVersion = process.versions.node): string | undefined {
  if (driver === undefined) return undefined
  const oldest = Math.min(...driver.node.split('||').map((range) => Number(/\d+/.exec(range)?.[0] ?? 0)))
  const node = Number.parseInt(nodeVersion, 10)
  if (oldest <= node) return undefined
  const { version } = driver
  return `better-sqlite3 ${version} needs Node ${driver.node}, and this is Node ${nodeVersion}: npm install better-sqlite3@${LAST_FOR_NODE_20}`
}

/** What its package.json says; undefined where that cannot be found, in a bundle for example. */
export function installedDriver(): DriverPackage | undefined {
  try {
    const main = createRequire(import.meta.url).resolve('better-sqlite3')
    const folder = main.slice(0, main.lastIndexOf('better-sqlite3') + 'better-sqlite3'.length)
    for (let path = dirname(main); path.startsWith(folder); path = dirname(path)) {
      const manifest = manifestIn(path)
      if (manifest?.name === 'better-sqlite3') return { version: manifest.version ?? '', node: manifest.engines?.node ?? '' }
    }
    return undefined
  } catch {
    return undefined
  }
}

interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly engines?: { readonly node?: string }
}

function manifestIn(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  } catch {
    return undefined
  }
}
