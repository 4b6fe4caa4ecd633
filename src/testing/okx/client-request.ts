/** A subscription's argument as the client wrote it. */
export type ChannelArg = Readonly<Record<string, unknown>> & { readonly channel: string }

/** A client's text, understood as far as OKX's request format goes. */
export type ClientRequest =
  | { readonly kind: 'ping' }
  | {
      readonly kind: 'channels'
      readonly op: 'subscribe' | 'unsubscribe'
      readonly id: string | undefined
      readonly args: readonly ChannelArg[]
    }
  | { readonly kind: 'login'; readonly id: string | undefined; readonly arg: Readonly<Record<string, unknown>> }
  | {
      readonly kind: 'malformed'
      readonly code: '60012' | '60013'
      readonly op: string | undefined
      readonly id: string | undefined
    }

/** Longer requests end the connection. Bytes. */
export const MAX_REQUEST_BYTES = 64 * 1024

/** No dashes: a UUID is refused. */
const REQUEST_ID = /^[0-9A-Za-z]{1,32}$/

export function parseClientRequest(text: string): ClientRequest {
  if (text === 'ping') return { kind: 'ping' }
  const body = parseObject(text)
  const { op, args } = body ?? {}
  const name = typeof op === 'string' ? op : undefined
  const id = readId(body?.['id'])
  if (body === undefined || id === 'bad') return { kind: 'malformed', code: '60012', op: name, id: undefined }
  if (op !== 'subscribe' && op !== 'unsubscribe' && op !== 'login')
    return { kind: 'malformed', code: '60012', op: name, id: id?.value }
  if (!Array.isArray(args) || args.length === 0 || !args.every(isRecord))
    return { kind: 'malformed', code: '60013', op, id: id?.value }
  if (op === 'login') {
    const [arg, ...others] = args
    if (arg === undefined || others.length > 0) return { kind: 'malformed', code: '60013', op, id: id?.value }
    return { kind: 'login', id: id?.value, arg }
  }
  if (!args.every(isChannelArg)) return { kind: 'malformed', code: '60013', op, id: id?.value }
  return { kind: 'channels', op, id: id?.value, args }
}

function readId(value: unknown): { readonly value: string } | 'bad' | undefined {
  if (value === undefined || value === null) return undefined
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && REQUEST_ID.test(text) ? { value: text } : 'bad'
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isChannelArg = (arg: Record<string, unknown>): arg is ChannelArg => typeof arg['channel'] === 'string'
