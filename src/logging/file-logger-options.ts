import { z } from 'zod'
import { parseConfig, withDefault } from '../errors/config-problems.ts'
import { environment } from '../ports/environment.ts'
import { LOG_LEVELS } from '../ports/logger.ts'

/** Units of `rotateEvery` that must divide the next greater one. */
const PER_GREATER: Readonly<Record<string, number>> = { h: 24, m: 60, s: 60 }

function isPeriod(text: string): boolean {
  const [, digits, unit = ''] = /^([1-9]\d*)([Mdhms])$/.exec(text) ?? []
  const greater = PER_GREATER[unit]
  return digits !== undefined && (greater === undefined || greater % Number(digits) === 0)
}

const fileLoggerOptions = z.strictObject({
  /** Where the files are; made when it is missing. */
  directory: z.string().min(1).default('./logs'),
  /** The least important level that is written at all. Default: `LOG_LEVEL`, else `info`. */
  level: withDefault(z.enum(LOG_LEVELS), () => environment().logLevel ?? 'info'),
  /** Files kept of each log, the one being written among them. Default: `LOG_MAX_FILES`, else 30. */
  maxFiles: withDefault(z.number().int().positive(), () => environment().logMaxFiles),
  /** Remove older files than those. Default: `LOG_CLEANUP`, else true. */
  cleanup: withDefault(z.boolean(), () => environment().logCleanup),
  /** A file is rotated when this period of UTC is over: `1d`, `12h`, `30m`, `1M` (a month). */
  rotateEvery: z.string().refine(isPeriod, 'must be a period like 1d, 12h, 30m or 1M (a month)').default('1d'),
  /** A file is rotated when it is this large: `10M`, `500K`, `1G`. */
  maxFileSize: z
    .string()
    .regex(/^[1-9]\d*[BKMG]$/, 'must be a size like 10M, 500K or 1G')
    .default('10M'),
  /** What the files' names begin with, and `name` in each line. */
  name: z
    .string()
    .regex(/^\w[\w.-]*$/, 'must be a plain file name')
    .default('collector'),
})

export type FileLoggerOptions = z.input<typeof fileLoggerOptions>

/** @throws TapekeeperError `CONFIG_INVALID`. */
export function parseFileLoggerOptions(options: FileLoggerOptions): z.output<typeof fileLoggerOptions> {
  return parseConfig(fileLoggerOptions, options, 'file logger')
}
