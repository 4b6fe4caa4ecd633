import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createOkxCollector, consoleLogger, ExchangeFactory, silentLogger, TapekeeperError, type ConfigProblem } from 'tapekeeper'
import { environment, parseEnvironment, type Environment } from '../../src/ports/environment.ts'
import { parseBaseOptions } from '../../src/core/collector/base-options.ts'
import fc from '../support/fast-check.ts'

const NAMES = [
  ...['LOG_LEVEL', 'LOG_CLEANUP', 'LOG_MAX_FILES', 'DEFAULT_HEALTH_CHECK_INTERVAL', 'MAX_SILENCE_DURATION'],
  ...['MAX_RECONNECT_ATTEMPTS', 'RECONNECT_DELAY'],
]
const DEFAULTS: Environment = {
  logLevel: undefined,
  logCleanup: true,
  logMaxFiles: 30,
  healthCheckIntervalMs: 30_000,
  maxSilenceDurationMs: 300_000,
  maxReconnectAttempts: 5,
  reconnectDelayMs: 5_000,
}

beforeEach(() => {
  for (const name of NAMES) vi.stubEnv(name, undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

function thrownBy(run: () => unknown): TapekeeperError {
  try {
    run()
  } catch (error) {
    if (TapekeeperError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
const problemsOf = (error: TapekeeperError) => error.context['problems'] as ConfigProblem[]

describe('parseEnvironment', () => {
  test('nothing set, nothing asked for', () => {
    expect(parseEnvironment({})).toEqual(DEFAULTS)
    expect(parseEnvironment({ LOG_LEVEL: '', RECONNECT_DELAY: ' ', MAX_SILENCE_DURATION: undefined, HOME: '/' })).toEqual(
      DEFAULTS,
    )
  })

  test('the example of the original system says what the defaults are', () => {
    const env = {
      LOG_LEVEL: 'INFO',
      LOG_CLEANUP: 'true',
      LOG_MAX_FILES: '30',
      DEFAULT_HEALTH_CHECK_INTERVAL: '30',
      MAX_SILENCE_DURATION: '300',
      MAX_RECONNECT_ATTEMPTS: '5',
      RECONNECT_DELAY: '5',
    }
    expect(parseEnvironment(env)).toEqual({ ...DEFAULTS, logLevel: 'info' })
  })

  test.each<[string, string, Partial<Environment>]>([
    ['LOG_LEVEL', 'DEBUG', { logLevel: 'debug' }],
    ['LOG_LEVEL', 'warn', { logLevel: 'warn' }],
    ['LOG_LEVEL', ' Warning ', { logLevel: 'warn' }],
    ['LOG_LEVEL', 'eRRoR', { logLevel: 'error' }],
    ['LOG_CLEANUP', 'False', { logCleanup: false }],
    ['LOG_CLEANUP', '0', { logCleanup: false }],
    ['LOG_CLEANUP', 'NO', { logCleanup: false }],
    ['LOG_CLEANUP', 'yes', { logCleanup: true }],
    ['LOG_CLEANUP', '1', { logCleanup: true }],
    ['LOG_MAX_FILES', '1', { logMaxFiles: 1 }],
    ['DEFAULT_HEALTH_CHECK_INTERVAL', '0.1', { healthCheckIntervalMs: 100 }],
    ['DEFAULT_HEALTH_CHECK_INTERVAL', '15.0', { healthCheckIntervalMs: 15_000 }],
    ['DEFAULT_HEALTH_CHECK_INTERVAL', '3600', { healthCheckIntervalMs: 3_600_000 }],
    ['MAX_SILENCE_DURATION', '86400', { maxSilenceDurationMs: 86_400_000 }],
    ['MAX_SILENCE_DURATION', '.29', { maxSilenceDurationMs: 290 }],
    ['MAX_RECONNECT_ATTEMPTS', '0', { maxReconnectAttempts: 0 }],
    ['RECONNECT_DELAY', '0', { reconnectDelayMs: 0 }],
    ['RECONNECT_DELAY', '2.5', { reconnectDelayMs: 2_500 }],
  ])('%s=%s', (name, text, expected) => {
    expect(parseEnvironment({ [name]: text })).toEqual({ ...DEFAULTS, ...expected })
  })

  const levels = ['DEBUG', 'INFO', 'WARN', 'WARNING', 'ERROR']
  test.each<[string, string, string, Partial<ConfigProblem>?]>([
    [
      'LOG_LEVEL',
      'DEBGU',
      'LOG_LEVEL is "DEBGU", did you mean "DEBUG"? (allowed values: DEBUG, INFO, WARN, WARNING, ERROR)',
      { nearest: 'DEBUG', allowed: levels },
    ],
    ['LOG_LEVEL', 'verbose', 'LOG_LEVEL is "verbose" (allowed values: DEBUG, INFO, WARN, WARNING, ERROR)', { allowed: levels }],
    ['LOG_LEVEL', '10', 'LOG_LEVEL is "10" (allowed values: DEBUG, INFO, WARN, WARNING, ERROR)'],
    [
      'LOG_CLEANUP',
      'tru',
      'LOG_CLEANUP is "tru", did you mean "true"? (allowed values: true, false, 1, 0, yes, no)',
      { nearest: 'true' },
    ],
    ['LOG_MAX_FILES', '0', 'LOG_MAX_FILES is "0", must be a whole number from 1 up'],
    ['LOG_MAX_FILES', '2.5', 'LOG_MAX_FILES is "2.5", must be a whole number from 1 up'],
    ['MAX_RECONNECT_ATTEMPTS', '-1', 'MAX_RECONNECT_ATTEMPTS is "-1", must be a whole number from 0 up'],
    [
      'MAX_RECONNECT_ATTEMPTS',
      '9007199254740993',
      'MAX_RECONNECT_ATTEMPTS is "9007199254740993", must be a whole number from 0 up',
    ],
    // Milliseconds by mistake.
    [
      'DEFAULT_HEALTH_CHECK_INTERVAL',
      '30000',
      'DEFAULT_HEALTH_CHECK_INTERVAL is "30000", must be a number from 0.1 to 3600: its unit is seconds',
    ],
    [
      'MAX_SILENCE_DURATION',
      '300000',
      'MAX_SILENCE_DURATION is "300000", must be a number from 0.1 to 86400: its unit is seconds',
    ],
    ['RECONNECT_DELAY', '5000', 'RECONNECT_DELAY is "5000", must be a number from 0 to 3600: its unit is seconds'],
    ['RECONNECT_DELAY', '5s', 'RECONNECT_DELAY is "5s", must be a number from 0 to 3600: its unit is seconds'],
    ['RECONNECT_DELAY', 'Infinity', 'RECONNECT_DELAY is "Infinity", must be a number from 0 to 3600: its unit is seconds'],
    ['MAX_SILENCE_DURATION', '0', 'MAX_SILENCE_DURATION is "0", must be a number from 0.1 to 86400: its unit is seconds'],
  ])('%s=%s is refused', (name, text, message, expected = {}) => {
    const error = thrownBy(() => parseEnvironment({ [name]: text }))
    expect([error.code, error.message]).toEqual(['CONFIG_INVALID', `environment: ${message}`])
    expect(problemsOf(error)).toEqual([
      { path: name, message, allowed: undefined, nearest: undefined, ...expected, ...allowedOf(message) },
    ])
  })

  test('every problem at once', () => {
    const error = thrownBy(() => parseEnvironment(Object.fromEntries(NAMES.map((name) => [name, '?']))))
    expect(problemsOf(error).map(({ path }) => path)).toEqual(NAMES)
    for (const name of NAMES) expect(error.message).toContain(name)
  })

  test('any text is a value or CONFIG_INVALID', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.double().map(String),
      fc.constantFrom('__proto__', 'constructor', 'toString', '0x10', '1e3', '١٢'),
    )
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), text, (name, value) => {
        try {
          const parsed = parseEnvironment({ [name]: value })
          for (const each of Object.values(parsed) as unknown[])
            if (typeof each === 'number') expect(Number.isSafeInteger(each) && each >= 0).toBe(true)
        } catch (error) {
          expect(TapekeeperError.is(error) && error.code).toBe('CONFIG_INVALID')
          expect((error as Error).message.length).toBeLessThan(1_200)
        }
      }),
    )
  })
})

const allowedOf = (message: string) => {
  const list = /allowed values: (.*)\)/.exec(message)?.[1]
  return list === undefined ? {} : { allowed: list.split(', ') }
}

describe('of this process', () => {
  test('is read anew each time', () => {
    expect({ ...environment() }).toEqual(DEFAULTS)
    vi.stubEnv('RECONNECT_DELAY', '1')
    expect(environment().reconnectDelayMs).toBe(1_000)
    vi.stubEnv('RECONNECT_DELAY', '2')
    expect(environment().reconnectDelayMs).toBe(2_000)
  })

  test('a bad variable concerns only those who ask for it', () => {
    vi.stubEnv('LOG_LEVEL', 'trace')
    expect(environment().reconnectDelayMs).toBe(5_000)
    expect(() => environment().logLevel).toThrow(/LOG_LEVEL is "trace"/)
  })

  test.each([
    ['no process', undefined],
    ['a process without environment', {}],
    [
      'an environment that may not be read',
      {
        get env(): never {
          throw new Error('NotCapable')
        },
      },
    ],
  ])('is empty where there is none: %s', (_name, process) => {
    vi.stubGlobal('process', process)
    const found = { ...environment() }
    vi.unstubAllGlobals()
    expect(found).toEqual(DEFAULTS)
  })
})

describe('and options', () => {
  const base = { exchangeName: 'acme', symbols: [] }
  const config = { exchange: 'okx', symbol: 'BTC-USDT', dataTypes: ['trade'] } as const

  test('what is left out comes from the environment, what is given wins', () => {
    vi.stubEnv('DEFAULT_HEALTH_CHECK_INTERVAL', '7')
    vi.stubEnv('MAX_SILENCE_DURATION', '8')
    vi.stubEnv('MAX_RECONNECT_ATTEMPTS', '9')
    vi.stubEnv('RECONNECT_DELAY', '10')
    expect(parseBaseOptions(base)).toMatchObject({
      healthCheckIntervalMs: 7_000,
      maxSilenceDurationMs: 8_000,
      maxRestarts: 9,
      restartDelayMs: 10_000,
    })
    const given = { healthCheckIntervalMs: 100, maxSilenceDurationMs: 200, maxRestarts: 0, restartDelayMs: 1 }
    expect(parseBaseOptions({ ...base, ...given })).toMatchObject(given)
    expect(parseBaseOptions({ ...base, maxRestarts: undefined }).maxRestarts).toBe(9)
  })

  test('LOG_LEVEL is the level of the console', () => {
    const debug = vi.spyOn(console, 'debug').mockImplementation(() => undefined)
    parseBaseOptions(base).logger.debug('no')
    vi.stubEnv('LOG_LEVEL', 'DEBUG')
    parseBaseOptions(base).logger.debug('yes')
    consoleLogger().debug('yes')
    consoleLogger('warn').debug('no')
    expect(debug.mock.calls).toEqual([['[tapekeeper] yes'], ['[tapekeeper] yes']])
  })

  test('a bad variable is thrown by the constructor and listed by validateConfig, beside the other problems', () => {
    vi.stubEnv('LOG_LEVEL', 'INFOO')
    vi.stubEnv('RECONNECT_DELAY', '5000')
    vi.stubEnv('LOG_MAX_FILES', 'none of a collector’s business')
    const error = thrownBy(() => createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'] }))
    expect([error.code, error.message]).toEqual([
      'CONFIG_INVALID',
      'OKX collector: RECONNECT_DELAY is "5000", must be a number from 0 to 3600: its unit is seconds; ' +
        'LOG_LEVEL is "INFOO", did you mean "INFO"? (allowed values: DEBUG, INFO, WARN, WARNING, ERROR)',
    ])
    expect(ExchangeFactory.validateConfig(config).map(({ path }) => path)).toEqual(['RECONNECT_DELAY', 'LOG_LEVEL'])
    expect(ExchangeFactory.validateConfig({ ...config, symbol: 7 }).map(({ path }) => path)).toEqual([
      'symbol',
      'RECONNECT_DELAY',
      'LOG_LEVEL',
    ])
  })

  test('nobody minds a bad variable whose option is given', () => {
    for (const name of NAMES) vi.stubEnv(name, '?')
    const given = {
      ...config,
      ...{ logger: silentLogger, healthCheckIntervalMs: 1_000, maxSilenceDurationMs: 1_000, maxRestarts: 1, restartDelayMs: 1 },
    }
    expect(ExchangeFactory.validateConfig(given)).toEqual([])
    expect(ExchangeFactory.createCollector(given).status).toBe('stopped')
  })
})
