/**
 * The one command that says whether the project is healthy: every gate in order, stopping at the first failure.
 *
 *   npm run check                   everything
 *   npm run check -- lint types     only these
 *
 * CHECK_TESTS_DONE=1 skips the tests; only .ci/run says so, right after `npm test` has passed.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The packed tarball that the last gates look at: exactly what npm would publish. */
const packed = mkdtempSync(join(tmpdir(), 'tapekeeper-check-'))
const tarball = (): string => join(packed, readdirSync(packed).find((file) => file.endsWith('.tgz')) ?? 'missing.tgz')

const gates: ReadonlyArray<readonly [name: string, command: string]> = [
  // A registry that lags behind for other platforms leaves holes in the lock file that only `npm ci` minds.
  ['lock file', 'npm ci --dry-run --no-audit --loglevel error'],
  ['format', 'prettier --check --log-level warn .'],
  ['lint', 'eslint . --max-warnings 0'],
  ['types', 'tsc --noEmit'],
  ['examples in docs', 'tsx scripts/check-docs-examples.ts'],
  ['layers', 'depcruise --config .dependency-cruiser.mjs src'],
  ['tests', 'vitest run'],
  ['dead code', 'knip'],
  ['api docs', 'typedoc --emit none'],
  ['build', 'tsup --silent'],
  ['pack', `npm pack --silent --pack-destination "${packed}"`],
  ['publint', 'publint --strict "$TARBALL"'],
  ['attw', 'attw --format ascii "$TARBALL"'],
  ['package', 'vitest run --config test/package/vitest.config.ts'],
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !gates.some(([gate]) => gate === name))
if (unknown.length > 0) {
  console.error(`no such gate: ${unknown.join(', ')}; there are: ${gates.map(([name]) => name).join(', ')}`)
  process.exit(2)
}

const report: string[] = []
let failed: string | undefined
try {
  for (const [name, command] of gates) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    if (name === 'tests' && process.env['CHECK_TESTS_DONE'] === '1') {
      report.push(`  skip          ${name}: passed just now (CHECK_TESTS_DONE)`)
      continue
    }
    console.log(`\n=== ${name}: ${command}`)
    const from = performance.now()
    const { status } = spawnSync(command, { shell: true, stdio: 'inherit', env: { ...process.env, TARBALL: tarball() } })
    const seconds = `${((performance.now() - from) / 1_000).toFixed(1)} s`.padStart(7)
    report.push(`  ${status === 0 ? 'ok  ' : 'FAIL'} ${seconds}  ${name}`)
    if (status !== 0) {
      failed = name
      break
    }
  }
} finally {
  rmSync(packed, { recursive: true, force: true })
}
console.log(`\n${report.join('\n')}`)
if (failed === undefined) console.log('\nhealthy')
else console.error(`\nnot healthy: ${failed} failed; the gates after it did not run`)
process.exitCode = failed === undefined ? 0 : 1
