import type { Frame, RejectedFrame } from '../../core/frame.ts'
import { fault } from './fields.ts'
import { invalidFrame } from './invalid.ts'
import { MOVE_CODE, reactionTo } from './reactions.ts'
import { topicKeyOf } from './topics.ts'
import { ackFrame, connectionCountFrame, statusFrame } from './wire.ts'

/** No code comes with it, so its name is its code. */
const CONNECTION_COUNT_ERROR = 'channel-conn-count-error'
const LONGEST_MESSAGE = 500

/** Frames with an `event`: everything that is not market data. They are rare, so a schema reads them. */
export function decodeControl(event: unknown, frame: unknown, text: string): Frame {
  switch (event) {
    case 'subscribe':
    case 'unsubscribe': {
      const ack = ackFrame.safeParse(frame)
      if (!ack.success) return invalidFrame(`${event} acknowledges no topic`, text)
      const { arg, id } = ack.data
      const topicKey = topicKeyOf(arg.channel, arg.instId)
      return { kind: event === 'subscribe' ? 'subscribed' : 'unsubscribed', topicKey, requestId: id }
    }
    case 'login':
    case 'error':
    case 'notice':
      return decodeStatus(event, frame, text)
    case CONNECTION_COUNT_ERROR: {
      const { channel, connCount } = connectionCountFrame.parse(frame)
      const message = `too many connections for ${channel ?? 'a channel'}: ${connCount ?? 'unknown count'}`
      return rejected(CONNECTION_COUNT_ERROR, message, undefined, channel)
    }
    default:
      return typeof event === 'string' ? { kind: 'ignored' } : invalidFrame(fault('event', event, 'a word'), text)
  }
}

function decodeStatus(event: 'login' | 'error' | 'notice', frame: unknown, text: string): Frame {
  const status = statusFrame.safeParse(frame)
  if (!status.success) return invalidFrame(`${event} cannot be read`, text)
  const { id, code, arg } = status.data
  const message = status.data.msg.slice(0, LONGEST_MESSAGE)
  if (code === MOVE_CODE) return { kind: 'move', nativeCode: code, message, ...(id === undefined ? {} : { requestId: id }) }
  if (event === 'notice') return { kind: 'ignored' }
  if (event === 'login' && code === '0') return { kind: 'logged-in' }
  const topicKey = arg === undefined ? topicKeyIn(message) : topicKeyOf(arg.channel, arg.instId)
  return rejected(code, message, id, topicKey)
}

function rejected(code: string, message: string, requestId: string | undefined, topicKey: string | undefined): RejectedFrame {
  return { kind: 'rejected', reaction: reactionTo(code), nativeCode: code, message, requestId, topicKey }
}

/** `channel:books,instId:NOPE-USDT`, also with blanks, quotes or another separator: the wording changes over the years. */
const TOPIC_IN_WORDS = /channel["']?\s*[:=]\s*["']?([\w-]+)["']?\s*[,;]\s*["']?instId["']?\s*[:=]\s*["']?([\p{L}\p{N}_-]+)/iu
const ACCOUNT_IN_WORDS = /channel["']?\s*[:=]\s*["']?account\b/i

function topicKeyIn(message: string): string | undefined {
  const [, channel, nativeSymbol] = TOPIC_IN_WORDS.exec(message) ?? []
  if (channel !== undefined && nativeSymbol !== undefined) return topicKeyOf(channel, nativeSymbol)
  return ACCOUNT_IN_WORDS.test(message) ? 'account' : undefined
}
