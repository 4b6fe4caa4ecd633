import { refuse, requireFunction, requireObject } from '../errors/require.ts'
import { TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ports } from '../ports/ports.ts'
import { chanceFrom } from './chance.ts'
import type { RecordingHeader, RecordingLine } from './lines.ts'
import { readRecording } from './read-recording.ts'
import { paceOf, ReplayClock } from './replay-clock.ts'
import { ReplayHttp } from './replay-http.ts'
import { playTurn, turnsOf } from './playback.ts'
import { redactUrl, type Redact } from './redact.ts'
import { indexRecording } from './replay-index.ts'
import { ReplaySockets } from './replay-sockets.ts'

/** A file's name, or lines: of a recording, of several that were merged by time, or made by hand. */
export type ReplaySource = string | URL | Iterable<RecordingLine> | AsyncIterable<RecordingLine>

export interface ReplayOptions {
  /** Times real speed, or `max`: as fast as the machine can. Default `max`. */
  readonly speed?: number | 'max'
  /**
   * Called at the time of each `recorder.note`: the place to do what the recorded program did then (start another collector, stop).
   * `run` waits for what it returns.
   */
  readonly onNote?: (note: string) => unknown
  /** The recorder's `redact`, if it had one that changes URLs: without it their requests would not be recognised. */
  readonly redact?: Redact
}

export interface Replay {
  /** For a collector's `ports`. */
  readonly ports: Ports
  /** Virtual time. Stands still until `run`. */
  readonly clock: Clock
  readonly header: RecordingHeader | undefined
  /** Times of the first and the last line, epoch milliseconds. */
  readonly startsAt: number
  readonly endsAt: number
  /**
   * Plays the recording to its end. Then requests without an answer fail, connections that nobody closed stay open and silent, and
   * time goes on as real time does, so that whatever is stopped can stop.
   */
  run(): Promise<void>
}

/** Chance where the recording has none to repeat: every jitter is the middle of its range. */
const UNSEEDED = 0.5

/**
 * A recorded session as a world for collectors: the same sockets, answers and times, in virtual time.
 * Start them without waiting, then run: nothing can be confirmed while time stands still.
 *
 * @throws TapekeeperError `CONFIG_INVALID`: the file cannot be read, or a speed is not a positive number.
 *
 * @example
 * ```ts
 * import { createOkxCollector } from 'tapekeeper'
 * import { createReplay } from 'tapekeeper/node'
 * const replay = await createReplay('btc.ndjson.gz')
 * const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], ports: replay.ports })
 * collector.addDataCallback('trade', (point) => console.log(point.receivedAt, point.data.price))
 * void collector.start()
 * await replay.run()
 * await collector.stop()
 * ```
 */
export async function createReplay(source: ReplaySource, options: ReplayOptions = {}): Promise<Replay> {
  requireObject(options, 'createReplay', 'options')
  const { speed = 'max', onNote = () => undefined, redact = (text: string) => text } = options
  requireFunction(onNote, 'createReplay', 'option onNote')
  requireFunction(redact, 'createReplay', 'option redact')
  if (speed !== 'max' && !(typeof speed === 'number' && speed > 0 && speed < Infinity)) {
    throw new TapekeeperError('CONFIG_INVALID', `speed must be a positive number or "max", not ${String(speed)}`, { speed })
  }
  const lines = await repeatable(source)
  const index = await indexRecording(lines())
  const { header, startsAt, endsAt } = index
  const clock = new ReplayClock(startsAt, paceOf(speed, startsAt))
  const censor: Redact = (url) => redactUrl(redact(url))
  const sockets = new ReplaySockets(index, clock, censor)
  const http = new ReplayHttp(index, censor)
  const random = header?.seed === undefined ? () => UNSEEDED : chanceFrom(header.seed)

  const acts: Promise<unknown>[] = []
  const act = (note: string): void => {
    const done = Promise.resolve(onNote(note))
    // Its failure is `run`'s, when it gets there.
    done.catch(() => undefined)
    acts.push(done)
  }
  const play = async (): Promise<void> => {
    try {
      for await (const turn of turnsOf(lines())) await playTurn(turn, { clock, sockets, http, endsAt, onNote: act })
      await clock.settle()
      await clock.advanceUntil(endsAt)
    } finally {
      sockets.end()
      http.end()
      await clock.settle()
      clock.goOn()
    }
    await Promise.all(acts)
  }
  let playing: Promise<void> | undefined
  return {
    ports: { clock, random, socket: sockets.port, http: http.port },
    clock,
    header,
    startsAt,
    endsAt,
    run: () => (playing ??= play()),
  }
}

const isIterable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)

/** Lines that can be read twice: once to learn what there is, once to play it. */
async function repeatable(source: ReplaySource): Promise<() => Iterable<RecordingLine> | AsyncIterable<RecordingLine>> {
  if (typeof source === 'string' || source instanceof URL) return () => readRecording(source)
  if (!isIterable(source)) refuse('createReplay', 'the source must be the name of a file, a URL, or lines of a recording')
  if (Array.isArray(source)) return () => source as readonly RecordingLine[]
  const lines: RecordingLine[] = []
  for await (const line of source) lines.push(line)
  return () => lines
}
