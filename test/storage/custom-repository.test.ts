import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FileRepository } from '../../examples/support/file-repository.ts'
import { repositoryContract } from '../../src/testing/repository-contract/repository-contract.ts'
import { many, tradeAt } from '../../src/testing/repository-contract/sample-rows.ts'

describe('the repository of the docs, which keeps plain files', () => {
  repositoryContract({
    test,
    expect,
    describe,
    capabilities: { stores: ['candles', 'trades', 'cursors'], isPersistent: true, isShared: false },
    create: async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tapekeeper-files-'))
      const open = () => {
        const repository = new FileRepository(directory)
        return { marketData: repository, rawTrades: repository }
      }
      return {
        ...open(),
        reopen: async () => open(),
        cleanUp: () => rm(directory, { recursive: true }),
        badTrade: { ...tradeAt(0), timestamp: NaN },
      }
    },
  })
})

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tapekeeper-files-'))
  try {
    await run(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

test('of a batch that a crash has torn nothing is there, and the next one is whole', () =>
  withDirectory(async (directory) => {
    const file = join(directory, 'trades.ndjson')
    const first = new FileRepository(directory)
    await first.saveTrades(many(3, (index) => tradeAt(index)))
    await first.close()
    const whole = await readFile(file, 'utf8')
    await appendFile(file, `[${JSON.stringify(tradeAt(3))},{"excha`)

    const second = new FileRepository(directory)
    expect((await second.statistics()).rows.trades).toBe(3)
    expect(await second.saveTrades([tradeAt(2), tradeAt(3)])).toEqual({ inserted: 1, kept: 1, overwritten: 0 })
    await second.close()
    expect(await readFile(file, 'utf8')).toBe(`${whole}${JSON.stringify([tradeAt(3)])}\n`)
    expect((await stat(file)).mode & 0o077).toBe(0)
  }))

test('a directory that cannot be made is a fault of its own, and is tried again', () =>
  withDirectory(async (directory) => {
    const inTheWay = join(directory, 'taken')
    await appendFile(inTheWay, '')
    const repository = new FileRepository(join(inTheWay, 'rows'))
    const saved = repository.saveTrades([tradeAt(0)])
    await expect(saved).rejects.toMatchObject({ name: 'DatabaseOperationError', operation: 'saveTrades', fault: 'away' })
    expect((await repository.healthCheck()).isHealthy).toBe(false)
    await rm(inTheWay)
    expect(await repository.saveTrades([tradeAt(0)])).toEqual({ inserted: 1, kept: 0, overwritten: 0 })
    expect((await repository.healthCheck()).isHealthy).toBe(true)
    await repository.close()
  }))
