import type { Frame } from '../../core/frame.ts'
import { TapekeeperError } from '../../errors/tapekeeper-error.ts'

const EXCERPT_LENGTH = 200

/** What is said about a frame, or a row of one, that cannot be used. */
export function frameError(message: string, frame: string, channel?: string, nativeSymbol?: string): TapekeeperError {
  const about = channel === undefined ? '' : ` ${channel}${nativeSymbol === undefined ? '' : `:${nativeSymbol}`}`
  const context = { exchange: 'okx', channel, nativeSymbol, frame: frame.slice(0, EXCERPT_LENGTH) }
  return new TapekeeperError('FRAME_INVALID', `okx${about}: ${message}`, context)
}

export function invalidFrame(message: string, frame: string, channel?: string, nativeSymbol?: string): Frame {
  return { kind: 'invalid', error: frameError(message, frame, channel, nativeSymbol) }
}
