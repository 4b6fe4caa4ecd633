import type { OutputMessage } from './output.ts'

/** What the numbers of one message say about those before it. */
export type SequenceVerdict =
  | { readonly kind: 'next' }
  /** Was here before, or comes after it was reported lost. */
  | { readonly kind: 'duplicate' }
  /** The ones from `from` to `to` are missing before it. */
  | { readonly kind: 'loss'; readonly from: number; readonly to: number }
  /** The first of its session; `previous` is the last one of the session that spoke before, if any. */
  | { readonly kind: 'session'; readonly previous: SessionEnd | undefined }

/** How far a session was followed. */
export interface SessionEnd {
  readonly session: string
  readonly sequence: number
}

/** Publishers of one stream that are remembered. More would have to speak at the same time before a duplicate is taken for news. */
const SESSIONS_PER_STREAM = 16

/** Follows the numbers of every stream, so that each message is taken once and each missing one is known. */
export class SequenceWatch {
  /** Stream -> session -> the last sequence; the session that spoke last stands last. */
  readonly #streams = new Map<string, Map<string, number>>()

  see({ stream, session, sequence }: Pick<OutputMessage, 'stream' | 'session' | 'sequence'>): SequenceVerdict {
    const sessions = this.#streams.get(stream) ?? new Map<string, number>()
    this.#streams.set(stream, sessions)
    const last = sessions.get(session)
    if (last !== undefined && sequence <= last) return { kind: 'duplicate' }
    const previous = last === undefined ? endOf(sessions) : undefined
    sessions.delete(session)
    sessions.set(session, sequence)
    if (last === undefined) {
      forgetOldest(sessions)
      return { kind: 'session', previous }
    }
    return sequence === last + 1 ? { kind: 'next' } : { kind: 'loss', from: last + 1, to: sequence - 1 }
  }

  /** This is as far as we had come, or farther: whatever stands behind it in its stream is news, also a session that sorts before. */
  hasReached({ stream, session, sequence }: Pick<OutputMessage, 'stream' | 'session' | 'sequence'>): boolean {
    const last = this.#streams.get(stream)?.get(session)
    return last !== undefined && sequence >= last
  }

  /** Of a stream that shows its past again, and has not reached what we know: this session ended before we began. */
  isOutdated({ stream, session }: Pick<OutputMessage, 'stream' | 'session'>): boolean {
    const sessions = this.#streams.get(stream)
    return sessions === undefined || (!sessions.has(session) && [...sessions.keys()].some((other) => other > session))
  }
}

function endOf(sessions: ReadonlyMap<string, number>): SessionEnd | undefined {
  const end = [...sessions].at(-1)
  return end && { session: end[0], sequence: end[1] }
}

function forgetOldest(sessions: Map<string, number>): void {
  if (sessions.size <= SESSIONS_PER_STREAM) return
  for (const oldest of sessions.keys()) {
    sessions.delete(oldest)
    return
  }
}
