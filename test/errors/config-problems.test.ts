import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { configError, nearestTo, parseConfig, problemsOf } from '../../src/errors/config-problems.ts'
import { TapekeeperError } from '../../src/errors/tapekeeper-error.ts'

const schema = z.strictObject({
  exchange: z.string(),
  autoRestart: z.boolean().default(true),
  dataTypes: z.array(z.enum(['ticker', 'trade', 'orderbook'])).min(1),
  orderBook: z.strictObject({ depth: z.number().int().default(5), channel: z.enum(['books', 'books5']).optional() }).prefault({}),
  fees: z
    .array(z.strictObject({ maker: z.number().optional(), taker: z.number().optional() }))
    .readonly()
    .optional(),
  apiKey: z.string().min(8, 'must have 8 characters').optional(),
})
const good = { exchange: 'okx', dataTypes: ['trade'] }

test('nothing wrong, nothing to say', () => {
  expect(problemsOf(schema, good)).toEqual([])
  expect(parseConfig(schema, good, 'it')).toEqual({ ...good, autoRestart: true, orderBook: { depth: 5 } })
})

describe('problems', () => {
  test.each([
    ['unknown key, with the nearest right one', { ...good, autoRestrat: true }, { path: 'autoRestrat', nearest: 'autoRestart' }],
    ['unknown key, nothing near', { ...good, zzzzzzzz: 1 }, { path: 'zzzzzzzz', nearest: undefined }],
    [
      'unknown key inside',
      { ...good, orderBook: { dept: 5 } },
      { path: 'orderBook.dept', nearest: 'depth', allowed: ['depth', 'channel'] },
    ],
    [
      'wrong value, with the nearest right one',
      { ...good, dataTypes: ['trades'] },
      { path: 'dataTypes.0', nearest: 'trade', allowed: ['ticker', 'trade', 'orderbook'] },
    ],
    ['wrong value inside', { ...good, orderBook: { channel: 'boks5' } }, { path: 'orderBook.channel', nearest: 'books5' }],
    ['missing', { dataTypes: ['trade'] }, { path: 'exchange', message: 'exchange is missing, expected string' }],
    [
      'wrong type',
      { ...good, autoRestart: 'yes' },
      { path: 'autoRestart', message: 'autoRestart is a string, expected boolean' },
    ],
    ['a list', { ...good, exchange: ['okx'] }, { path: 'exchange', message: 'exchange is a list, expected string' }],
    ['an object', { ...good, exchange: {} }, { path: 'exchange', message: 'exchange is an object, expected string' }],
    ['null', { ...good, exchange: null }, { path: 'exchange', message: 'exchange is null, expected string' }],
    [
      'unknown key inside a list',
      { ...good, fees: [{ makr: 1 }] },
      { path: 'fees.0.makr', nearest: 'maker', allowed: ['maker', 'taker'] },
    ],
    ['empty', { ...good, dataTypes: [] }, { path: 'dataTypes' }],
  ])('%s', (_name, input, expected) => expect(problemsOf(schema, input)).toMatchObject([expected]))

  test('every one is named', () => {
    const problems = problemsOf(schema, { exchnage: 'okx', dataTypes: ['trade', 'tikcer', 7], orderBook: { depth: 1.5 } })
    expect(problems.map(({ path }) => path).sort()).toEqual([
      'dataTypes.1',
      'dataTypes.2',
      'exchange',
      'exchnage',
      'orderBook.depth',
    ])
  })

  test.each([[undefined], [null], [7], ['okx'], [[]]])('what is no configuration at all: %j', (input) => {
    expect(problemsOf(schema, input)).toMatchObject([
      { path: '', message: expect.stringContaining('the configuration') as string },
    ])
  })

  test('a message says what is wrong, what was meant and what is allowed', () => {
    const [problem] = problemsOf(schema, { ...good, dataTypes: ['trdae'] })
    expect(problem?.message).toBe('dataTypes.0 is "trdae", did you mean "trade"? (allowed values: ticker, trade, orderbook)')
  })

  test('the value of a secret is in no message', () => {
    expect(JSON.stringify(problemsOf(schema, { ...good, apiKey: 'hush' }))).not.toContain('hush')
    expect(JSON.stringify(problemsOf(schema, { ...good, apiKey: { hush: 1 } }))).not.toContain('hush')
  })
})

test('parseConfig throws all of them in one error', () => {
  let thrown: unknown
  try {
    parseConfig(schema, { exchange: 1, dataTypes: ['trade'], nope: 1 }, 'OKX collector')
  } catch (error) {
    thrown = error
  }
  expect(TapekeeperError.is(thrown)).toBe(true)
  expect(thrown).toMatchObject({ code: 'CONFIG_INVALID', consequence: 'throw' })
  expect((thrown as TapekeeperError).message).toMatch(/^OKX collector: .*exchange is a number.*; .*unknown key "nope"/)
  expect((thrown as TapekeeperError).context['problems']).toHaveLength(2)
  expect(configError('it', []).message).toBe('it: ')
})

describe('nearestTo', () => {
  test.each([
    ['okex', ['okx', 'binance'], 'okx'],
    ['OKX', ['okx', 'binance'], 'okx'],
    ['BTC-USD', ['BTC-USDT', 'ETH-USDT'], 'BTC-USDT'],
    ['okx', [], undefined],
    ['kraken', ['okx', 'binance'], undefined],
    ['', ['okx'], undefined],
    ['1mn', ['1m', '5m', '1M'], '1m'],
  ])('%j among %j: %s', (word, candidates, expected) => expect(nearestTo(word, candidates)).toBe(expected))
})
