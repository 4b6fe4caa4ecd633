import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { compiled } from '../../support/compiled.ts'
import { postgresMissing, startPostgres } from '../../support/postgres.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

test.skipIf(postgresMissing !== undefined)(
  'the PostgreSQL example keeps what the fake exchange sends, and leaves nothing behind',
  async () => {
    const server = await startPostgres()
    try {
      const url = await server.createDatabase()
      const { code, output } = await runExample(url)
      expect(output).toMatch(/^([1-9]\d*) trades in the database, \1 delivered in this run/m)
      expect(output).toMatch(/^(?:buy|sell): [1-9]\d* trades, on average at [\d.]+$/m)
      expect(code).toBe(0)
      expect(await server.run(url, `SELECT FROM pg_namespace WHERE nspname LIKE 'tapekeeper%'`)).toEqual([])
    } finally {
      await server.stop()
    }
  },
)

function runExample(url: string): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, POSTGRES_URL: url }
  const child = spawn(process.execPath, [compiled('examples/postgres.ts')], { cwd: root, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}
