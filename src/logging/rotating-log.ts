import { createStream, type RotatingFileStream } from 'rotating-file-stream'
import { systemClock } from '../ports/clock.ts'
import { printableJson } from '../ports/printable.ts'
import { removeOldFiles, rotatedName } from './rotated-files.ts'

export interface RotatingLogOptions {
  readonly directory: string
  /** The file's name without `.log`. */
  readonly stem: string
  readonly rotateEvery: string
  readonly maxFileSize: string
  /** Files kept, the one being written among them; undefined: all. */
  readonly maxFiles: number | undefined
  /** What went wrong with the file. The caller of `write` never hears of it. */
  readonly onError: (error: unknown) => void
}

/** Only the owner reads what a program logs. */
const OWNER_ONLY = 0o600
/** Lines that wait for the disk; more are dropped and counted. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** After a failure the file is left alone this long. */
const RETRY_MS = 30_000

/** One log file that is rotated by time and size. A disk that fails costs lines, which the file counts when it can be written again. */
export class RotatingLog {
  readonly #options: RotatingLogOptions
  #stream: RotatingFileStream | undefined
  /** By elapsed time. */
  #retryAt = 0
  #rotatedAt = -Infinity
  #lost = 0
  #isClosed = false
  #tidying: Promise<void> = Promise.resolve()

  constructor(options: RotatingLogOptions) {
    this.#options = options
    this.#stream = this.#open()
  }

  /** @param line JSON, and a line end. */
  write(line: string): void {
    if (this.#isClosed) return
    if (this.#stream === undefined && systemClock.elapsed() >= this.#retryAt) this.#stream = this.#open()
    const stream = this.#stream
    if (stream === undefined || stream.writableLength > MAX_WAITING_BYTES) {
      this.#lost++
      return
    }
    if (this.#lost > 0) {
      const lines = this.#lost
      this.#lost = 0
      this.#send(stream, `${JSON.stringify({ level: 'warn', msg: 'log lines were lost', lines })}\n`, lines)
    }
    this.#send(stream, printableJson(line), 1)
  }

  /** Resolves when everything is on the disk, or cannot get there. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    const stream = this.#stream
    this.#stream = undefined
    if (stream !== undefined) {
      await new Promise<void>((resolve) => {
        stream.once('close', resolve)
        stream.end()
      })
    }
    await this.#tidying
  }

  #send(stream: RotatingFileStream, text: string, lines: number): void {
    stream.write(text, (error) => {
      if (error) this.#lost += lines
    })
  }

  #open(): RotatingFileStream {
    const { directory, stem, rotateEvery, maxFileSize } = this.#options
    const current = `${stem}.log`
    const stream = createStream((time, index) => (isRotation(time) ? rotatedName(stem, this.#rotationTime(), index) : current), {
      path: directory,
      size: maxFileSize,
      interval: rotateEvery,
      // A file of an earlier run is rotated at the start when its period is over.
      intervalBoundary: true,
      initialRotation: true,
      intervalUTC: true,
      mode: OWNER_ONLY,
    })
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#stream = undefined
      this.#retryAt = systemClock.elapsed() + RETRY_MS
      this.#options.onError(error)
    })
    stream.on('open', () => this.#tidy())
    return stream
  }

  /**
   * Now, or after the rotation before where the clock was set back: files sort by age. The time that the library offers is the start of
   * the period: not unique, since old files are removed.
   */
  #rotationTime(): Date {
    this.#rotatedAt = Math.max(systemClock.now(), this.#rotatedAt + 1)
    return new Date(this.#rotatedAt)
  }

  #tidy(): void {
    const { directory, stem, maxFiles, onError } = this.#options
    if (maxFiles === undefined) return
    this.#tidying = this.#tidying.then(() => removeOldFiles(directory, stem, maxFiles - 1)).catch(onError)
  }
}

/** The library asks for the name of the file being written by `null`, whatever its types say. */
const isRotation = (time: number | Date | null): boolean => time !== null
