import { buildIfStale, installPeersIfMissing } from './built.ts'
import { measureCandles } from './candles/candles.ts'
import { generatedWorkloads } from './generator.ts'
import { measureHeap } from './heap/heap.ts'
import { measure, warmUp, type Plan } from './measure.ts'
import { results, tables, type Measurements, type Row } from './report.ts'
import { writeSection } from './results-file.ts'
import { measureStorage } from './storage/storage.ts'
import { assertSameBooks, assertSameEnd, type BookSubject } from './subjects/book-subject.ts'
import { ccxtBooks } from './subjects/ccxt-books.ts'
import { ccxt } from './subjects/ccxt.ts'
import { okxApi } from './subjects/okx-api.ts'
import type { Subject } from './subjects/subject.ts'
import { tapekeeperBooks } from './subjects/tapekeeper-books.ts'
import { tapekeeper } from './subjects/tapekeeper.ts'
import { tardisDevBooks } from './subjects/tardis-dev-books.ts'
import { tardisDev } from './subjects/tardis-dev.ts'
import { recordedWorkloads, type Workload } from './workload.ts'

// Passed on through two `npm run`s, the flag may arrive as npm's own.
const quick = process.argv.includes('--quick') || process.env['npm_config_quick'] === 'true'
const plan: Plan = quick
  ? { rounds: 7, measureMs: 10, warmUpMs: 100, longestMs: 5_000 }
  : { rounds: 41, measureMs: 30, warmUpMs: 400, longestMs: 20_000 }
const framesPerChannel = quick ? 1_000 : 5_000
const heap = quick ? { books: 100, marketMs: 5_000 } : { books: 500, marketMs: 20_000 }
const candlePlan = quick ? { trades: 250_000, rounds: 5 } : { trades: 1_000_000, rounds: 13 }
const storagePlan = quick ? { trades: 50_000, rounds: 5 } : { trades: 300_000, rounds: 11 }
const SEED = 20_261_122

installPeersIfMissing()
const built = buildIfStale()

const workloads = [...recordedWorkloads(), ...(await generatedWorkloads(built, framesPerChannel, SEED))]
const skipped = workloads.filter((entry) => 'reason' in entry)
const present = workloads.filter((entry) => 'frames' in entry)
const decoding: { workload: Workload; subjects: Subject[] }[] = []
const keeping: { workload: Workload; subjects: BookSubject[] }[] = []
for (const workload of present) {
  const { channel, nativeSymbols } = workload
  decoding.push({
    workload,
    subjects: [await tapekeeper(built), await tardisDev(channel), await okxApi(), await ccxt(nativeSymbols)],
  })
  if (channel !== 'books') continue
  const subjects = [await tapekeeperBooks(built, workload), await tardisDevBooks(workload), await ccxtBooks(workload)]
  assertSameBooks(subjects, workload)
  keeping.push({ workload, subjects })
}
const prepared = [...decoding, ...keeping]
for (const { workload, subjects } of prepared) {
  for (const subject of subjects) if (subject.lacks(workload.channel) === undefined) warmUp(subject, workload, plan)
}

const random = seededRandom(SEED)
const rowOf = (workload: Workload, subjects: readonly Subject[], what: string): Row => {
  console.error(`measuring ${what}: ${workload.source} ${workload.channel}`)
  const able = subjects.filter((subject) => subject.lacks(workload.channel) === undefined)
  return { workload, subjects, result: measure(workload, able, plan, random) }
}
const decoded = decoding.map(({ workload, subjects }) => rowOf(workload, subjects, 'decoding'))
const kept = keeping.map(({ workload, subjects }) => rowOf(workload, subjects, 'books kept'))
for (const { workload, subjects } of keeping) {
  assertSameEnd(subjects, workload)
  for (const subject of subjects) await subject.close()
}
console.error('measuring candles')
const candles = await measureCandles(built, candlePlan, random)
console.error('measuring storage')
const storage = await measureStorage(built, storagePlan, random)
console.error('measuring heap per book')
const measured: Measurements = {
  decoded: { rows: decoded, skipped },
  kept: { rows: kept, skipped: skipped.filter(({ channel }) => channel === 'books') },
  candles,
  storage,
  heap: await measureHeap(built, heap.books, heap.marketMs, SEED),
}

console.log(tables(measured))
if (!quick) writeSection('speed', results(measured, plan, new Date()))

/** mulberry32: the same order of measurements in every run. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
