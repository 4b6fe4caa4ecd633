import type {
  AnswerLine,
  ConnectionLine,
  RecordingHeader,
  RecordingLine,
  RequestLine,
  StallLine,
  NoteLine,
  TimedLine,
} from './lines.ts'

export type Numbered<L> = L & { readonly c: number }
export type NumberedAnswer = AnswerLine & { readonly n: number }

/** Every line with the number of what it belongs to. */
export type ReplayLine =
  | { readonly kind: 'header'; readonly line: RecordingHeader }
  | { readonly kind: 'connection'; readonly line: Numbered<ConnectionLine> }
  | { readonly kind: 'request'; readonly line: RequestLine }
  | { readonly kind: 'answer'; readonly line: NumberedAnswer }
  | { readonly kind: 'stall'; readonly line: StallLine }
  | { readonly kind: 'note'; readonly line: NoteLine }

export interface ReplayIndex {
  readonly header: RecordingHeader | undefined
  readonly startsAt: number
  readonly endsAt: number
  /** Connections in the order of dialling. */
  readonly connections: readonly { readonly id: number; readonly url: string }[]
  /** REST requests in the order of asking; `url` is the method and the URL. */
  readonly requests: readonly { readonly id: number; readonly url: string }[]
  /** When the connections that were made were open. */
  readonly openedAt: ReadonlyMap<number, number>
  /** When connections were gone. */
  readonly closedAt: ReadonlyMap<number, number>
}

export const requestKey = (method: string | undefined, url: string): string => `${method ?? 'GET'} ${url}`

type Lines<L> = Iterable<L> | AsyncIterable<L>

/** Gives numbers to what has none, in the order of appearance: recordings made elsewhere have a single connection at a time. */
export async function* numbered(lines: Lines<RecordingLine>): AsyncGenerator<ReplayLine, void, undefined> {
  let lastConnection = 0
  let lastAnswer = 0
  for await (const line of lines) {
    if ('format' in line) yield { kind: 'header', line }
    else if ('url' in line) yield { kind: 'answer', line: { ...line, n: line.n ?? --lastAnswer } }
    else if (line.d === 'request') yield { kind: 'request', line }
    else if (line.d === 'stall') yield { kind: 'stall', line }
    else if (line.d === 'note') yield { kind: 'note', line }
    else if (line.d !== 'lost' && line.d !== 'end') {
      if (line.c === undefined && (line.d === 'open' || line.d === 'dial')) lastConnection--
      yield { kind: 'connection', line: { ...line, c: line.c ?? lastConnection } }
    }
  }
}

/**
 * What a replay has to know before it begins: which connections and answers there will be, and when it is over. The end of what we
 * ended ourselves is not waited for: when it was reached, the recorded program had already let go of it.
 */
export async function indexRecording(lines: Lines<RecordingLine>): Promise<ReplayIndex> {
  let header: RecordingHeader | undefined
  const connections = new Map<number, string>()
  const requests = new Map<number, string>()
  const openedAt = new Map<number, number>()
  const closedAt = new Map<number, number>()
  const ended = new Set<number>()
  const times = { startsAt: Infinity, endsAt: -Infinity }
  const stock = { startsAt: Infinity, endsAt: -Infinity }
  for await (const entry of numbered(lines)) {
    if (entry.kind === 'header') {
      header ??= entry.line
    } else if (entry.kind === 'connection') {
      const { d, c, m, t } = entry.line
      if ((d === 'dial' || d === 'open') && !connections.has(c)) connections.set(c, m)
      if (d === 'open') openedAt.set(c, t)
      if (d === 'close') closedAt.set(c, t)
      if (!ended.has(c)) widen(times, entry.line)
      if (d === 'bye') ended.add(c)
    } else if (entry.kind === 'request') {
      requests.set(entry.line.n, requestKey(entry.line.method, entry.line.m))
      widen(times, entry.line)
    } else if (entry.kind === 'answer') {
      const { n, method, url } = entry.line
      if (!requests.has(n)) requests.set(n, requestKey(method, url))
      // Answers alone are a stock to choose from, fetched before or after the session they were put beside.
      widen(n < 0 ? stock : times, entry.line)
    } else {
      widen(times, entry.line)
    }
  }
  const { startsAt, endsAt } = times.startsAt < Infinity ? times : stock
  return {
    header,
    startsAt: startsAt < Infinity ? startsAt : 0,
    endsAt: endsAt > -Infinity ? endsAt : 0,
    connections: [...connections].map(([id, url]) => ({ id, url })),
    requests: [...requests].map(([id, url]) => ({ id, url })),
    openedAt,
    closedAt,
  }
}

function widen(span: { startsAt: number; endsAt: number }, { t }: TimedLine): void {
  if (t < span.startsAt) span.startsAt = t
  if (t > span.endsAt) span.endsAt = t
}
