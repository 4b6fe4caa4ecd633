import { join } from 'node:path'

/** The usual output; where TEST_REPORTS names a folder (in .ci/run) also the result as JSON, for scripts/test-totals.ts. */
export function reporters(name: string): Array<'default' | ['json', { outputFile: string }]> {
  const folder = process.env['TEST_REPORTS']
  return folder === undefined ? ['default'] : ['default', ['json', { outputFile: join(folder, `${name}.json`) }]]
}
