/**
 * First line of a recording. `seed` repeats the chance of the recorded run: jitter decides when a lost link is dialled again.
 */
export interface RecordingHeader {
  readonly format: 'tapekeeper-recording'
  readonly version: 1
  readonly exchange?: string
  readonly source?: string
  readonly seed?: number
}

/** What every line but the header has. */
export interface TimedFields {
  /** Epoch milliseconds, by the clock of the recorded program. */
  readonly t: number
  /** 1: delivered in the same breath as the event before it, so that no promise could settle between the two. */
  readonly s?: 1
}

/** What every line about a connection has. */
export interface ConnectionFields extends TimedFields {
  /** Number of the connection, in the order of dialling. Absent in recordings of a single connection made elsewhere. */
  readonly c?: number
  /** A frame's text, a URL, or a reason; by `d`. */
  readonly m: string
}

export type ConnectionLine =
  | (ConnectionFields & {
      /**
       * - `dial`: we asked for a connection to `m`; `open`: it was opened
       * - `out`: we sent the frame `m`; `in`: we received it
       * - `bye`: we ended the connection, politely (`m` = `close`) or not (`terminate`)
       */
      readonly d: 'dial' | 'open' | 'out' | 'in' | 'bye'
    })
  | (ConnectionFields & { readonly d: 'binary'; readonly bytes: number })
  | (ConnectionFields & {
      /** The connection is gone, or was never made; `m` is the reason. */
      readonly d: 'close'
      readonly code?: number
      readonly status?: number
      readonly retryAfterMs?: number
      readonly error?: string
    })

/** A REST request left. Recordings made elsewhere have only the answers. */
export interface RequestLine extends TimedFields {
  readonly d: 'request'
  /** URL. */
  readonly m: string
  readonly n: number
  readonly method: string
}

/** The answer to a REST request, or why there was none. */
export interface AnswerLine extends TimedFields {
  readonly url: string
  readonly body?: string
  readonly n?: number
  readonly method?: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly error?: string
  /** We ourselves called the request off. */
  readonly aborted?: true
}

/** The program was held up: no timer that was due at `from` or later fired before `t`. */
export interface StallLine extends TimedFields {
  readonly d: 'stall'
  readonly m: string
  readonly from: number
}

/** What the recorded program said it was about to do, in its own words. */
export interface NoteLine extends TimedFields {
  readonly d: 'note'
  readonly m: string
}

export type RemarkLine =
  | StallLine
  | NoteLine
  /** The disk could not keep up: so many lines are missing here. */
  | (TimedFields & { readonly d: 'lost'; readonly m: string; readonly lines: number })
  /** The recorder was closed properly: nothing is missing at the end. */
  | (TimedFields & { readonly d: 'end'; readonly m: string })

export type TimedLine = ConnectionLine | RequestLine | AnswerLine | RemarkLine
export type RecordingLine = RecordingHeader | TimedLine

/** Kinds of lines and the fields they cannot do without. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, 'string' | 'number'>>>> = {
  dial: {},
  open: {},
  out: {},
  in: {},
  bye: {},
  close: {},
  binary: { bytes: 'number' },
  request: { n: 'number', method: 'string' },
  note: {},
  stall: { from: 'number' },
  lost: { lines: 'number' },
  end: {},
}
const OPTIONAL: Readonly<Record<string, 'string' | 'number'>> = {
  ...{ c: 'number', n: 'number', s: 'number', code: 'number', status: 'number', retryAfterMs: 'number', seed: 'number' },
  ...{ error: 'string', body: 'string', method: 'string', exchange: 'string', source: 'string' },
}

/**
 * One line of a recording. Kinds of lines that a later version may have are left out (undefined).
 *
 * @throws Error in words, when it is not a line of a recording.
 */
export function parseLine(text: string): RecordingLine | undefined {
  const line = JSON.parse(text) as unknown
  if (!isRecord(line)) throw new Error('not an object')
  for (const [field, type] of Object.entries(OPTIONAL)) {
    if (line[field] !== undefined) check(line, field, type)
  }
  if ('format' in line) {
    if (line['format'] !== 'tapekeeper-recording') throw new Error(`the format is ${JSON.stringify(line['format'])}`)
    if (line['version'] !== 1) throw new Error(`version ${JSON.stringify(line['version'])} is not understood, only version 1`)
    return line as unknown as RecordingHeader
  }
  check(line, 't', 'number')
  if (line['d'] === undefined) {
    check(line, 'url', 'string')
    if (line['error'] === undefined) check(line, 'body', 'string')
    if (line['headers'] !== undefined && !isTexts(line['headers'])) throw new Error('"headers" is not an object of texts')
    return line as unknown as AnswerLine
  }
  check(line, 'd', 'string')
  const needed = NEEDED[line['d'] as string]
  if (needed === undefined) return undefined
  // Some recorders have nothing to say about a close.
  if (line['d'] === 'close') line['m'] ??= ''
  check(line, 'm', 'string')
  for (const [field, type] of Object.entries(needed)) check(line, field, type)
  return line as unknown as TimedLine
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): boolean => isRecord(value) && Object.values(value).every((each) => typeof each === 'string')

function check(line: Record<string, unknown>, field: string, type: 'string' | 'number'): void {
  const value = line[field]
  // JSON knows no NaN, but 1e999 is Infinity, and a clock that goes there never ends.
  if (typeof value !== type || (type === 'number' && !Number.isFinite(value))) throw new Error(`"${field}" is not a ${type}`)
}
