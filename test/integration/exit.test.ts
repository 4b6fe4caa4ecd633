import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { startFakeExchange } from 'tapekeeper/testing'
import { compiled } from '../support/compiled.ts'

test('a process with 200 collectors over real sockets ends by itself once they are stopped', async () => {
  await using fake = await startFakeExchange({ exchange: 'okx', seed: 5, pairs: 200, tradesPerSecond: 5 })
  const child = spawn(process.execPath, [compiled('test/integration/exit.script.ts')], {
    env: { ...process.env, ENDPOINTS: JSON.stringify(fake.endpoints) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise((resolve) => child.once('exit', resolve))
  expect(code).toBe(0)
  expect(JSON.parse(output)).toMatchObject({ started: 200 })
  expect(fake.dials.filter(({ accepted }) => accepted)).toHaveLength(Math.ceil(600 / 240))
  await expect.poll(() => fake.connections.length).toBe(0)
})
