import type { StorageStatus } from './writer-options.ts'

/** An outage shorter than this is nothing to speak of. Milliseconds. */
const GRACE_MS = 3_000

interface WriterState {
  readonly repository: string
  readonly status: StorageStatus
  readonly now: number
  /** The repository was closed by somebody else. */
  readonly isFinal: boolean
  readonly lostInSpell: number
  readonly spoolProblem: string | undefined
}

/** What is wrong with a writer just now, in words. */
export function writerIssues({ repository, status, now, isFinal, lostInSpell, spoolProblem }: WriterState): readonly string[] {
  const { queued, maxQueued, spooled, awaySince, lastError } = status
  const waiting = `${queued + spooled} rows wait${spooled > 0 ? ` (${spooled} in the spool)` : ''}`
  const lost = lostInSpell > 0 ? `, ${lostInSpell} are lost` : ''
  const awayMs = awaySince === undefined ? 0 : now - awaySince
  const issues: string[] = []
  if (isFinal) issues.push(`storage ${repository}: closed, ${waiting}${lost}`)
  else if (awayMs >= GRACE_MS) {
    issues.push(`storage ${repository}: away for ${Math.floor(awayMs / 1_000)} s, ${waiting}${lost}: ${lastError ?? ''}`)
  } else if (lostInSpell > 0 || queued > maxQueued / 2) {
    issues.push(`storage ${repository}: ${queued} of at most ${maxQueued} rows wait in memory${lost}`)
  }
  if (spoolProblem !== undefined) issues.push(`spool: ${spoolProblem}`)
  return issues
}
