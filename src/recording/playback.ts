import type { RecordingLine } from './lines.ts'
import type { ReplayClock } from './replay-clock.ts'
import type { ReplayHttp } from './replay-http.ts'
import { numbered, type ReplayLine } from './replay-index.ts'
import type { ReplaySockets } from './replay-sockets.ts'

/**
 * Lines in groups that happen in one breath: an event, what our code did then, and the events marked as of the same turn. Nothing
 * settles within a group; everything does between two.
 */
export async function* turnsOf(
  lines: Iterable<RecordingLine> | AsyncIterable<RecordingLine>,
): AsyncGenerator<readonly ReplayLine[], void, undefined> {
  let turn: ReplayLine[] = []
  for await (const entry of numbered(lines)) {
    if (isEvent(entry) && entry.line.s !== 1) {
      yield turn
      turn = []
    }
    turn.push(entry)
  }
  yield turn
}

export interface Stage {
  readonly clock: ReplayClock
  readonly sockets: ReplaySockets
  readonly http: ReplayHttp
  readonly endsAt: number
  readonly onNote: (note: string) => void
}

/** Moves time to the group, then lets it happen. */
export async function playTurn(turn: readonly ReplayLine[], { clock, sockets, http, endsAt, onNote }: Stage): Promise<void> {
  await clock.settle()
  const first = turn.find(isEvent)
  // What comes later than the end is a stock of answers from another time, or goodbyes.
  const isTimed = first !== undefined && (first.kind === 'connection' ? sockets.concerns(first.line) : first.line.t <= endsAt)
  if (isTimed && first.kind === 'stall') await clock.stall(first.line.from, first.line.t)
  else if (isTimed) await clock.advanceTo(first.line.t)
  for (const entry of turn) {
    if (isTimed && isEvent(entry)) clock.moveTo(entry.line.t)
    if (entry.kind === 'connection') sockets.apply(entry.line)
    else if (entry.kind === 'answer') http.apply(entry.line)
    else if (entry.kind === 'note') onNote(entry.line.m)
  }
}

type News = Extract<ReplayLine, { readonly kind: 'connection' | 'answer' | 'stall' | 'note' }>

/** News from outside; everything else our own code did, and will do again by itself. */
function isEvent(entry: ReplayLine): entry is News {
  switch (entry.kind) {
    case 'connection':
      return entry.line.d !== 'dial' && entry.line.d !== 'out' && entry.line.d !== 'bye'
    case 'answer':
      return entry.line.aborted !== true
    case 'stall':
    case 'note':
      return true
    case 'header':
    case 'request':
      return false
  }
}
