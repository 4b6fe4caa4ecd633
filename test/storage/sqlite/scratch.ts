import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { DatabaseOperationError } from '../../../src/errors/database-operation-error.ts'

/** A file in a folder of the test's own. */
export function scratchFile(name = 'market.db'): string {
  const directory = mkdtempSync(join(tmpdir(), 'tapekeeper-sqlite-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return join(directory, name)
}

/** What an action was rejected with, which must be one of our errors. */
export async function failureOf(action: Promise<unknown>): Promise<DatabaseOperationError> {
  const error: unknown = await action.then(
    () => new Error('it resolved'),
    (reason: unknown) => reason,
  )
  if (DatabaseOperationError.is(error)) return error
  throw error
}
