import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

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
    // Real sockets on two noisy cores: generous, and never an assertion about speed.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
