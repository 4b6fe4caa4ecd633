import { environment } from './environment.ts'
import { LOG_LEVELS, type LogLevel } from './log-level.ts'

export { LOG_LEVELS, type LogLevel }

/** Where the library writes. Fields are plain data and never hold a key, a secret or a signature. */
export type Logger = {
  readonly [L in LogLevel]: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

/**
 * Writes to the console from `level` upwards. Default: the environment's `LOG_LEVEL`, else `warn`.
 *
 * @throws TapekeeperError `CONFIG_INVALID` when no level is given and `LOG_LEVEL` is none.
 */
export function consoleLogger(level: LogLevel = environment().logLevel ?? 'warn'): Logger {
  const from = LOG_LEVELS.indexOf(level)
  const writer = (name: LogLevel): Logger[LogLevel] => {
    if (LOG_LEVELS.indexOf(name) < from) return () => undefined
    return (message, fields) => {
      if (fields === undefined) console[name](`[tapekeeper] ${message}`)
      else console[name](`[tapekeeper] ${message}`, fields)
    }
  }
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
}

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
