import { z } from 'zod'
import { parseConfig } from '../errors/config-problems.ts'
import { completePorts, isAllPorts, type Ports } from '../ports/ports.ts'
import { chanceFrom } from './chance.ts'
import { EventClock } from './event-clock.ts'
import { recordHttp } from './record-http.ts'
import { recordSockets } from './record-sockets.ts'
import { Log } from './recording-log.ts'
import { RecordingWriter } from './recording-writer.ts'
import type { Redact } from './redact.ts'

const MAX_BUFFERED_BYTES = 64 * 1024 * 1024

const functionOf = <T>() => z.custom<T>((value) => typeof value === 'function', 'must be a function')

const recorderOptions = z.strictObject({
  /** The file to make. One that exists is left alone: that is an error. */
  file: z.string().min(1),
  /** Compress. Default: when the file's name ends with `.gz`. */
  gzip: z.boolean().optional(),
  /** Of which exchange this is, for the header. */
  exchange: z.string().optional(),
  /** Where this comes from, for the header. Default `tapekeeper`. */
  source: z.string().default('tapekeeper'),
  /** The doors to record. Default: the real ones. */
  ports: z
    .custom<Ports>(
      isAllPorts,
      'must be an object of ports: a clock with now, after and, better, elapsed; functions as random, socket, http',
    )
    .optional()
    .transform((given) => completePorts(given)),
  /**
   * Takes more secrets out of frames, URLs and bodies before they are written, besides those that are always taken out. It must keep
   * JSON readable, or the replay sees broken frames.
   */
  redact: functionOf<Redact>().optional(),
  /** While more than this waits for the disk, lines are dropped and counted. Bytes. Default 64 MiB. */
  maxBufferedBytes: z.number().nonnegative().default(MAX_BUFFERED_BYTES),
  /** What went wrong with the file. The data path never hears of it. Default: nothing; `errors` counts. */
  onError: functionOf<(error: Error) => void>().optional(),
})

export type RecorderOptions = z.input<typeof recorderOptions>

export interface Recorder {
  /** For a collector's `ports`. They go on working when the recorder is closed or its disk is full. */
  readonly ports: Ports
  /** Frames seen, both ways. */
  readonly frames: number
  /** Lines handed to the file. */
  readonly lines: number
  /** Bytes handed to the file, before compression. */
  readonly bytes: number
  /** Failures of the file, and lines that could not be made. */
  readonly errors: number
  /** Lines that are missing because the disk could not keep up, or failed. */
  readonly dropped: number
  /** How often the disk was slower than the data. */
  readonly backPressure: number
  /**
   * Writes down what the program is about to do, for `onNote` of a replay. What is done as soon as it resolves belongs to the note:
   * `await recorder.note('stop'); await collector.stop()`.
   */
  note(text: string): Promise<void>
  /** Resolves when everything is on its way to the disk. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Records everything a collector hears and says: hand it `recorder.ports`.
 *
 * @throws TapekeeperError `CONFIG_INVALID` for wrong options, and when the file exists already or cannot be made.
 *
 * @example
 * ```ts
 * import { createOkxCollector } from 'tapekeeper'
 * import { createRecorder } from 'tapekeeper/node'
 * await using recorder = createRecorder({ file: 'btc.ndjson.gz', exchange: 'okx' })
 * await using collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], ports: recorder.ports })
 * await collector.start()
 * ```
 */
export function createRecorder(options: RecorderOptions): Recorder {
  const checked = parseConfig(recorderOptions, options, 'recorder options')
  const { file, gzip = file.endsWith('.gz'), exchange, source, ports: base } = checked
  const { redact, maxBufferedBytes, onError = () => undefined } = checked
  const seed = Math.floor(base.random() * 2 ** 32)
  const writer = new RecordingWriter(
    { file, gzip, maxBufferedBytes, onError },
    { format: 'tapekeeper-recording', version: 1, ...(exchange === undefined ? {} : { exchange }), source, seed },
  )
  const log = new Log(writer, redact)
  const clock = new EventClock(base.clock, (from, t) => log.write(() => ({ t, d: 'stall', m: '', from })))
  const close = (): Promise<void> => writer.close({ t: clock.now(), d: 'end', m: '' })
  return {
    ports: {
      ...base,
      clock,
      random: chanceFrom(seed),
      socket: recordSockets(base.socket, clock, log),
      http: recordHttp(base.http, clock, log),
    },
    get frames() {
      return log.frames
    },
    get lines() {
      return writer.lines
    },
    get bytes() {
      return writer.bytes
    },
    get errors() {
      return writer.errors
    },
    get dropped() {
      return writer.dropped
    },
    get backPressure() {
      return writer.backPressure
    },
    note: (m) =>
      new Promise((resolve) => {
        clock.dispatchSoon((t) => {
          log.write(({ words }) => ({ t, d: 'note', m: words(m) }))
          resolve()
        })
      }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
