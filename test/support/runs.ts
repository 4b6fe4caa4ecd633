/**
 * How many runs a seeded test plays, and with which seeds. Every test that plays more than a few takes both from here:
 *
 *   npm test                        the first `quick` seeds: what people wait for, a second or so
 *   npm run test:deep               the first `deep` seeds: what CI waits for, some ten seconds
 *   npm run explore                 `quick` seeds drawn anew, again and again, for as long as it is let
 *   SEED=17 npx vitest run test/…   that seed alone, with `--mode deep` in the size of that mode
 *
 * So a landing never depends on the day, and what is found by chance can be had again. `test:deep` and `explore` run the files
 * that import this one; see test-files.ts. A test that follows the seeds names the seed in what it says of a failure, as {@link eachSeed} does.
 *
 * @example
 * ```ts
 * test('any order of anything ends well', () => eachSeed({ quick: 50, deep: 1_000 }, async (seed) => { … }))
 * test.each(seeds({ quick: 1, deep: 4 }))('a day of faults ends well (seed %i)', async (seed) => { … })
 * fc.assert(fc.property(fc.nat(), …), property({ quick: 500, deep: 20_000 }))
 * ```
 */

export interface Sizes {
  /** Runs in `npm test`, and in each round of `npm run explore`. */
  readonly quick: number
  /** Runs in `npm run test:deep`. */
  readonly deep: number
}

// The first is vitest's mode (vitest.config.ts), the second comes from scripts/explore.ts, the third from whoever looks into a failure.
const { TEST_RUNS, EXPLORE_FROM, SEED } = process.env

const integer = (name: string, text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value)) throw new Error(`${name} must be an integer, is "${text}"`)
  return value
}

const only = SEED === undefined ? undefined : integer('SEED', SEED)
/** Whether CI waits, and not people: then also what hardly differs from something else is played. */
export const isDeep = TEST_RUNS === 'deep'
const first = TEST_RUNS === 'explore' ? integer('EXPLORE_FROM', EXPLORE_FROM ?? '') : 1

/** Whether one seed alone was asked for. What only many runs show (that the faults do something) is not expected then. */
export const isOneSeed = only !== undefined

/** How large one thing is that is played anyway: hours of a day, rows of a batch. Does not depend on the seeds. */
export const size = <T>({ quick, deep }: { readonly quick: T; readonly deep: T }): T => (isDeep ? deep : quick)

/** How many runs there are. */
export const runs = (sizes: Sizes): number => (isOneSeed ? 1 : size(sizes))

/** Their seeds. */
export const seeds = (sizes: Sizes): readonly number[] =>
  only === undefined ? Array.from({ length: runs(sizes) }, (_, i) => first + i) : [only]

/** The same for `fc.assert`, whose one seed is enough for all its runs. */
export const property = (sizes: Sizes): { readonly seed: number; readonly numRuns: number } => ({
  seed: only ?? first,
  numRuns: size(sizes),
})

/** A failure or two could have one cause; more than these say nothing new. */
const MOST_FAILURES = 5

/** Plays each seed, one after the other. @throws {Error} that names the seeds that failed, with the first failure as its cause. */
export async function eachSeed(sizes: Sizes, play: (seed: number) => void | Promise<void>): Promise<void> {
  const failures: { readonly seed: number; readonly cause: unknown }[] = []
  for (const seed of seeds(sizes)) {
    if (failures.length === MOST_FAILURES) break
    try {
      await play(seed)
    } catch (cause) {
      failures.push({ seed, cause })
    }
  }
  if (failures.length === 0) return
  const lines = failures.map(({ seed, cause }) => `seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`)
  throw new Error(lines.join('\n'), { cause: failures[0]?.cause })
}
