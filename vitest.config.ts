import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'
import { reporters } from './test/support/reporters.ts'
import { seededTests } from './test/support/seeded-tests.ts'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const LIMIT_MS = 10 * 60_000

/** Modes: `deep` and `explore` play the seeded runs only, many of them or others; see test/support/runs.ts. */
export default defineConfig(({ mode }) => {
  const isSeeded = mode === 'deep' || mode === 'explore'
  return {
    resolve: {
      alias: [
        { find: /^tapekeeper$/, replacement: source('./src/index.ts') },
        { find: /^tapekeeper\/(\w+)$/, replacement: source('./src/$1.ts') },
      ],
    },
    test: {
      include: isSeeded ? seededTests(source('.'), mode) : ['test/**/*.test.ts'],
      // What npm would publish is looked at after the build: `npm run check -- build pack package`.
      exclude: [...configDefaults.exclude, 'test/package/**'],
      env: { TEST_RUNS: isSeeded ? mode : 'quick' },
      reporters: reporters(isSeeded ? mode : 'unit'),
      // More than cores: many tests wait, for servers, outages and other processes.
      maxWorkers: 3,
      // For what hangs: no machine is so slow that it gets there. Many runs in virtual time take as long as they take.
      testTimeout: isSeeded ? 0 : LIMIT_MS,
      hookTimeout: LIMIT_MS,
      expect: { poll: { timeout: 60_000 } },
    },
  }
})
