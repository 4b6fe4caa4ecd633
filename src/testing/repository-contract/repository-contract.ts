import { STORED_KINDS, type RepositoryCapabilities } from '../../storage/repository.ts'
import { candleTests } from './candle-tests.ts'
import { competingTests, concurrencyTests } from './concurrency-tests.ts'
import type { RepositoryContractOptions } from './contract-types.ts'
import { ContractWorld, type ContractTest } from './contract-world.ts'
import { cursorTests } from './cursor-tests.ts'
import { exactnessTests } from './exactness-tests.ts'
import { frameTests } from './frame-tests.ts'
import { gapTests } from './gap-tests.ts'
import { lifecycleTests } from './lifecycle-tests.ts'
import { nameTests } from './name-tests.ts'
import { rangeTests } from './range-tests.ts'
import { ROW_KINDS } from './shelf.ts'
import { tradeTests } from './trade-tests.ts'
import { volumeTests } from './volume-tests.ts'
import { writingTests } from './writing-tests.ts'

const GROUPS: readonly (readonly [about: string, tests: readonly ContractTest[]])[] = [
  ['open and closed', lifecycleTests],
  ['writing', ROW_KINDS.flatMap(writingTests)],
  ['candles', candleTests],
  ['trades', tradeTests],
  ['frames', frameTests],
  ['cursors', cursorTests],
  ['gaps', gapTests],
  ['ranges', ROW_KINDS.flatMap(rangeTests)],
  ['exactness', exactnessTests],
  ['names', nameTests],
  ['at the same time', [...ROW_KINDS.flatMap(concurrencyTests), ...competingTests]],
  ['many rows', ROW_KINDS.flatMap(volumeTests)],
]

/**
 * Proves a repository: everything that `MarketDataRepository` and `RawTradeRepository` promise, as tests of your own test runner. It is
 * what the library's own repositories pass. What the capabilities exclude is skipped and says why.
 *
 * @example
 * ```ts
 * import { createMemoryRepository } from 'tapekeeper'
 * import { repositoryContract } from 'tapekeeper/testing'
 * import { describe, expect, test } from 'vitest'
 * repositoryContract({
 *   test,
 *   expect,
 *   describe,
 *   capabilities: { stores: ['candles', 'trades', 'frames', 'cursors', 'gaps'], isPersistent: false, isShared: false },
 *   create: async () => {
 *     const repository = createMemoryRepository()
 *     return { marketData: repository, rawTrades: repository }
 *   },
 * })
 * ```
 */
export function repositoryContract(options: RepositoryContractOptions): void {
  for (const [about, tests] of GROUPS) {
    const define = (): void => tests.forEach((test) => declare(test, options))
    if (options.describe === undefined) define()
    else options.describe(about, define)
  }
}

function declare(
  contractTest: ContractTest,
  { test, expect, create, capabilities, timeoutMs = 60_000 }: RepositoryContractOptions,
): void {
  const reason = reasonToSkip(contractTest, capabilities)
  if (reason !== undefined) {
    const name = `${contractTest.name} (skipped: ${reason})`
    if (test.skip === undefined) test(name, () => Promise.resolve(), timeoutMs)
    else test.skip(name, () => Promise.resolve())
    return
  }
  const run = async (): Promise<void> => {
    const subject = await create()
    const world = new ContractWorld(expect, subject, capabilities)
    try {
      await contractTest.run(world)
    } finally {
      await world.close()
      await subject.cleanUp?.()
    }
  }
  test(contractTest.name, run, timeoutMs)
}

function reasonToSkip({ needs, needsCapability }: ContractTest, capabilities: RepositoryCapabilities): string | undefined {
  const missing = STORED_KINDS.filter((kind) => needs.includes(kind) && !capabilities.stores.includes(kind))
  if (missing.length > 0) return `does not store ${missing.join(' and ')}`
  if (needsCapability === undefined || capabilities[needsCapability]) return undefined
  return needsCapability === 'isPersistent' ? 'not persistent' : 'not shared'
}
