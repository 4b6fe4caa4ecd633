import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'
import { reporters } from './test/support/reporters.ts'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^tapekeeper$/, replacement: source('./src/index.ts') },
      { find: /^tapekeeper\/(\w+)$/, replacement: source('./src/$1.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // What npm would publish is looked at after the build: `npm run check -- build pack package`.
    exclude: [...configDefaults.exclude, 'test/package/**'],
    reporters: reporters('unit'),
    // More than cores: many tests wait, for servers, outages and other processes.
    maxWorkers: 3,
    // Real sockets on two noisy cores: generous, and never an assertion about speed.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
