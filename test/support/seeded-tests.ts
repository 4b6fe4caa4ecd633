import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The test files that have more to play than `npm test` plays: in `npm run test:deep` those with runs of two sizes, in `npm run explore`
 * also those with properties, for which other seeds are news.
 */
export function seededTests(root: string, mode: 'deep' | 'explore'): string[] {
  const door = mode === 'deep' ? /\/support\/runs\.ts'/ : /\/support\/(runs|fast-check)\.ts'/
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => join('test', file))
    .filter((file) => file.endsWith('.test.ts') && door.test(readFileSync(join(root, file), 'utf8')))
    .sort()
}
