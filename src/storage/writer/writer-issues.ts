import type { Outages } from './outages.ts'
import type { StorageStatus } from './writer-options.ts'

/** An outage shorter than this is nothing to speak of. Milliseconds. */
const GRACE_MS = 3_000

interface WriterState {
  readonly repository: string
  readonly status: StorageStatus
  readonly outages: Outages
  readonly lostInSpell: number
  readonly spoolProblem: string | undefined
}

/** What is wrong with a writer just now, in words. */
export function writerIssues({ repository, status, outages, lostInSpell, spoolProblem }: WriterState): readonly string[] {
  const { queued, maxQueued, spooled } = status
  const waiting = `${queued + spooled} rows wait${spooled > 0 ? ` (${spooled} in the spool)` : ''}`
  const lost = lostInSpell > 0 ? `, ${lostInSpell} are lost` : ''
  const issues = outageIssues(outages, `${waiting}${lost}`).map((issue) => `storage ${repository}: ${issue}`)
  if (issues.length === 0 && (lostInSpell > 0 || queued > maxQueued / 2))
    issues.push(`storage ${repository}: ${queued} of at most ${maxQueued} rows wait in memory${lost}`)
  if (spoolProblem !== undefined) issues.push(`spool: ${spoolProblem}`)
  return issues
}

/** The database, once; or the tables that fail while others work, one by one. */
function outageIssues(outages: Outages, waiting: string): readonly string[] {
  const away = outages.away.filter(([, { isFinal, ageMs }]) => isFinal || ageMs >= GRACE_MS)
  if (away.some(([, { isFinal }]) => isFinal)) return [`closed, ${waiting}`]
  const span = (ageMs: number): string => `for ${Math.floor(ageMs / 1_000)} s, ${waiting}`
  const alone = away.filter(([kind]) => outages.isAlone(kind))
  const [longest] = away
  if (longest !== undefined && alone.length < away.length)
    return [`away ${span(longest[1].ageMs)}: ${longest[1].error?.message ?? ''}`]
  return alone.map(([kind, { ageMs, error }]) => `${kind}s cannot be stored ${span(ageMs)}: ${error?.message ?? ''}`)
}
