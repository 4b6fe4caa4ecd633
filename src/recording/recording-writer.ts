import { createWriteStream, openSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { RecordingHeader, RecordingLine, TimedLine } from './lines.ts'

export interface WriterOptions {
  readonly file: string
  readonly gzip: boolean
  readonly maxBufferedBytes: number
  readonly onError: (error: Error) => void
}

/** What is written together. A crash of the process costs what had not been written yet. */
const FLUSH_MS = 250
const FLUSH_LENGTH = 64 * 1024

/** Appends lines to a file in the background. A full or broken disk costs lines, which are counted, and nothing else. */
export class RecordingWriter {
  lines = 0
  /** Written lines, before compression. */
  bytes = 0
  dropped = 0
  backPressure = 0
  errors = 0

  readonly #options: WriterOptions
  readonly #out: Writable
  readonly #gzip: Writable | undefined
  readonly #ended: Promise<void>
  #pending = ''
  /** Dropped lines that the file has not been told about. */
  #untold = 0
  #flushTimer: ReturnType<typeof setTimeout> | undefined
  #state: 'open' | 'failed' | 'closed' = 'open'
  #closing: Promise<void> | undefined

  /** @throws TapekeeperError `CONFIG_INVALID` when the file exists already, or cannot be made. */
  constructor(options: WriterOptions, header: RecordingHeader, open: (file: string) => Writable = openNew) {
    this.#options = options
    this.#out = open(options.file)
    if (options.gzip) {
      // Flushed with every write: whatever has reached the file can be unpacked, however the process ends.
      this.#gzip = createGzip({ flush: constants.Z_SYNC_FLUSH })
      this.#gzip.on('error', (error) => this.#fail(error))
      this.#gzip.pipe(this.#out)
    }
    this.#ended = new Promise((resolve) => this.#out.once('close', resolve))
    this.#out.on('error', (error) => this.#fail(error))
    this.#append(header)
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  write(line: TimedLine): void {
    if (this.#state === 'closed') return
    if (this.#state === 'failed' || this.#buffered > this.#options.maxBufferedBytes) {
      this.dropped++
      this.#untold++
      return
    }
    if (this.#untold > 0) {
      this.#append({ t: line.t, d: 'lost', m: '', lines: this.#untold })
      this.#untold = 0
    }
    this.#append(line)
  }

  /** A line that could not be made. */
  failed(error: Error): void {
    this.errors++
    try {
      this.#options.onError(error)
    } catch {
      // A broken error handler must not cost data, and there is nowhere left to report it.
    }
  }

  /** Resolves when everything is written, or cannot be. */
  close(lastLine: TimedLine): Promise<void> {
    this.#closing ??= this.#close(lastLine)
    return this.#closing
  }

  async #close(lastLine: TimedLine): Promise<void> {
    this.write(lastLine)
    this.#flush()
    const usable = this.#state === 'open'
    this.#state = 'closed'
    if (usable) this.#sink.end()
    await this.#ended
  }

  get #sink(): Writable {
    return this.#gzip ?? this.#out
  }

  get #buffered(): number {
    return this.#pending.length + this.#out.writableLength + (this.#gzip?.writableLength ?? 0)
  }

  #append(line: RecordingLine): void {
    this.lines++
    this.#pending += `${JSON.stringify(line)}\n`
    if (this.#pending.length >= FLUSH_LENGTH) {
      this.#flush()
      return
    }
    // The system's timer and not the port's: writing is no part of what is recorded, and must not keep the process alive.
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  #flush(): void {
    clearTimeout(this.#flushTimer)
    this.#flushTimer = undefined
    if (this.#pending === '' || this.#state !== 'open') return
    const chunk = Buffer.from(this.#pending)
    this.#pending = ''
    this.bytes += chunk.length
    if (!this.#sink.write(chunk)) this.backPressure++
  }

  #fail(error: Error): void {
    if (this.#state === 'open') this.#state = 'failed'
    clearTimeout(this.#flushTimer)
    this.#pending = ''
    this.#gzip?.destroy()
    this.#out.destroy()
    this.failed(error)
  }
}

/** Never over an earlier recording, and for the owner's eyes only. */
function openNew(file: string): Writable {
  try {
    return createWriteStream('', { fd: openSync(file, 'wx', 0o600) })
  } catch (cause) {
    throw new TapekeeperError('CONFIG_INVALID', `the recording cannot be made: ${messageOf(cause)}`, { file }, { cause })
  }
}
