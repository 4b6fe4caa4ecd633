import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { reporters } from './test/support/reporters.ts'
import { sourceAliases, testFiles } from './test/support/test-files.ts'

const ROOT = fileURLToPath(new URL('.', import.meta.url))

const LIMIT_MS = 10 * 60_000

/** These leave nothing behind in their process. They share it, so that what they test is loaded and warmed up once and not for each file. */
const SHARING =
  /^test[/\\](aggregation|core|domain|errors|exchanges|integration(?!.(storage-faults|secrets|exit))|kit|metrics|ports|recording|spool|storage[/\\](memory|sql|sqlite|writer)|testing)[/\\]/

/** They take minutes in the deep runs: begun last, they would be waited for alone. */
const LONGEST = /(tape[/\\](liveness|model)|soak-virtual|postgres[/\\]contract)\.test\.ts$/

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): number => (LONGEST.test(moduleId) ? 1 : 0)
    return (await super.sort(files)).sort((one, other) => isLong(other) - isLong(one))
  }
}

/** Modes: `deep` and `explore` play the seeded runs only, many of them or others; see test/support/runs.ts. */
export default defineConfig(({ mode }) => {
  const isSeeded = mode === 'deep' || mode === 'explore'
  // Not by `extends`, which would evaluate this again without the mode.
  const project = (name: string, isolate: boolean): TestProjectInlineConfiguration => ({
    resolve: { alias: sourceAliases(ROOT) },
    test: {
      name,
      // The deep runs last so long that loading does not matter.
      include: testFiles(ROOT, mode).filter((file) => (SHARING.test(file) && !isSeeded) !== isolate),
      isolate,
      env: { TEST_RUNS: isSeeded ? mode : 'quick' },
      // For what hangs: no machine is so slow that it gets there. Many runs in virtual time take as long as they take.
      testTimeout: isSeeded ? 0 : LIMIT_MS,
      hookTimeout: LIMIT_MS,
      expect: { poll: { timeout: 60_000 } },
    },
  })
  return {
    test: {
      projects: [project('sharing', false), project('alone', true)],
      reporters: reporters(isSeeded ? mode : 'unit'),
      // More than cores: many tests wait, for servers, outages and other processes.
      maxWorkers: 3,
      sequence: { sequencer: LongestFirst },
    },
  }
})
