/**
 * Changes one small thing at a time in the modules that carry the promises, and says which changes no test notices: places to look, not
 * verdicts. Some change nothing that anyone can see (then the line may be needless), some a tuning constant only.
 *
 *   npm run mutants -- --count 300 --seed 1            drawn from all of them, with this seed
 *   npm run mutants -- --count 50 src/core/tape        from this folder or file alone
 *   npm run mutants -- --count 300 --part 1/2          the first half of them, for two processes side by side
 *
 * Each change is played by the tests at the mirrored path and by those that import the module (the quick runs); the first failure ends it.
 * Nothing is written to the source files: the changed module is handed to vitest in memory.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createVitest, type TestSpecification, type Vitest } from 'vitest/node'
import { seededRandom } from '../src/testing/seeded-random.ts'
import { sourceAliases, testFiles } from '../test/support/test-files.ts'
import { findMutants, mutated, type Mutant } from './mutants/find-mutants.ts'

const PROMISES = [
  ...['tape', 'book', 'link', 'collector'].map((folder) => `src/core/${folder}`),
  ...['src/core', 'src/aggregation', 'src/kit', 'src/domain', 'src/spool', 'src/outputs', 'src/storage', 'src/storage/writer'],
  'src/exchanges/okx',
]
/** A change that makes a loop endless is noticed by that. Milliseconds. */
const LIMIT_MS = 120_000
/** Real servers and outages notice little that the quick tests do not, and take minutes. */
const SLOW_TESTS = /\/(storage-faults|browser|package|examples)\/|postgres\/|redis\/|processes\.test|soak/

const options = {
  count: { type: 'string', default: '100' },
  seed: { type: 'string', default: '1' },
  part: { type: 'string', default: '1/1' },
} as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const files = PROMISES.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`)).filter(
  (file) => file.endsWith('.ts') && (positionals.length === 0 || positionals.some((path) => file.startsWith(path))),
)
const sources = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]))
const drawn = draw(
  [...sources].flatMap(([file, text]) => findMutants(file, text)),
  Number(values.count),
  values.seed,
)
const [part = 1, parts = 1] = values.part.split('/').map(Number)
const mine = drawn.filter((_, i) => i % parts === part - 1)

let current: Mutant | undefined
const limits = { testTimeout: 30_000, hookTimeout: 30_000, expect: { poll: { timeout: 10_000 } } }
// Without vitest.config.ts: its projects would not take the plugin, and files that share a process keep what was changed before.
const vitest = await createVitest(
  'test',
  {
    ...{ config: false, include: testFiles('.', 'quick'), env: { TEST_RUNS: 'quick' } },
    ...{ watch: true, bail: 1, maxWorkers: 1, reporters: [{}], silent: true, ...limits },
  },
  {
    resolve: { alias: sourceAliases(resolve('.')) },
    plugins: [{ name: 'mutant', enforce: 'pre', load: (path) => changedText(path) }],
    server: { watch: null },
  },
)
const specifications = (await vitest.globTestSpecifications()).filter(({ moduleId }) => !SLOW_TESTS.test(moduleId))
const importers = importersOf(specifications)

const unnoticed: Mutant[] = []
let noticed = 0
let untested = 0
for (const [i, mutant] of mine.entries()) {
  const tests = testsOf(mutant.file)
  const verdict = tests.length === 0 ? 'untested' : (await isNoticed(vitest, mutant, tests)) ? 'noticed' : 'unnoticed'
  if (verdict === 'noticed') noticed++
  else unnoticed.push(mutant)
  if (verdict === 'untested') untested++
  console.log(`${i + 1}/${mine.length} ${verdict} ${describe(mutant)}`)
}
await vitest.close()

console.log(
  `\n${noticed} of ${mine.length} noticed; ${unnoticed.length} not, ${untested} of them in modules that no quick test imports\n`,
)
console.log('| place | was | became |\n|---|---|---|')
for (const mutant of unnoticed) console.log(describe(mutant))
process.exit(0)

function changedText(path: string): string | undefined {
  if (current === undefined || path !== resolve(current.file)) return undefined
  return mutated(sources.get(current.file) ?? '', current)
}

async function isNoticed(vitest: Vitest, mutant: Mutant, tests: TestSpecification[]): Promise<boolean> {
  current = mutant
  vitest.invalidateFile(resolve(mutant.file))
  const overdue = new AbortController()
  const timer = setTimeout(() => {
    overdue.abort()
    killWorkers()
  }, LIMIT_MS)
  try {
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(tests)
    return overdue.signal.aborted || unhandledErrors.length > 0 || testModules.some((module) => !module.ok())
  } catch {
    return true
  } finally {
    clearTimeout(timer)
    current = undefined
    vitest.invalidateFile(resolve(mutant.file))
    vitest.state.clearErrors()
  }
}

function killWorkers(): void {
  const pids = execFileSync('pgrep', ['-P', String(process.pid), '-f', 'vitest'], { encoding: 'utf8' })
    .trim()
    .split('\n')
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
}

/** At the mirrored path first, then those that import it; the nearest ones, because each costs a start. */
function testsOf(file: string): TestSpecification[] {
  const mirror = resolve(file.replace(/^src/, 'test').replace(/\.ts$/, '.test.ts'))
  const folder = `${dirname(mirror)}/`
  const reaching = importers.get(resolve(file)) ?? []
  const isNear = ({ moduleId }: TestSpecification): boolean => moduleId === mirror || moduleId.startsWith(folder)
  const near = specifications.filter((specification) => isNear(specification))
  return near.length > 0 ? [...new Set([...near, ...reaching])] : reaching
}

/** Source file -> the tests that import it themselves. */
function importersOf(all: readonly TestSpecification[]): ReadonlyMap<string, TestSpecification[]> {
  const found = new Map<string, TestSpecification[]>()
  for (const specification of all) {
    const text = readFileSync(specification.moduleId, 'utf8')
    for (const [, path = ''] of text.matchAll(/from '(\.[^']+\.ts)'/g)) {
      const target = join(dirname(specification.moduleId), path)
      found.set(target, [...(found.get(target) ?? []), specification])
    }
  }
  return found
}

function draw(all: readonly Mutant[], count: number, seed: string): Mutant[] {
  const random = seededRandom(`mutants ${seed}`)
  const left = [...all]
  const taken: Mutant[] = []
  while (taken.length < count && left.length > 0) taken.push(...left.splice(Math.floor(random() * left.length), 1))
  return taken
}

function describe({ file, line, was, became }: Mutant): string {
  const cell = (text: string): string => {
    const short = text.replace(/\s+/g, ' ').replaceAll('|', '\\|')
    return `\`${short.length > 90 ? `${short.slice(0, 90)}…` : short}\``
  }
  return `| \`${file.replace(/^src\//, '')}:${line}\` | ${cell(was)} | ${became === ';' ? '(removed)' : cell(became)} |`
}
