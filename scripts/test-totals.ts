/**
 * Prints what vitest's own JSON reports in a folder add up to, alone on the last line: `N passed, N failed, N skipped`.
 * A file that could not even be loaded counts as a failure. Errors outside of any test are not in the reports; vitest's exit code tells.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: ReadonlyArray<{ readonly status: string; readonly assertionResults: readonly unknown[] }>
}

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: tsx scripts/test-totals.ts FOLDER')

let passed = 0
let failed = 0
let skipped = 0
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Report
  passed += report.numPassedTests
  failed += report.numFailedTests
  failed += report.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.length === 0).length
  skipped += report.numPendingTests + report.numTodoTests
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
