import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { collectDocsExamples } from '../../scripts/docs-examples.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const project = mkdtempSync(join(tmpdir(), 'tapekeeper-consumer-'))
const installed = join(project, 'node_modules', 'tapekeeper')
const subpaths = Object.keys(manifest.exports)
  .filter((path) => path !== './package.json')
  .map((path) => path.replace(/^\./, 'tapekeeper'))

/** Installs the tarball into an empty project, as a user would. */
beforeAll(async () => {
  write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent', await tarball()])
  // The only types a user of Node brings along; notably not @types/ws.
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true })
  symlinkSync(join(root, 'node_modules', '@types', 'node'), join(project, 'node_modules', '@types', 'node'))
  // Optional peers are the user's to install; npm leaves them out.
  for (const name of Object.keys(manifest.peerDependencies)) {
    expect(existsSync(join(project, 'node_modules', name)), name).toBe(false)
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  }
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

test('holds what users need and nothing else', () => {
  expect(readdirSync(installed).sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json'])
  expect(readdirSync(join(installed, 'dist')).filter((file) => !/\.(c?js|c?js\.map|d\.c?ts)$/.test(file))).toEqual([])
})

describe('loads', () => {
  test('as ESM and as CJS, with the same names', async () => {
    const esm = await names('esm')
    expect(Object.keys(esm)).toEqual(subpaths)
    for (const path of subpaths) expect(esm[path], path).not.toEqual([])
    expect(await names('cjs')).toEqual(esm)
  })

  test.each(['esm', 'cjs'] as const)('one copy of everything across subpaths: %s', async (format) => {
    const copies = await evaluate<string[]>(
      format,
      `const seen = new Map(); const copies = []
       for (const [path, module] of modules) for (const name of Object.keys(module)) {
         if (seen.has(name) && seen.get(name) !== module[name]) copies.push(path + ': ' + name)
         seen.set(name, module[name])
       }
       return copies`,
    )
    expect(copies).toEqual([])
  })

  test.each(['esm', 'cjs'] as const)('an exchange registered by the host is known everywhere: %s', async (format) => {
    const exchanges = await evaluate<string[]>(
      format,
      `const [main, okx] = modules.map(([, module]) => module)
       main.registerExchange({ ...okx.okx, id: 'acme', name: 'Acme' })
       return main.getSupportedExchanges()`,
    )
    expect(exchanges).toEqual(expect.arrayContaining(['okx', 'acme']))
  })

  test('errors are recognised when both formats are loaded', async () => {
    write(
      'both.mjs',
      `import { createRequire } from 'node:module'
       import { TapekeeperError } from 'tapekeeper'
       const cjs = createRequire(import.meta.url)('tapekeeper')
       const error = new cjs.TapekeeperError('CONFIG_INVALID', 'no')
       console.log(JSON.stringify([error instanceof TapekeeperError, TapekeeperError.is(error)]))`,
    )
    expect(JSON.parse(await run(process.execPath, ['both.mjs']))).toEqual([false, true])
  })
})

/** What cannot run in a browser, and does not claim to. */
const nodeOnly = ['node', 'pino', 'postgres', 'prometheus', 'redis', 'sqlite', 'testing'].map((path) => `tapekeeper/${path}`)

/** The optional packages that a subpath needs. Every other subpath works without any of them. */
const peersOf: Readonly<Record<string, readonly string[]>> = {
  'tapekeeper/pino': ['pino', 'rotating-file-stream'],
  'tapekeeper/postgres': ['pg'],
  'tapekeeper/prometheus': ['prom-client'],
  'tapekeeper/redis': ['redis'],
  'tapekeeper/sqlite': ['better-sqlite3'],
}

describe('needs only what it declares', () => {
  const dependencies = Object.keys(manifest.dependencies)

  // Everything reachable through the emitted chunks, dynamic imports included.
  const imports = async (entry: string, platform: 'neutral' | 'browser' = 'neutral') => {
    const { metafile } = await build({
      entryPoints: [join(installed, 'dist', entry)],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform,
      logLevel: 'silent',
      ...(platform === 'neutral' ? { packages: 'external' as const } : { outdir: project }),
    })
    return {
      external: [...new Set(Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path)))].sort(),
      bundled: Object.keys(metafile.inputs),
    }
  }
  const isBuiltin = (path: string) => path.startsWith('node:') || builtinModules.includes(path)

  test.each(subpaths.filter((path) => !nodeOnly.includes(path)))(
    '%s: no Node built-in, no `ws`, no undeclared package',
    async (path) => {
      const { external } = await imports(entryOf(path))
      expect(external.filter((name) => isBuiltin(name) || name === 'ws' || !dependencies.includes(name))).toEqual([])
      expect(external).toContain('isomorphic-ws')
    },
  )

  test.each(nodeOnly)('%s: built-ins, dependencies and its own peers only', async (path) => {
    const { external } = await imports(entryOf(path))
    expect(external.filter((name) => !isBuiltin(name) && !dependencies.includes(name))).toEqual(peersOf[path] ?? [])
  })

  test('a browser bundle leaves `ws` out', async () => {
    const { external, bundled } = await imports('index.js', 'browser')
    expect(external).toEqual([])
    expect(bundled.filter((file) => /node_modules\/ws\//.test(file))).toEqual([])
    expect(bundled.some((file) => file.endsWith('node_modules/isomorphic-ws/browser.js'))).toBe(true)
  })
})

describe('types', () => {
  const lib = ['ES2022', 'ESNext.Disposable', 'DOM', 'DOM.AsyncIterable']

  test('a program compiles strictly, library types included, as ESM and as CJS, and runs', async () => {
    const consumer = readFileSync(join(root, 'test', 'package', 'consumer.ts'), 'utf8')
    write('program/esm.mts', consumer)
    write('program/cjs.cts', consumer)
    await compile('program', {
      module: 'nodenext',
      types: ['node'],
      target: 'es2022',
      skipLibCheck: false,
      noEmit: false,
    })
    const expected = { symbol: 'BTC-USDT', price: expect.stringMatching(/^\d+(\.\d+)?$/) as string, isOkx: true }
    expect(JSON.parse(await run(process.execPath, ['program/esm.mjs']))).toMatchObject(expected)
    expect(JSON.parse(await run(process.execPath, ['program/cjs.cjs']))).toMatchObject(expected)
  })

  test('a browser project needs no Node types', async () => {
    const paths = subpaths.filter((path) => !nodeOnly.includes(path))
    write('browser/page.ts', paths.map((path, index) => `export * as m${index} from '${path}'\n`).join(''))
    await compile('browser', { module: 'esnext', moduleResolution: 'bundler', lib, types: [], skipLibCheck: false })
  })

  test('what README, docs and doc comments show compiles against the installed package', async () => {
    const examples = collectDocsExamples(root)
    // The contract suite runs in a test runner of the user's.
    symlinkSync(join(root, 'node_modules', 'vitest'), join(project, 'node_modules', 'vitest'))
    expect(examples.length).toBeGreaterThan(0)
    for (const { file, line, code } of examples)
      write(`docs/${file.replaceAll('/', '.')}.${line}.ts`, `${'\n'.repeat(line - 1)}${code}\nexport {}\n`)
    await compile('docs', { module: 'nodenext', lib, types: ['node'], skipLibCheck: true })
  })
})

async function tarball(): Promise<string> {
  const given = process.env['TARBALL']
  if (given !== undefined && existsSync(given)) return given
  if (!existsSync(join(root, 'dist', 'index.js'))) throw new Error('nothing is built: npm run check -- build pack package')
  const name = await run('npm', ['pack', '--silent', '--pack-destination', project], root)
  return join(project, name.trim())
}

function write(file: string, text: string): void {
  mkdirSync(join(project, file, '..'), { recursive: true })
  writeFileSync(join(project, file), text)
}

async function run(command: string, args: readonly string[], cwd = project): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, timeout: 120_000, maxBuffer: 16 * 1024 * 1024 })
    return stdout
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string }
    throw new Error([message, stdout, stderr].filter(Boolean).join('\n'), { cause: error })
  }
}

async function compile(folder: string, options: Readonly<Record<string, unknown>>): Promise<void> {
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    ...options,
  }
  write(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, include: ['.'] }))
  await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder, '--pretty', 'false'])
}

/** Runs `body` with `modules`, the list of [subpath, module], and returns its result. */
async function evaluate<T>(format: 'esm' | 'cjs', body: string): Promise<T> {
  const load = format === 'esm' ? 'await import(path)' : 'require(path)'
  const file = `evaluate.${format === 'esm' ? 'mjs' : 'cjs'}`
  write(
    file,
    `async function main() {
       const modules = []
       for (const path of ${JSON.stringify(subpaths)}) modules.push([path, ${load}])
       return (async () => { ${body} })()
     }
     main().then((result) => console.log(JSON.stringify(result)))`,
  )
  return JSON.parse(await run(process.execPath, [file])) as T
}

function names(format: 'esm' | 'cjs'): Promise<Record<string, string[]>> {
  return evaluate(
    format,
    `const isOurs = (name) => !['__esModule', 'default', 'module.exports'].includes(name)
     return Object.fromEntries(modules.map(([path, module]) => [path, Object.keys(module).filter(isOurs).sort()]))`,
  )
}

function entryOf(path: string): string {
  return `${path === 'tapekeeper' ? 'index' : path.slice('tapekeeper/'.length)}.js`
}
