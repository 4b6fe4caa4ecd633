import { buildSync } from 'esbuild'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** From here the packages are found. */
const cache = join(realpathSync(join(root, 'node_modules')), '.cache/tapekeeper-tests')
const known = new Map<string, string>()

/**
 * A program of ours in TypeScript, for a process of its own, as one file of JavaScript. Node starts it in a fraction of the time that it
 * takes to compile all of `src` on the way in.
 *
 * @param entry path from the root of the project. `import.meta` says where the compiled file is.
 */
export function compiled(entry: string): string {
  const file = known.get(entry) ?? compile(entry)
  known.set(entry, file)
  return file
}

function compile(entry: string): string {
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    write: false,
  })
  const { contents } = outputFiles[0]!
  const file = join(cache, `${basename(entry, '.ts')}-${createHash('sha256').update(contents).digest('hex').slice(0, 16)}.mjs`)
  if (existsSync(file)) return file
  mkdirSync(cache, { recursive: true })
  // Others may write the same at the same time.
  const unfinished = `${file}.${process.pid}`
  writeFileSync(unfinished, contents)
  renameSync(unfinished, file)
  return file
}
