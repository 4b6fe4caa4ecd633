import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The test files that play seeded runs: those that `npm run test:deep` and `npm run explore` are about. */
export function seededTests(root: string): string[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => join('test', file))
    .filter((file) => file.endsWith('.test.ts') && readFileSync(join(root, file), 'utf8').includes('/support/runs.ts'))
    .sort()
}
