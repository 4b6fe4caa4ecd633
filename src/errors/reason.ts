import { messageOf } from './tapekeeper-error.ts'

const DEEPEST = 5

/**
 * The words of an error's first cause: what the system said (`connect ECONNREFUSED 127.0.0.1:443`), where the platform's own words are
 * about its call (`fetch failed`).
 */
export function reasonOf(error: unknown): string {
  let reason = ''
  let current: unknown = error
  for (let depth = 0; depth < DEEPEST && current !== undefined && current !== null; depth++) {
    reason = wordsOf(current) || reason
    current = current instanceof Error ? current.cause : undefined
  }
  return reason
}

/** Several attempts that failed, one per address, come as one error without words. */
function wordsOf(error: unknown): string {
  const words = messageOf(error)
  if (words !== '' || !(error instanceof Error)) return words
  if (error instanceof AggregateError) return [...new Set(error.errors.map(messageOf))].join(', ')
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
