/**
 * Plays the seeded tests with seeds that nobody has played before, round after round, for as long as it is let; see test/support/runs.ts.
 *
 *   npm run explore                                              for an hour
 *   npm run explore -- --minutes 5 test/core/tape test/storage   these alone
 *
 * Prints each failure once, with its seed and with what plays that seed again. Exits with 1 if there was one.
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'

/** As vitest's JSON reporter writes it. */
interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }>
  }>
}

/** No seed of one round is a seed of another, but for rare luck: a round takes some thousands of seeds from here on. */
const SEED_LIMIT = 2 ** 31 - 1_000_000

const { values, positionals } = parseArgs({ options: { minutes: { type: 'string', default: '60' } }, allowPositionals: true })
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes must be above 0, is "${values.minutes}"`)

const folder = mkdtempSync(join(tmpdir(), 'tapekeeper-explore-'))
const outputFile = join(folder, 'report.json')
const until = performance.now() + minutes * 60_000
const failures = new Set<string>()
let rounds = 0
try {
  while (performance.now() < until) {
    rounds++
    const from = randomInt(SEED_LIMIT)
    const isDone = await playRound(from, until - performance.now())
    if (!isDone) break
    const { testResults } = JSON.parse(readFileSync(outputFile, 'utf8')) as Report
    const told = testResults.flatMap(failuresOf).filter(({ title }) => !failures.has(title))
    for (const { title, text } of told) {
      failures.add(title)
      console.log(`\nFAILED: ${title}\n${text}`)
    }
    console.log(`round ${rounds}, seeds from ${from}: ${told.length === 0 ? 'nothing new' : `${told.length} failures`}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`\n${rounds} rounds, ${failures.size} tests failed`)
process.exitCode = failures.size === 0 ? 0 : 1

/** One run of vitest. False when the time was over before its end. */
async function playRound(from: number, leftMs: number): Promise<boolean> {
  const args = ['vitest', 'run', '--mode', 'explore', '--reporter', 'json', '--outputFile', outputFile, ...positionals]
  const env = { ...process.env, EXPLORE_FROM: String(from), SEED: undefined }
  const child = spawn('npx', args, { env, stdio: ['ignore', 'ignore', 'inherit'], detached: true })
  // The workers are of its group.
  const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), leftMs)
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  return signal === null
}

function failuresOf({ name, message, assertionResults }: Report['testResults'][number]): { title: string; text: string }[] {
  const file = relative(process.cwd(), name)
  if (assertionResults.length === 0 && message !== '') return [{ title: file, text: message }]
  return assertionResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => {
      const said = failureMessages.join('\n')
      const seeds = new Set([...`${fullName}\n${said}`.matchAll(/\bseed:? (-?\d+)/g)].map(([, seed]) => seed))
      const again = [...seeds].map((seed) => `again: SEED=${seed} npx vitest run ${file}`)
      return { title: `${file}: ${fullName}`, text: [said, ...again].join('\n') }
    })
}
