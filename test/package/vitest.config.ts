import { defineConfig } from 'vitest/config'
import { reporters } from '../support/reporters.ts'

// Apart from `npm test` because it looks at what a build has left in dist/.
export default defineConfig({
  root: import.meta.dirname,
  test: { include: ['*.test.ts'], testTimeout: 120_000, hookTimeout: 240_000, reporters: reporters('package') },
})
