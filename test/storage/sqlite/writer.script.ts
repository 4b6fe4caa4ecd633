import { createSqliteRepository } from '../../../src/storage/sqlite/create-sqlite-repository.ts'
import { many, tradeAt } from '../../../src/testing/repository-contract/sample-rows.ts'

/**
 * Writes batches of ten trades of a symbol of its own, and prints the number of each batch that the repository has acknowledged.
 * Arguments: file, symbol, how many batches. With `SCRIPT_UMASK`, in octal: the rights new files have at most.
 */
const [file = '', symbol = '', batches = '0'] = process.argv.slice(2)
const umask = process.env['SCRIPT_UMASK']
if (umask !== undefined) process.umask(Number.parseInt(umask, 8))

const repository = createSqliteRepository({ file, busyTimeoutMs: 30_000 })
for (let batch = 0; batch < Number(batches); batch++) {
  await repository.saveTrades(many(10, (index) => tradeAt(batch * 10 + index, { exchange: 'acme', symbol })))
  // Synchronous for pipes: what was printed has left the process.
  process.stdout.write(`${batch}\n`)
}
await repository.close()
