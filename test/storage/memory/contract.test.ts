import { describe, expect, test } from 'vitest'
import { createMemoryRepository } from '../../../src/storage/memory/create-memory-repository.ts'
import { STORED_KINDS } from '../../../src/storage/repository.ts'
import { repositoryContract } from '../../../src/testing/repository-contract/repository-contract.ts'
import { tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'

describe('the memory repository', () => {
  repositoryContract({
    test,
    expect,
    describe,
    capabilities: { stores: STORED_KINDS, isPersistent: false, isShared: false },
    create: async () => {
      const repository = createMemoryRepository()
      return { marketData: repository, rawTrades: repository, badTrade: { ...tradeAt(0), timestamp: NaN } }
    },
  })
})
