import type { BaseLogger } from 'pino'
import { requireMethods } from '../errors/require.ts'
import { fenceLogger, LOG_LEVELS, type Logger, type LogLevel } from '../ports/logger.ts'
import { plainFields } from '../ports/plain-fields.ts'

/**
 * A logger that writes to a pino logger of yours, with its level, its redaction and its destination. Errors among the fields are written
 * with code, context, stack and causes; fields that cannot be read cost themselves only.
 *
 * @throws TapekeeperError `CONFIG_INVALID` when it lacks one of the methods debug, info, warn and error.
 * @example
 * ```ts
 * import { pino } from 'pino'
 * import { createOkxCollector } from 'tapekeeper'
 * import { fromPino } from 'tapekeeper/pino'
 * const logger = fromPino(pino({ level: 'debug' }).child({ module: 'market-data' }))
 * const collector = createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], logger })
 * ```
 */
export function fromPino(target: Pick<BaseLogger, LogLevel>): Logger {
  requireMethods(target, LOG_LEVELS, 'fromPino', 'logger')
  const writer =
    (level: LogLevel): Logger[LogLevel] =>
    (message, fields) => {
      if (fields === undefined) target[level](message)
      else target[level](plainFields(fields), message)
    }
  return fenceLogger({ debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') })
}
