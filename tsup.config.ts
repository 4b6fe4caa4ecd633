import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    okx: 'src/okx.ts',
    node: 'src/node.ts',
    pino: 'src/pino.ts',
    prometheus: 'src/prometheus.ts',
    sqlite: 'src/sqlite.ts',
    postgres: 'src/postgres.ts',
    redis: 'src/redis.ts',
    testing: 'src/testing.ts',
  },
  format: ['esm', 'cjs'],
  // One copy of the registry and of the shared links, whichever subpath a program imports, in both formats.
  splitting: true,
  dts: true,
  sourcemap: true,
  clean: true,
  target: 'es2022',
  platform: 'neutral',
  // `import.meta.url` in the CommonJS build, too.
  shims: true,
  // Nothing of node_modules is ever copied into dist: what is not a dependency shows up in test/package instead of hiding in a chunk.
  skipNodeModulesBundle: true,
})
