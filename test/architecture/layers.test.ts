import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

/** That the rules of .dependency-cruiser.mjs bite. That src/ keeps them is the `layers` gate of `npm run check`. */
const root = fileURLToPath(new URL('../..', import.meta.url))
const tree = mkdtempSync(join(tmpdir(), 'tapekeeper-layers-'))
afterAll(() => rmSync(tree, { recursive: true, force: true }))

const allowed: Readonly<Record<string, string>> = {
  'domain/decimal.ts': `import 'decimal.js'`,
  'errors/error.ts': `import type {} from '../domain/decimal.ts'`,
  'ports/socket.ts': `import 'isomorphic-ws'`,
  'core/rest-client.ts': `import '../ports/socket.ts'; export interface RestClient {}; export const create = 1`,
  'errors/config-problems.ts': ``,
  'core/frame.ts': `import '../errors/error.ts'`,
  'core/exchange-definition.ts': `import type {} from './rest-client.ts'; import 'zod'`,
  'exchanges/okx/index.ts': `import './wire.ts'; import '../../core/exchange-definition.ts'; import type { RestClient } from '../../core/rest-client.ts'`,
  'exchanges/okx/wire.ts': `import { type RestClient } from '../../core/rest-client.ts'; import '../../core/frame.ts'; import 'zod'`,
  'exchanges/acme/index.ts': ``,
  'exchanges/registry.ts': `import './okx/index.ts'; import './acme/index.ts'; import '../errors/config-problems.ts'`,
  'manager/factory.ts': `import '../exchanges/registry.ts'; import '../core/rest-client.ts'`,
  'testing/fake.ts': `import 'node:http'; import 'ws'; import '../manager/factory.ts'`,
  'index.ts': `import './manager/factory.ts'`,
  'process/signals.ts': `import 'node:process'; import '../ports/socket.ts'`,
  'node.ts': `import './process/signals.ts'`,
  'logging/files.ts': `import 'node:fs'; import 'pino'; import '../ports/socket.ts'`,
  'pino.ts': `import './logging/files.ts'`,
  'metrics/counters.ts': `import 'prom-client'; import '../manager/factory.ts'; import '../core/frame.ts'`,
  'prometheus.ts': `import './metrics/counters.ts'`,
  'okx.ts': `import './exchanges/okx/index.ts'`,
  'testing.ts': `import './testing/fake.ts'`,
}

const forbidden: ReadonlyArray<readonly [file: string, code: string, rule: string]> = [
  ['domain/a.ts', `import type {} from '../errors/error.ts'`, 'layer-domain'],
  ['errors/a.ts', `import '../ports/socket.ts'`, 'layer-errors'],
  ['ports/a.ts', `import '../core/frame.ts'`, 'layer-ports'],
  ['core/a.ts', `import '../exchanges/registry.ts'`, 'layer-core'],
  ['core/b.ts', `import '../manager/factory.ts'`, 'layer-core'],
  ['exchanges/okx/a.ts', `import '../../ports/socket.ts'`, 'layer-exchanges'],
  ['exchanges/okx/b.ts', `import '../../core/link/a.ts'`, 'exchanges-know-the-contract'],
  ['core/link/a.ts', ``, ''],
  ['exchanges/okx/c.ts', `import '../acme/index.ts'`, 'exchanges-stay-apart'],
  ['exchanges/okx/d.ts', `import { create } from '../../core/rest-client.ts'; create`, 'exchanges-do-no-fetching'],
  ['manager/a.ts', `import '../testing/fake.ts'`, 'layer-manager'],
  ['manager/b.ts', `import '../index.ts'`, 'entries-are-for-users'],
  ['testing/a.ts', `import '../index.ts'`, 'entries-are-for-users'],
  ['okx-again.ts', `import type {} from './okx.ts'`, 'entries-are-for-users'],
  ['browser.ts', `import './testing/fake.ts'`, 'testing-is-for-tests'],
  ['manager/c.ts', `import '../process/signals.ts'`, 'process-is-for-node'],
  ['process/a.ts', `import '../core/frame.ts'`, 'layer-process'],
  ['okx-with-files.ts', `import './logging/files.ts'`, 'logging-is-for-pino'],
  ['logging/a.ts', `import '../core/frame.ts'`, 'layer-logging'],
  ['core/m.ts', `import type {} from 'pino'`, 'door-pino'],
  ['manager/d.ts', `import '../metrics/counters.ts'`, 'metrics-are-asked-for'],
  ['metrics/a.ts', `import '../testing/fake.ts'`, 'layer-metrics'],
  ['metrics/b.ts', `import '../exchanges/registry.ts'`, 'layer-metrics'],
  ['core/l.ts', `import type {} from 'prom-client'`, 'door-prom-client'],
  ['plugins/a.ts', ``, ''],
  ['core/c.ts', `import '../plugins/a.ts'`, 'layer-unlisted'],
  ['core/d.ts', `import 'isomorphic-ws'`, 'door-socket'],
  ['core/e.ts', `import type {} from 'decimal.js'`, 'door-decimal'],
  ['core/f.ts', `import type {} from 'ws'`, 'door-ws'],
  ['core/g.ts', `import 'node:crypto'`, 'door-node'],
  ['core/h.ts', `import 'vitest'`, 'no-dev-dependency'],
  ['core/i.ts', `import type {} from './j.ts'`, 'no-cycle'],
  ['core/j.ts', `import type {} from './i.ts'`, ''], // a cycle is told once
  ['core/k.ts', `import './not-there.ts'`, 'no-unresolvable'],
]

test('each layer rule finds what it forbids, and nothing else', async () => {
  for (const [file, code] of Object.entries(allowed)) write(`src/${file}`, code)
  for (const [file, code] of forbidden) write(`src/${file}`, code)
  write(
    'tsconfig.json',
    '{ "compilerOptions": { "module": "ESNext", "moduleResolution": "bundler", "allowImportingTsExtensions": true } }',
  )
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  symlinkSync(join(root, 'package.json'), join(tree, 'package.json'))

  const violations = await cruise()
  const found = new Map<string, Set<string>>()
  for (const { from, rule } of violations) found.set(from, (found.get(from) ?? new Set()).add(rule.name))
  for (const file of Object.keys(allowed)) expect([...(found.get(`src/${file}`) ?? [])], file).toEqual([])
  for (const [file, code, rule] of forbidden)
    if (rule !== '') expect([...(found.get(`src/${file}`) ?? [])], `${file}: ${code}`).toContain(rule)
})

interface Violation {
  readonly from: string
  readonly rule: { readonly name: string }
}

function cruise(): Promise<readonly Violation[]> {
  const depcruise = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs')
  const args = [depcruise, '--config', join(root, '.dependency-cruiser.mjs'), '--output-type', 'json', 'src']
  return new Promise((resolve, reject) => {
    // Its exit code counts the violations.
    execFile(process.execPath, args, { cwd: tree, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout, stderr) => {
      try {
        resolve((JSON.parse(stdout) as { summary: { violations: readonly Violation[] } }).summary.violations)
      } catch {
        reject(new Error(`dependency-cruiser said: ${stderr}${stdout}`))
      }
    })
  })
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true })
  writeFileSync(join(tree, file), `${text}\n`)
}
