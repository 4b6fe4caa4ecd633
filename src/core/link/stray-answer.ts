import { TapekeeperError } from '../../errors/tapekeeper-error.ts'
import type { Frame } from '../frame.ts'

/** Ids are longer only where somebody plays with us. Characters. */
const LONGEST_ID = 40

/** What is said of an answer to nothing that was asked on a connection. */
export function strayError(frame: Frame, hide: (text: string) => string): TapekeeperError {
  const requestId = 'requestId' in frame ? frame.requestId?.slice(0, LONGEST_ID) : undefined
  const { nativeCode, message = '' } = 'nativeCode' in frame ? frame : { nativeCode: undefined }
  const what = nativeCode === undefined ? `"${frame.kind}"` : `${nativeCode} ${hide(message)}`
  const isPause = frame.kind === 'rejected' && frame.reaction === 'slow-down' && requestId === undefined
  const whose = requestId === undefined ? 'and does not say to what' : `to a request that is not ours (${requestId})`
  const words = `the exchange answered ${what} ${whose}: ${isPause ? 'every request waits' : 'nothing follows'}`
  return new TapekeeperError(isPause ? 'RATE_LIMITED' : 'FRAME_INVALID', words, { nativeCode, requestId })
}

/** Whether a request that was written elsewhere has this id in it, as text or as a number. */
export const carries = (request: string, id: string): boolean =>
  [`"${id}"`, `:${id},`, `:${id}}`].some((spelling) => request.includes(spelling))
