import { writeFileSync } from 'node:fs'
import { buildIfStale, installPeersIfMissing } from './built.ts'
import { generatedWorkloads } from './generator.ts'
import { measure, warmUp, type Plan } from './measure.ts'
import { results, table, type Row } from './report.ts'
import { ccxt } from './subjects/ccxt.ts'
import { okxApi } from './subjects/okx-api.ts'
import { tapekeeper } from './subjects/tapekeeper.ts'
import { tardisDev } from './subjects/tardis-dev.ts'
import { recordedWorkloads } from './workload.ts'

// Passed on through two `npm run`s, the flag may arrive as npm's own.
const quick = process.argv.includes('--quick') || process.env['npm_config_quick'] === 'true'
const plan: Plan = quick
  ? { rounds: 7, measureMs: 10, warmUpMs: 100, longestMs: 5_000 }
  : { rounds: 41, measureMs: 30, warmUpMs: 400, longestMs: 20_000 }
const framesPerChannel = quick ? 1_000 : 5_000
const SEED = 20_261_122

installPeersIfMissing()
const built = buildIfStale()

const workloads = [...recordedWorkloads(), ...(await generatedWorkloads(built, framesPerChannel, SEED))]
const skipped = workloads.filter((entry) => 'reason' in entry)
const prepared = await Promise.all(
  workloads
    .filter((entry) => 'frames' in entry)
    .map(async (workload) => ({
      workload,
      subjects: [await tapekeeper(built), await tardisDev(workload.channel), await okxApi(), await ccxt(workload.nativeSymbols)],
    })),
)
for (const { workload, subjects } of prepared) {
  for (const subject of subjects) if (subject.lacks(workload.channel) === undefined) warmUp(subject, workload, plan)
}

const random = seededRandom(SEED)
const rows: Row[] = []
for (const { workload, subjects } of prepared) {
  console.error(`measuring ${workload.source} ${workload.channel}`)
  const able = subjects.filter((subject) => subject.lacks(workload.channel) === undefined)
  rows.push({ workload, subjects, result: measure(workload, able, plan, random) })
}

console.log(table(rows, skipped))
if (!quick) writeFileSync(new URL('../RESULTS.md', import.meta.url), results(rows, skipped, plan, new Date()))

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
