import { readFileSync } from 'node:fs'
import { buildIfStale, loadTapekeeper } from '../built.ts'
import type { BookSubject } from '../subjects/book-subject.ts'
import { ccxtBooks } from '../subjects/ccxt-books.ts'
import { tapekeeperBooks } from '../subjects/tapekeeper-books.ts'
import { tardisDevBooks } from '../subjects/tardis-dev-books.ts'
import type { ChildReport, ChildTask, HeapSubject } from './heap.ts'

// One library in a process of its own: nothing else is on the heap, and nothing else has warmed it up.
const [name, taskFile, framesFile] = process.argv.slice(2) as [HeapSubject, string, string]
const task = JSON.parse(readFileSync(taskFile, 'utf8')) as ChildTask
/** Lines of text; each frame is decoded when its turn comes, as from a socket, and forgotten. */
const bytes = readFileSync(framesFile)
const built = buildIfStale()

const load: Record<HeapSubject, () => Promise<unknown>> = {
  tapekeeper: () => loadTapekeeper(built),
  'tardis-dev': () => import('tardis-dev'),
  ccxt: () => import('ccxt'),
}
const keep: Record<HeapSubject, () => Promise<BookSubject>> = {
  tapekeeper: () => tapekeeperBooks(built, task),
  'tardis-dev': () => tardisDevBooks(task),
  ccxt: () => ccxtBooks(task),
}

await load[name]()
const empty = await heapBytes()
const subject = await keep[name]()
let position = 0
let index = 0
feedUntil(task.warmFrames)
const ready = await heapBytes()
feedUntil(task.instrumentOfFrame.length)
const full = await heapBytes()

const measured = task.nativeSymbols.slice(task.warmSymbols)
let levels = 0
let digest = 0
for (const nativeSymbol of measured) {
  for (const side of ['bids', 'asks'] as const) {
    for (const [price, size] of subject.levels(nativeSymbol, side)) {
      levels++
      digest += price * size
    }
  }
}
const report: ChildReport = {
  version: subject.version,
  perBook: (full - ready) / measured.length,
  withAllAround: (full - empty) / task.nativeSymbols.length,
  levelsPerSide: levels / measured.length / 2,
  digest,
}
await subject.close()
process.stdout.write(JSON.stringify(report))

function feedUntil(end: number): void {
  for (; index < end; index++) {
    const lineEnd = bytes.indexOf(10, position)
    subject.consume(bytes.toString('utf8', position, lineEnd), index)
    position = lineEnd + 1
  }
}

/** What is still there after everything that can go has gone. */
async function heapBytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    globalThis.gc?.()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
