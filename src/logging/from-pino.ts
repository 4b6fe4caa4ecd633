import type { BaseLogger } from 'pino'
import type { Logger, LogLevel } from '../ports/logger.ts'
import { describeError } from './describe-error.ts'

/**
 * A logger that writes to a pino logger of yours, with its level, its redaction and its destination. Errors among the fields are written
 * with code, context, stack and causes.
 *
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
  const writer =
    (level: LogLevel): Logger[LogLevel] =>
    (message, fields) => {
      if (fields === undefined) target[level](message)
      else target[level](writable(fields), message)
    }
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
}

function writable(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(fields)
  if (!entries.some(([, value]) => value instanceof Error)) return fields
  return Object.fromEntries(entries.map(([key, value]) => [key, value instanceof Error ? describeError(value) : value]))
}
