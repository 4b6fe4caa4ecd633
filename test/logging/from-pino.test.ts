import { Writable } from 'node:stream'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { createOkxCollector, LOG_LEVELS } from 'tapekeeper'
import { fromPino } from 'tapekeeper/pino'
import { plainFields } from '../../src/ports/plain-fields.ts'

function setUp(options: pino.LoggerOptions = {}) {
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
      done()
    },
  })
  return { lines, logger: fromPino(pino({ level: 'debug', base: null, timestamp: false, ...options }, sink)) }
}

test('levels, message and fields arrive', () => {
  const { lines, logger } = setUp()
  for (const level of LOG_LEVELS) logger[level](`at ${level}`, { symbol: 'BTC-USDT' })
  logger.info('%s is no placeholder')
  expect(lines).toEqual([
    ...[20, 30, 40, 50].map((level, i) => ({ level, symbol: 'BTC-USDT', msg: `at ${LOG_LEVELS[i]}` })),
    { level: 30, msg: '%s is no placeholder' },
  ])
})

test('level and redaction are those of the host', () => {
  const { lines, logger } = setUp({ level: 'warn', redact: ['symbol'] })
  logger.info('no')
  logger.warn('yes', { symbol: 'BTC-USDT' })
  expect(lines).toEqual([{ level: 40, symbol: '[Redacted]', msg: 'yes' }])
})

test('errors under any name are written whole', () => {
  const { lines, logger } = setUp()
  const error = new Error('outer', { cause: new TypeError('inner') })
  logger.error('it', { cause: error, reason: new RangeError('range') })
  expect(lines[0]).toMatchObject({
    cause: { type: 'Error', message: 'outer', cause: { type: 'TypeError', message: 'inner' } },
    reason: { type: 'RangeError', message: 'range' },
  })
})

test('fields that throw, and a pino that does, do not throw into the caller', () => {
  const { lines, logger } = setUp()
  const broken = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('broken')
      },
    },
  )
  logger.warn('hello', {
    fine: 1,
    broken,
    get trap(): never {
      throw new Error('trap')
    },
  })
  logger.warn('hello', broken)
  expect(lines).toMatchObject([
    { fine: 1, broken: '[unreadable: broken]', trap: '[unreadable: trap]' },
    { fields: '[unreadable: broken]' },
  ])
  const failing = () => {
    throw new Error('no disk')
  }
  const bridge = fromPino({ debug: failing, info: failing, warn: failing, error: failing })
  for (const level of LOG_LEVELS) expect(() => bridge[level]('x', {})).not.toThrow()
})

test('is a logger to a collector', () => {
  const { logger } = setUp()
  expect(createOkxCollector({ symbol: 'BTC-USDT', dataTypes: ['trade'], logger }).status).toBe('stopped')
})

test('an error that is its own cause, a frozen one, one with many', () => {
  const own = new Error('own')
  own.cause = own
  expect(JSON.stringify(plainFields(own)).match(/"own"/g)).toHaveLength(6)
  expect(plainFields(Object.freeze(new Error('frozen')))).toMatchObject({ message: 'frozen' })
  expect(plainFields(new AggregateError([new Error('a'), 'b'], 'both'))).toMatchObject({ errors: [{ message: 'a' }, 'b'] })
})
