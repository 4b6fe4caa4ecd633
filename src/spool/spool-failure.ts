import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import { systemCodeOf } from './own-file.ts'

/** @param doing for example `append`. */
export function spoolFailure(directory: string, doing: string, cause: unknown): TapekeeperError {
  if (TapekeeperError.is(cause)) return cause
  const systemCode = systemCodeOf(cause)
  return new TapekeeperError(
    'SPOOL_FAILED',
    `spool ${directory}: ${doing} failed: ${messageOf(cause)}`,
    { directory, doing, ...(systemCode === undefined ? {} : { systemCode }) },
    { cause },
  )
}
