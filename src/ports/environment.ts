import { z } from 'zod'
import { addProblems, didYouMean, nearestTo, parseConfig } from '../errors/config-problems.ts'
import type { LogLevel } from './log-level.ts'

/** What the environment asks for. An option that is given wins over it. */
export interface Environment {
  /** `LOG_LEVEL`; undefined when it is not set. */
  readonly logLevel: LogLevel | undefined
  /** `LOG_CLEANUP`: old log files are removed. Default true. */
  readonly logCleanup: boolean
  /** `LOG_MAX_FILES`: files kept of each log. Default 30. */
  readonly logMaxFiles: number
  /** `DEFAULT_HEALTH_CHECK_INTERVAL`, given in seconds. Default 30,000 ms. */
  readonly healthCheckIntervalMs: number
  /** `MAX_SILENCE_DURATION`, given in seconds. Default 300,000 ms. */
  readonly maxSilenceDurationMs: number
  /** `MAX_RECONNECT_ATTEMPTS`. Default 5. */
  readonly maxReconnectAttempts: number
  /** `RECONNECT_DELAY`, given in seconds. Default 5,000 ms. */
  readonly reconnectDelayMs: number
}

type Variables = Readonly<Record<string, string | undefined>>

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 86_400

type Meanings<T> = ReadonlyArray<readonly [word: string, meaning: T]>

const LEVELS: Meanings<LogLevel> = [
  ['DEBUG', 'debug'],
  ['INFO', 'info'],
  ['WARN', 'warn'],
  ['WARNING', 'warn'],
  ['ERROR', 'error'],
]
const SWITCH: Meanings<boolean> = [
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
  ['yes', true],
  ['no', false],
]

const variables = z.object({
  LOG_LEVEL: words('LOG_LEVEL', LEVELS, undefined),
  LOG_CLEANUP: words('LOG_CLEANUP', SWITCH, true),
  LOG_MAX_FILES: count('LOG_MAX_FILES', 1, 30),
  // An hour is far above what anybody means; milliseconds by mistake are above it.
  DEFAULT_HEALTH_CHECK_INTERVAL: seconds('DEFAULT_HEALTH_CHECK_INTERVAL', { least: 0.1, most: HOUR_SECONDS, unset: 30 }),
  MAX_SILENCE_DURATION: seconds('MAX_SILENCE_DURATION', { least: 0.1, most: DAY_SECONDS, unset: 300 }),
  MAX_RECONNECT_ATTEMPTS: count('MAX_RECONNECT_ATTEMPTS', 0, 5),
  RECONNECT_DELAY: seconds('RECONNECT_DELAY', { least: 0, most: HOUR_SECONDS, unset: 5 }),
})

/**
 * Reads the variables of `Environment`; one that is empty counts as not set, others are not looked at.
 *
 * @throws TapekeeperError `CONFIG_INVALID` naming every variable that is wrong, its value and what is allowed.
 * @example
 * ```ts
 * import { parseEnvironment } from 'tapekeeper'
 * const { healthCheckIntervalMs } = parseEnvironment({ DEFAULT_HEALTH_CHECK_INTERVAL: '15' }) // 15000
 * ```
 */
export function parseEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const values = parseConfig(variables, env, 'environment')
  return {
    logLevel: values.LOG_LEVEL,
    logCleanup: values.LOG_CLEANUP,
    logMaxFiles: values.LOG_MAX_FILES,
    healthCheckIntervalMs: values.DEFAULT_HEALTH_CHECK_INTERVAL,
    maxSilenceDurationMs: values.MAX_SILENCE_DURATION,
    maxReconnectAttempts: values.MAX_RECONNECT_ATTEMPTS,
    reconnectDelayMs: values.RECONNECT_DELAY,
  }
}

/**
 * The environment of this process, as it is now. Each field is read, and throws `CONFIG_INVALID`, on its own: a `LOG_LEVEL` that another
 * library understands must not stop a program that brings its own logger.
 */
export function environment(): Environment {
  return processEnvironment
}

const processEnvironment: Environment = {
  get logLevel() {
    return valueOf('LOG_LEVEL')
  },
  get logCleanup() {
    return valueOf('LOG_CLEANUP')
  },
  get logMaxFiles() {
    return valueOf('LOG_MAX_FILES')
  },
  get healthCheckIntervalMs() {
    return valueOf('DEFAULT_HEALTH_CHECK_INTERVAL')
  },
  get maxSilenceDurationMs() {
    return valueOf('MAX_SILENCE_DURATION')
  },
  get maxReconnectAttempts() {
    return valueOf('MAX_RECONNECT_ATTEMPTS')
  },
  get reconnectDelayMs() {
    return valueOf('RECONNECT_DELAY')
  },
}

type Name = keyof typeof variables.shape

function valueOf<N extends Name>(name: N): z.output<typeof variables>[N] {
  const schema: z.ZodType<z.output<typeof variables>[N]> = variables.shape[name] as never
  return parseConfig(schema, processVariable(name), 'environment')
}

/** Undefined in a browser, and where a runtime does not let us look. */
function processVariable(name: Name): string | undefined {
  try {
    return (globalThis as { process?: { env?: Variables } }).process?.env?.[name]
  } catch {
    return undefined
  }
}

function words<T, U>(name: string, meanings: Meanings<T>, unset: U): Variable<T | U> {
  const allowed = meanings.map(([word]) => word)
  return variable<T | U>(name, unset, (text) => {
    const found = meanings.find(([word]) => word.toLowerCase() === text.toLowerCase())
    if (found !== undefined) return { value: found[1] }
    const nearest = nearestTo(text, allowed)
    return { wrong: `${didYouMean(nearest)} (allowed values: ${allowed.join(', ')})`, allowed, nearest }
  })
}

function count(name: string, least: number, unset: number): Variable<number> {
  return variable<number>(name, unset, (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    return Number.isSafeInteger(value) && value >= least ? { value } : { wrong: `, must be a whole number from ${least} up` }
  })
}

/** A time in seconds, read as milliseconds. */
function seconds(name: string, { least, most, unset }: Readonly<Record<'least' | 'most' | 'unset', number>>): Variable<number> {
  return variable<number>(name, unset * 1_000, (text) => {
    const value = /^(?:\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN
    if (value >= least && value <= most) return { value: Math.round(value * 1_000) }
    return { wrong: `, must be a number from ${least} to ${most}: its unit is seconds` }
  })
}

type Variable<T> = z.ZodType<T, string | undefined>
type Reading<T> =
  { readonly value: T } | { readonly wrong: string; readonly allowed?: readonly string[]; readonly nearest?: string | undefined }

const LONGEST_SHOWN = 80

function variable<T>(name: string, unset: T, read: (text: string) => Reading<T>): Variable<T> {
  return z
    .string()
    .optional()
    .transform((raw, context) => {
      const text = raw?.trim() ?? ''
      if (text === '') return unset
      const reading = read(text)
      if ('value' in reading) return reading.value
      const { wrong, allowed, nearest } = reading
      return addProblems(context, [
        { path: name, message: `${name} is ${JSON.stringify(text.slice(0, LONGEST_SHOWN))}${wrong}`, allowed, nearest },
      ])
    })
}
