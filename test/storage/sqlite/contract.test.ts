import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { STORED_KINDS } from '../../../src/storage/repository.ts'
import { createSqliteRepository } from '../../../src/storage/sqlite/create-sqlite-repository.ts'
import { repositoryContract } from '../../../src/testing/repository-contract/repository-contract.ts'
import { tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'
import { isDeep } from '../../support/runs.ts'

const badTrade = { ...tradeAt(0), timestamp: NaN }

describe('the SQLite repository in a file', () => {
  repositoryContract({
    test,
    expect,
    describe,
    capabilities: { stores: STORED_KINDS, isPersistent: true, isShared: true },
    create: async () => {
      const directory = await mkdtemp(join(tmpdir(), 'tapekeeper-sqlite-'))
      const open = () => {
        const repository = createSqliteRepository({ file: join(directory, 'market.db') })
        return { marketData: repository, rawTrades: repository }
      }
      return { ...open(), badTrade, reopen: async () => open(), cleanUp: () => rm(directory, { recursive: true }) }
    },
  })
})

describe.runIf(isDeep)('the SQLite repository in memory', () => {
  repositoryContract({
    test,
    expect,
    describe,
    capabilities: { stores: STORED_KINDS, isPersistent: false, isShared: false },
    create: async () => {
      const repository = createSqliteRepository({ file: ':memory:' })
      return { marketData: repository, rawTrades: repository, badTrade }
    },
  })
})
