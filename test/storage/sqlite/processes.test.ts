import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteRepository } from '../../../src/storage/sqlite/create-sqlite-repository.ts'
import { collect } from '../../../src/testing/repository-contract/contract-world.ts'
import { compiled } from '../../support/compiled.ts'
import { scratchFile } from './scratch.ts'

const FOR_EVER = 1_000_000

interface Writer {
  readonly child: ChildProcess
  /** Resolves when it has acknowledged a batch with this number. */
  acknowledged(batch: number): Promise<void>
  /** The last batch it acknowledged, once it is gone. */
  readonly ended: Promise<{ readonly last: number; readonly code: number | null; readonly stderr: string }>
}

function startWriter(file: string, symbol: string, batches: number, env: Record<string, string> = {}): Writer {
  const args = [compiled('test/storage/sqlite/writer.script.ts'), file, symbol, String(batches)]
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  let last = -1
  const waiting: { batch: number; resolve: () => void }[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (stdout + text).split('\n')
    stdout = lines.pop()!
    last = Number(lines.at(-1) ?? last)
    for (const { batch, resolve } of waiting) if (last >= batch) resolve()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return {
    child,
    acknowledged: (batch) => new Promise((resolve) => waiting.push({ batch, resolve })),
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ last, code, stderr }))),
  }
}

test('every batch that was acknowledged outlives a SIGKILL, the others are there as a whole or not at all', async () => {
  const file = scratchFile()
  for (const symbol of ['A', 'B', 'C']) {
    const writer = startWriter(file, symbol, FOR_EVER)
    await writer.acknowledged(40)
    writer.child.kill('SIGKILL')
    const { last } = await writer.ended
    const repository = createSqliteRepository({ file })
    const trades = await collect(repository.trades({ exchange: 'acme', symbol }))
    await repository.close()
    expect(trades.length % 10).toBe(0)
    expect(trades.length).toBeGreaterThanOrEqual((last + 1) * 10)
    expect(trades.map(({ data }) => data.id)).toEqual(trades.map((_, index) => String(1_000 + index)))
  }
})

test('processes that make the same file at once, and write to it at once, lose nothing', async () => {
  const file = scratchFile()
  const symbols = ['A', 'A', 'B', 'C', 'D']
  const writers = symbols.map((symbol) => startWriter(file, symbol, 30))
  for (const { ended } of writers) expect(await ended).toEqual({ last: 29, code: 0, stderr: '' })
  const repository = createSqliteRepository({ file })
  expect((await repository.statistics()).rows.trades).toBe(4 * 300)
  for (const symbol of new Set(symbols)) expect(await collect(repository.trades({ exchange: 'acme', symbol }))).toHaveLength(300)
  await repository.close()
})

test('the file, what SQLite puts beside it and a folder made for it are for the owner alone, whatever the umask allows', async () => {
  const file = join(scratchFile(), 'deep', 'market.db')
  const writer = startWriter(file, 'A', FOR_EVER, { SCRIPT_UMASK: '0' })
  await writer.acknowledged(3)
  const rights = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  expect([file, `${file}-wal`, `${file}-shm`].map(rights)).toEqual(['600', '600', '600'])
  expect([dirname(file), dirname(dirname(file))].map(rights)).toEqual(['700', '700'])
  writer.child.kill('SIGKILL')
  await writer.ended
})

test('what waits beside the file is in it when the last one has closed it', async () => {
  const file = scratchFile()
  expect(await startWriter(file, 'A', 3).ended).toMatchObject({ code: 0 })
  expect([file, `${file}-wal`, `${file}-shm`].map((path) => existsSync(path))).toEqual([true, false, false])
})
