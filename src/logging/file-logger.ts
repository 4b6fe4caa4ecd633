import { resolve } from 'node:path'
import { multistream, pino, stdTimeFunctions, type Logger as Pino } from 'pino'
import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import type { Logger } from '../ports/logger.ts'
import { printable } from '../ports/printable.ts'
import { parseFileLoggerOptions, type FileLoggerOptions } from './file-logger-options.ts'
import { fromPino } from './from-pino.ts'
import { REDACT_PATHS } from './redact-paths.ts'
import { RotatingLog } from './rotating-log.ts'

/** A logger whose lines are in files. */
export interface FileLogger extends Logger {
  /** The pino logger behind it: for children, and for lines of your own in the same files. */
  readonly pino: Pino
  /** Resolves when every line is on the disk; later ones are dropped. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Each file holds its level and what is more important. */
const FILES = ['debug', 'info', 'error'] as const

/** Two writers of one file would rotate it under each other's feet. */
const inUse = new Set<string>()

/**
 * Writes JSON lines to `collector_debug.log`, `collector_info.log` and `collector_error.log` in `./logs`, each with its level and up, and
 * rotates them. A disk that is full or must not be written to is said once, to the console, and stops nothing. One per process and name:
 * give it to all your collectors.
 *
 * @throws TapekeeperError `CONFIG_INVALID` when an option, or the variable in its place, is wrong, or the files are being written already.
 * @example
 * ```ts
 * import { createOkxCollector } from 'tapekeeper'
 * import { createFileLogger } from 'tapekeeper/pino'
 * await using logger = createFileLogger({ level: 'debug', maxFiles: 7 })
 * await using collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], logger })
 * await collector.start()
 * ```
 */
export function createFileLogger(options: FileLoggerOptions = {}): FileLogger {
  const { directory, level, maxFiles, cleanup, rotateEvery, maxFileSize, name } = parseFileLoggerOptions(options)
  const path = resolve(directory)
  const key = resolve(path, name)
  if (inUse.has(key)) {
    throw new TapekeeperError(
      'CONFIG_INVALID',
      `file logger: ${key}_*.log are being written already: share that logger, or give another name`,
    )
  }
  inUse.add(key)
  const onError = reportOnce(path)
  const logs = FILES.map((least) => {
    const settings = { directory: path, stem: `${name}_${least}`, rotateEvery, maxFileSize, onError }
    return { level: least, stream: new RotatingLog({ ...settings, maxFiles: cleanup ? maxFiles : undefined }) }
  })
  const target = pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...REDACT_PATHS], censor: '[redacted]' },
    },
    multistream(logs),
  )
  let closing: Promise<void> | undefined
  const close = (): Promise<void> =>
    (closing ??= Promise.all(logs.map(({ stream }) => stream.close())).then(() => void inUse.delete(key)))
  return { ...fromPino(target), pino: target, close, [Symbol.asyncDispose]: close }
}

/** What went wrong first is enough: three files on a full disk would fill the console. */
function reportOnce(path: string): (error: unknown) => void {
  let isReported = false
  return (error) => {
    if (isReported) return
    isReported = true
    console.error(`[tapekeeper] log files in ${path} cannot be written (said once): ${printable(messageOf(error))}`)
  }
}
