import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const DOORS: Readonly<Record<string, RegExp>> = {
  deep: /\/support\/runs\.ts'/,
  explore: /\/support\/(runs|fast-check)\.ts'/,
}

/**
 * The test files of a mode of vitest: all of them, or those that have more to play than `npm test` plays. In `npm run test:deep` these have
 * runs of two sizes; in `npm run explore` there are also those with properties, for which other seeds are news.
 *
 * What npm would publish is looked at after the build: `npm run check -- build pack package`.
 */
export function testFiles(root: string, mode: string): string[] {
  const door = DOORS[mode]
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => join('test', file))
    .filter((file) => file.endsWith('.test.ts') && !file.startsWith(join('test', 'package')))
    .filter((file) => door === undefined || door.test(readFileSync(join(root, file), 'utf8')))
    .sort()
}

/** What tests and examples import by the package's name is its source. */
export const sourceAliases = (root: string): { readonly find: RegExp; readonly replacement: string }[] => [
  { find: /^tapekeeper$/, replacement: join(root, 'src/index.ts') },
  { find: /^tapekeeper\/(\w+)$/, replacement: join(root, 'src/$1.ts') },
]
