import { MAX_FRAME_LENGTH } from '../../core/frame.ts'
import { fault, isBlank, isRecord } from './fields.ts'

/** What kind of frame this is, before its content is looked at. */
export type Route =
  | { readonly kind: 'control'; readonly event: unknown; readonly frame: WireFrame }
  | { readonly kind: 'data'; readonly channel: string; readonly instId: unknown; readonly frame: WireFrame }
  | { readonly kind: 'unreadable'; readonly reason: string }

export type WireFrame = Readonly<Record<string, unknown>>

/** Parses one frame's text and says what it is. Never throws. `pong` is bare text and no business of this function. */
export function routeFrame(text: string): Route {
  if (text.length > MAX_FRAME_LENGTH) return unreadable(`${text.length} characters are too long for a frame`)
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    return unreadable(text.length === 0 ? 'the frame is empty' : 'the frame is not JSON')
  }
  if (!isRecord(frame)) return unreadable(fault('the frame', frame, 'an object'))
  if (!isBlank(frame.event)) return { kind: 'control', event: frame.event, frame }
  const { arg } = frame
  if (!isRecord(arg)) return unreadable(fault('arg', arg, 'an object'))
  const { channel, instId } = arg
  if (typeof channel !== 'string') return unreadable(fault('arg.channel', channel, 'a word'))
  return { kind: 'data', channel, instId, frame }
}

function unreadable(reason: string): Route {
  return { kind: 'unreadable', reason }
}
