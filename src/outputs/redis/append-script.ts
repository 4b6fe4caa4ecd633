/**
 * Appends messages to a Redis stream, each once: the last sequence of the session is kept beside it, in the same step, so that a
 * repeated attempt adds nothing, whatever happened to the clock, the publisher or the connection. Redis numbers the entries itself,
 * which keeps several publishers in one order. The mark lasts longer than any attempt is repeated.
 *
 * KEYS: the stream, the mark, the list of all streams. ARGV: about how many entries are kept, how many seconds the mark is kept,
 * the stream's name, then sequence and text of each message.
 */
const SCRIPT = `
local known = redis.call('GET', KEYS[2])
local last = known or '0'
for i = 4, #ARGV, 2 do
  if tonumber(ARGV[i]) > tonumber(last) then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'message', ARGV[i + 1])
    last = ARGV[i]
  end
end
redis.call('SET', KEYS[2], last, 'EX', ARGV[2])
if not known then redis.call('SADD', KEYS[3], ARGV[3]) end
`

const MARK_SECONDS = 7 * 24 * 60 * 60

/** The field of an entry that holds the message. */
export const MESSAGE_FIELD = 'message'

export const streamKey = (prefix: string, stream: string): string => `${prefix}:stream:${stream}`

/** A set with the name of every stream there is. */
export const directoryKey = (prefix: string): string => `${prefix}:streams`

export interface Append {
  readonly prefix: string
  readonly stream: string
  readonly session: string
  readonly maxLength: number
  readonly messages: readonly { readonly sequence: number; readonly text: string }[]
}

export function appendCommand({ prefix, stream, session, maxLength, messages }: Append): readonly string[] {
  const keys = [streamKey(prefix, stream), `${prefix}:mark:${stream}:${session}`, directoryKey(prefix)]
  const rows = messages.flatMap(({ sequence, text }) => [String(sequence), text])
  return ['EVAL', SCRIPT, String(keys.length), ...keys, String(maxLength), String(MARK_SECONDS), stream, ...rows]
}
