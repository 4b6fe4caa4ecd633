import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type * as Tapekeeper from 'tapekeeper'
import type * as Testing from 'tapekeeper/testing'

const BENCH = fileURLToPath(new URL('..', import.meta.url))
const ROOT = resolve(BENCH, '..')

/** The built package, as users get it. */
export interface Built {
  readonly folder: string
  readonly version: string
}

/** Builds the package when its sources are newer than `dist`. `TAPEKEEPER_DIST` names another build, which is taken as it is. */
export function buildIfStale(): Built {
  const version = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version
  const other = process.env['TAPEKEEPER_DIST']
  if (other !== undefined) return { folder: resolve(other), version }
  const folder = join(ROOT, 'dist')
  const entry = join(folder, 'index.js')
  if (!existsSync(entry) || newest(join(ROOT, 'src')) > statSync(entry).mtimeMs) {
    if (!existsSync(join(ROOT, 'node_modules'))) throw new Error('The package has to be built first: run `npm ci` in the root.')
    console.error('dist is older than src: npm run build')
    run('npm', ['run', '--silent', 'build'], ROOT)
  }
  return { folder, version }
}

/** Installs the peers that are compared with, which the root install leaves out. */
export function installPeersIfMissing(): void {
  if (existsSync(join(BENCH, 'node_modules/ccxt/package.json'))) return
  console.error('bench/node_modules is missing: npm --prefix bench ci')
  run('npm', ['ci', '--no-audit', '--no-fund'], BENCH)
}

export async function loadTapekeeper(built: Built): Promise<typeof Tapekeeper> {
  return (await import(pathToFileURL(join(built.folder, 'index.js')).href)) as typeof Tapekeeper
}

export async function loadTesting(built: Built): Promise<typeof Testing> {
  return (await import(pathToFileURL(join(built.folder, 'testing.js')).href)) as typeof Testing
}

function newest(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

function run(command: string, args: readonly string[], cwd: string): void {
  // The result goes to stdout; whatever a tool says goes to stderr.
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed in ${cwd}`, { cause: error })
}
