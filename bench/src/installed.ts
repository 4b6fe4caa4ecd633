import { readFileSync } from 'node:fs'

/** Version of a peer in `bench/node_modules`. */
export function installedVersion(name: string): string {
  const manifest = readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
