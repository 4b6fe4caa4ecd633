/**
 * Plays the same seeded fault runs on two builds and lists where they differ: other trades, other open gaps, other candles.
 *
 *   npm run compare -- ../0.1.0/dist                500 runs, the older build against dist/ (build it first): some five minutes
 *   npm run compare -- ../0.1.0/dist --runs 20 --from 17
 *
 * The exchange, its faults and its time come from dist/, so what differs is the library. Exits with 1 when a difference is not explained in
 * scripts/compare/explained.ts, or when the newer build loses a trade or delivers one twice, which nothing explains.
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type * as Library from 'tapekeeper'
import type * as Testing from 'tapekeeper/testing'
import { EXPLAINED } from './compare/explained.ts'
import { playRun, type Outcome } from './compare/play-run.ts'

const options = {
  runs: { type: 'string', default: '500' },
  from: { type: 'string', default: '1' },
  to: { type: 'string', default: 'dist' },
} as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const [olderDist] = positionals
if (olderDist === undefined) throw new Error('usage: npm run compare -- OLDER_DIST [--to DIST] [--runs 500] [--from 1]')

const load = <T>(dist: string, name: string): Promise<T> => import(pathToFileURL(resolve(dist, `${name}.js`)).href) as Promise<T>
const [older, newer, testing] = await Promise.all([
  load<typeof Library>(olderDist, 'index'),
  load<typeof Library>(values.to, 'index'),
  load<typeof Testing>(values.to, 'testing'),
])
const { version } = JSON.parse(readFileSync(join(olderDist, '../package.json'), 'utf8')) as { readonly version: string }

const KINDS = ['trades', 'gaps', 'candles'] as const
let unexplained = 0
const explained = new Map<string, number>()
const [from, runs] = [Number(values.from), Number(values.runs)]
for (let seed = from; seed < from + runs; seed++) {
  const [before, now] = [await playRun(older, testing, seed), await playRun(newer, testing, seed)]
  for (const kind of ['lost', 'twice'] as const) {
    if (now[kind].length > 0) report(seed, `${kind}: ${now[kind].join(' ')}`)
  }
  for (const kind of KINDS) compare(seed, kind, before, now)
}
for (const [why, times] of explained) console.log(`explained, ${times} runs: ${why}`)
console.log(`${runs} runs, ${unexplained} unexplained differences`)
process.exitCode = unexplained === 0 ? 0 : 1

function compare(seed: number, kind: (typeof KINDS)[number], before: Outcome, now: Outcome): void {
  const [a, b] = [before[kind], now[kind]]
  // A trade that was found late comes when it comes; that each comes once, and in order, is for the tests of the tape.
  const isSame = kind === 'trades' ? sameSet(a, b) : JSON.stringify(a) === JSON.stringify(b)
  if (isSame) return
  const meant = EXPLAINED.find((one) => one.since === version && one.kind === kind && one.isThis(a, b))
  if (meant !== undefined) explained.set(meant.why, (explained.get(meant.why) ?? 0) + 1)
  else report(seed, `${kind}\n  before: ${without(a, b)}\n  now:    ${without(b, a)}`)
}

function report(seed: number, what: string): void {
  unexplained++
  console.log(`seed ${seed}: ${what}`)
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort())
}

function without(a: readonly string[], b: readonly string[]): string {
  const others = new Set(b)
  const own = a.filter((one) => !others.has(one))
  return own.length === 0
    ? '(nothing more)'
    : `${own.slice(0, 5).join('; ')}${own.length > 5 ? ` and ${own.length - 5} more` : ''}`
}
