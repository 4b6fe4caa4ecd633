/** OKX's error codes that the fake sends, with words close to OKX's own. */
const MESSAGES = {
  '60004': 'Invalid timestamp',
  '60005': 'Invalid apiKey',
  '60006': 'Timestamp request expired',
  '60007': 'Invalid sign',
  '60009': 'Login failed.',
  '60011': 'Please log in',
  '60013': 'Invalid args',
  '60014': 'Requests too frequent',
  '60024': 'Wrong passphrase',
  '60031': 'The WebSocket endpoint does not allow multiple or repeated logins.',
  '60032': "API key doesn't exist.",
  '63999': 'Login failed due to internal error. Please try again later.',
  '64000': 'Subscription parameter uly is unavailable anymore. Please replace uly with instFamily.',
  '64003': 'Your trading fee tier does not meet the requirement to access this channel.',
  '64008': 'The connection will soon be closed for a service upgrade. Please reconnect.',
} as const satisfies Record<string, string>

export interface WireError {
  readonly code: string
  readonly message: string
}

export function wireError(code: keyof typeof MESSAGES): WireError {
  return { code, message: MESSAGES[code] }
}

export function malformedRequest(text: string): WireError {
  return { code: '60012', message: `Invalid request: ${text.slice(0, 200)}` }
}

/** One message for an unknown symbol, an unknown channel and a channel asked for at the wrong path. */
export function noSuchChannel(arg: Readonly<Record<string, unknown>>): WireError {
  const parts = ['channel', 'instId', 'instType', 'instFamily'].filter((name) => arg[name] !== undefined)
  const described = parts.map((name) => `${name}:${String(arg[name])}`).join(',')
  const message = `Wrong URL or ${described} doesn't exist. Please use the correct URL, channel and parameters referring to API document.`
  return { code: '60018', message }
}

export function errorFrame({ code, message }: WireError, connId: string, id: string | undefined): string {
  return JSON.stringify({ event: 'error', code, msg: message, connId, ...(id === undefined ? {} : { id }) })
}

/** The announcement that a connection is going to be closed for an upgrade. */
export function noticeFrame(connId: string): string {
  const { code, message } = wireError('64008')
  return JSON.stringify({ event: 'notice', code, msg: message, connId })
}
