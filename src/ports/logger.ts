import { messageOf, TapekeeperError } from '../errors/tapekeeper-error.ts'
import { environment } from './environment.ts'
import { LOG_LEVELS, type LogLevel } from './log-level.ts'
import { plainFields, type Rendering } from './plain-fields.ts'
import { printable } from './printable.ts'

export { LOG_LEVELS, type LogLevel }

/** Where the library writes. Fields are plain data and never hold a key, a secret or a signature. */
export type Logger = {
  readonly [L in LogLevel]: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

/**
 * Writes to the console from `level` upwards, one line for each message. Default: the environment's `LOG_LEVEL`, else `warn`. Messages and fields
 * may quote others: what a terminal would obey in place of showing it (control characters, line ends, marks of direction) is written as
 * `\n` or `\u001b`. Fields that cannot be read cost themselves only. Never throws once it is made.
 *
 * @throws TapekeeperError `CONFIG_INVALID` for a level that is none, given or in `LOG_LEVEL`.
 */
export function consoleLogger(level: LogLevel = environment().logLevel ?? 'warn'): Logger {
  const from = LOG_LEVELS.indexOf(level)
  if (from < 0) throw unknownLevel(level)
  const writer = (name: LogLevel): Logger[LogLevel] => {
    if (LOG_LEVELS.indexOf(name) < from) return () => undefined
    return (message, fields) => {
      const text = `[tapekeeper] ${printable(textOf(message))}`
      if (fields === undefined) console[name](text)
      // Before fields a `%` would be a placeholder for one of them.
      else console[name](text.replaceAll('%', '%%'), plainFields(fields, PRINTED))
    }
  }
  return fenceLogger({ debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') })
}

function unknownLevel(level: unknown): TapekeeperError {
  const allowed = `allowed values: ${LOG_LEVELS.join(', ')}`
  return new TapekeeperError('CONFIG_INVALID', `consoleLogger: the level is ${printable(messageOf(level))} (${allowed})`)
}

/** The frames of a stack, one by one: its first lines are the message again. */
const PRINTED: Rendering = {
  text: printable,
  stack: (stack) => stack.split(/\n(?= +at )/).map((line) => printable(line.trim())),
}

const textOf = (message: unknown): string => (typeof message === 'string' ? message : messageOf(message))

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** A logger that cannot hurt: what the host's logger throws is swallowed, there being nowhere left to report it. */
export function fenceLogger(logger: Logger): Logger {
  const fence =
    (level: LogLevel): Logger[LogLevel] =>
    (message, fields) => {
      try {
        logger[level](message, fields)
      } catch {
        // A broken logger must not cost data.
      }
    }
  return { debug: fence('debug'), info: fence('info'), warn: fence('warn'), error: fence('error') }
}
