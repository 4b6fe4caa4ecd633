import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Built } from '../built.ts'
import { bookFrames } from './frames.ts'

export const HEAP_SUBJECTS = ['tapekeeper', 'tardis-dev', 'ccxt'] as const
export type HeapSubject = (typeof HEAP_SUBJECTS)[number]

export interface ChildTask {
  readonly nativeSymbols: readonly string[]
  readonly instrumentOfFrame: readonly number[]
  /** The first so many instruments only warm up; their frames come first. */
  readonly warmSymbols: number
  readonly warmFrames: number
}

export interface ChildReport {
  readonly version: string
  /** What the books take, bytes each. */
  readonly perBook: number
  /** The same with collectors, instrument lists and whatever else the library makes for them. */
  readonly withAllAround: number
  readonly levelsPerSide: number
  /** Sum over all levels: the same books, the same sum. */
  readonly digest: number
}

export interface HeapResult {
  readonly books: number
  readonly frames: number
  readonly reports: readonly { readonly name: HeapSubject; readonly report: ChildReport }[]
}

const WARM_SYMBOLS = 20

/** Every library keeps the same `books` books, each in a process of its own. */
export async function measureHeap(built: Built, books: number, marketMs: number, seed: number): Promise<HeapResult> {
  const { nativeSymbols, frames } = await bookFrames(built, books + WARM_SYMBOLS, marketMs, seed)
  const placeOf = new Map(nativeSymbols.map((nativeSymbol, place) => [nativeSymbol, place]))
  const placed = frames.map(({ nativeSymbol, text }) => ({ place: placeOf.get(nativeSymbol)!, text }))
  const warm = placed.filter(({ place }) => place < WARM_SYMBOLS)
  const ordered = [...warm, ...placed.filter(({ place }) => place >= WARM_SYMBOLS)]
  const task: ChildTask = {
    nativeSymbols,
    instrumentOfFrame: ordered.map(({ place }) => place),
    warmSymbols: WARM_SYMBOLS,
    warmFrames: warm.length,
  }
  const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-bench-'))
  try {
    const files = [join(folder, 'task.json'), join(folder, 'frames.ndjson')] as const
    writeFileSync(files[0], JSON.stringify(task))
    writeFileSync(files[1], ordered.map(({ text }) => `${text}\n`).join(''))
    const reports = HEAP_SUBJECTS.map((name) => ({ name, report: runChild(built, name, files) }))
    for (const { name, report } of reports) {
      const { digest, levelsPerSide } = reports[0]!.report
      if (report.digest !== digest || report.levelsPerSide !== levelsPerSide)
        throw new Error(`${name} ended with other books: ${JSON.stringify(report)} instead of ${JSON.stringify(reports[0])}`)
    }
    return { books, frames: ordered.length - warm.length, reports }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runChild(built: Built, name: HeapSubject, files: readonly string[]): ChildReport {
  const script = fileURLToPath(new URL('child.ts', import.meta.url))
  const args = ['--expose-gc', '--import', 'tsx', script, name, ...files]
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    // The same build, whatever happens to the sources meanwhile.
    env: { ...process.env, TAPEKEEPER_DIST: built.folder },
    stdio: ['ignore', 'pipe', 2],
    encoding: 'utf8',
    timeout: 120_000,
  })
  if (status !== 0) throw new Error(`the heap of ${name} could not be measured`)
  return JSON.parse(stdout) as ChildReport
}
