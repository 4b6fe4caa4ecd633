import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { compiled } from '../../support/compiled.ts'
import { postgresMissing } from '../../support/postgres.ts'

test.skipIf(postgresMissing !== undefined)('a test run that is killed leaves no server behind', async () => {
  const child = spawn(process.execPath, [compiled('test/storage/postgres/interrupted.script.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<number>((resolve, reject) => {
    let output = ''
    child.once('exit', () => reject(new Error('it ended by itself')))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const match = /port (\d+)\n/.exec(output)
      if (match !== null) resolve(Number(match[1]))
    })
  })
  expect(await isListening(port)).toBe(true)
  child.kill('SIGKILL')
  await expect.poll(() => isListening(port), { timeout: 30_000 }).toBe(false)
})

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
