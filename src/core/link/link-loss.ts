import { reasonOf } from '../../errors/reason.ts'
import { retryAfterWords } from '../../ports/retry-after.ts'
import type { SocketClosed } from '../../ports/socket.ts'
import type { LinkLoss } from './link-state.ts'

/** What a socket that has ended amounts to: one that never opened was not cut off. */
export function lossOf(
  { code, reason, status, retryAfterMs, error }: SocketClosed,
  wasOpen: boolean,
  loginRefusal: string | undefined,
): LinkLoss {
  if (status !== undefined) {
    const message = `handshake refused with HTTP ${status}${retryAfterWords(retryAfterMs)}`
    return { message, closeCode: code, status, retryAfterMs }
  }
  const why = reason !== '' ? reason : error === undefined ? '' : reasonOf(error)
  const cut = code === 1006 ? 'connection cut off' : `connection closed by the server with ${code}`
  const how = loginRefusal ?? (wasOpen ? cut : 'could not connect')
  return { message: why === '' ? how : `${how}: ${why}`, closeCode: code }
}
